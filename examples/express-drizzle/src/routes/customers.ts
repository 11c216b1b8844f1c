import { eq } from "drizzle-orm";
import { Router } from "express";
import type { Database } from "../database.ts";
import { digits, email, shape, text } from "../input.ts";
import { isTaken, Problem } from "../problems.ts";
import * as schema from "../schema.ts";

const newCustomer = shape({ name: text(200), email });

export function customers(db: Database): Router {
  const router = Router();
  router.post("/customers", async ({ body }, response) => {
    const customer = newCustomer(body, "The body");
    try {
      const [made] = await db
        .insert(schema.customers)
        .values(customer)
        .returning({ id: schema.customers.id });
      response.redirect(303, `/customers/${made?.id}`);
    } catch (error) {
      if (!isTaken(error, "one_customer_per_email")) throw error;
      const message = "Somebody has signed up with this e-mail address already.";
      throw new Problem(409, "email_taken", message);
    }
  });
  router.get("/customers/:id", async ({ params }, response) => {
    const id = digits()(params.id, "id");
    const customer = await db.query.customers.findFirst({ where: eq(schema.customers.id, id) });
    if (!customer) throw new Problem(404, "not_found", `There is no customer ${id}.`);
    response.json(customer);
  });
  return router;
}
