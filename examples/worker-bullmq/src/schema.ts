import type { Pool } from "pointsman";

/** Creates the tables where they are not there yet. */
export async function createSchema(pool: Pool): Promise<void> {
  await pool.query(`
    create table if not exists orders (
      id int generated always as identity primary key,
      email text not null,
      title text not null
    );
    create table if not exists mails (
      order_id int primary key references orders,
      recipient text not null,
      body text not null
    );
  `);
}
