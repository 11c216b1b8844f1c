import Fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import type { Pool } from "pointsman";
import { sessionPerRequest } from "pointsman/fastify";
import { databaseOn } from "./database.ts";
import { answerNoSuchPage, answerProblem } from "./problems.ts";
import { backOffice } from "./routes/back-office.ts";
import { catalogue } from "./routes/catalogue.ts";
import { customers } from "./routes/customers.ts";
import { orders } from "./routes/orders.ts";
import { reviews } from "./routes/reviews.ts";

/** The shop over a pool, which stays the caller's to end. */
export function createApp(pool: Pool, options: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify({ bodyLimit: 64 * 1024, frameworkErrors: answerProblem, ...options });
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler(answerNoSuchPage);
  letGoWhenClosing(app);
  // Whoever has written something finds it with the next request, whichever process serves that.
  app.register(sessionPerRequest(pool));
  const db = databaseOn(pool);
  for (const routes of [catalogue, reviews, customers, orders, backOffice]) {
    app.register(routes, { db });
  }
  return app;
}

/** Fastify closes connections that are idle; one that is answered later would be kept for a minute. */
function letGoWhenClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (closing) reply.header("connection", "close");
  });
}
