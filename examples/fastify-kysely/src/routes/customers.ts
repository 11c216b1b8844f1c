import type { FastifyInstance } from "fastify";
import type { Database } from "../database.ts";
import { conflict, notFound, violates } from "../problems.ts";
import { email, integer, object, text } from "../schemas.ts";

export async function customers(app: FastifyInstance, { db }: { db: Database }) {
  app.post<{ Body: { name: string; email: string } }>(
    "/customers",
    { schema: { body: object({ name: text(200), email }) } },
    async ({ body }, reply) => reply.redirect(`/customers/${await signUp(db, body)}`, 303),
  );

  app.get<{ Params: { id: number } }>(
    "/customers/:id",
    { schema: { params: object({ id: integer() }) } },
    ({ params }) => customerPage(db, params.id),
  );
}

/** @returns the new customer's id */
async function signUp(db: Database, person: { name: string; email: string }): Promise<number> {
  try {
    const { id } = await db
      .insertInto("customers")
      .values(person)
      .returning("id")
      .executeTakeFirstOrThrow();
    return id;
  } catch (error) {
    if (violates(error, "one_customer_per_email")) {
      throw conflict("email_taken", "Somebody has signed up with this e-mail address already.");
    }
    throw error;
  }
}

async function customerPage(db: Database, id: number) {
  return db
    .selectFrom("customers")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirstOrThrow(() => notFound(`There is no customer ${id}.`));
}
