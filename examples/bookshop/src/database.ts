import { readFile } from "node:fs/promises";
import type { Pool } from "pointsman";

/** Creates the tables, in a database that has none of them. */
export async function createSchema(pool: Pool): Promise<void> {
  await pool.query(await readFile(new URL("../schema.sql", import.meta.url), "utf8"));
}

/** Whether {@link createSchema} has been here. */
export async function hasSchema(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ present: boolean }>(
    "select to_regclass('order_lines') is not null as present",
  );
  return rows[0]?.present === true;
}
