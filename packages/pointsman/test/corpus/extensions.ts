import type { Client } from "pg";

/** Of those, what is a library of triggers or another language and has nothing to call, or damages. */
const notWanted = new Set([
  "pg_surgery",
  "pg_logicalinspect",
  "pltclu",
  "pltcl",
  "adminpack",
  "pg_walinspect",
]);

/**
 * Creates every extension of the installation that can be created.
 *
 * @returns those that cannot, for want of a library on this machine
 */
export async function createExtensions(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select name from pg_available_extensions order by name",
  );
  const failed: string[] = [];
  for (const { name } of rows.filter((row) => !notWanted.has(row.name))) {
    await client
      .query(`create extension if not exists "${name}" cascade`)
      .catch(() => failed.push(name));
  }
  return failed;
}
