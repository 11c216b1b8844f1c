import express, { type Express } from "express";
import type { Pool } from "pointsman";
import { sessionPerRequest } from "pointsman/express";
import { databaseOn } from "./database.ts";
import { answerProblem, noSuchPage } from "./problems.ts";
import { backOffice } from "./routes/back-office.ts";
import { catalogue } from "./routes/catalogue.ts";
import { customers } from "./routes/customers.ts";
import { orders } from "./routes/orders.ts";
import { reviews } from "./routes/reviews.ts";

/** The shop over a pool. */
export function createApp(pool: Pool): Express {
  const db = databaseOn(pool);
  const app = express();
  app.disable("x-powered-by");
  // Whoever has written something finds it with the next request, whichever process serves that.
  app.use(sessionPerRequest(pool));
  app.use(express.json({ limit: "64kb" }));
  app.use(catalogue(db), reviews(db), customers(db), orders(db), backOffice(db));
  app.use(noSuchPage);
  app.use(answerProblem);
  return app;
}
