import type { Pool } from "pointsman";
import { conflict, notFound, violates } from "./problems.ts";

/** Signs a customer up and returns the new id. */
export async function signUp(pool: Pool, name: string, email: string): Promise<number> {
  try {
    const { rows } = await pool.query<{ id: number }>(
      "insert into customers (name, email) values ($1, $2) returning id",
      [name, email],
    );
    const [customer] = rows;
    if (!customer) throw new Error("The insert returned no row.");
    return customer.id;
  } catch (error) {
    if (violates(error, "customers_email")) {
      throw conflict("email_taken", "Somebody has signed up with this e-mail address already.");
    }
    throw error;
  }
}

/** A customer's own page. */
export async function customerPage(pool: Pool, id: number) {
  const { rows } = await pool.query(
    `select c.id, c.name, c.email, c.joined_at as "joinedAt",
            (select count(*)::int from orders o where o.customer_id = c.id) as orders,
            (select count(*)::int from reviews r where r.customer_id = c.id) as reviews
     from customers c where c.id = $1`,
    [id],
  );
  const [customer] = rows;
  if (!customer) throw notFound(`There is no customer ${id}.`);
  return customer;
}
