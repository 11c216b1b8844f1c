import { Client } from "pg";

/** Has somebody with every right do something in a session of its own. */
export async function superuser(url: string, sql: string): Promise<void> {
  const hold = await holding(url, sql);
  await hold.letGo();
}

/** The same, and the session stays open: what it has locked stays locked. */
export async function holding(url: string, sql: string): Promise<{ letGo(): Promise<void> }> {
  const client = new Client({ connectionString: url, application_name: "somebody" });
  // Its server may be killed under it.
  client.on("error", () => {});
  await client.connect();
  await client.query(sql);
  return { letGo: () => client.end() };
}

/** Whether somebody of this name has a session at a server. */
export async function isThere(url: string, user: string): Promise<boolean> {
  const client = new Client({ connectionString: url, application_name: "somebody" });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_stat_activity where usename = $1", [
      user,
    ]);
    return rowCount !== 0;
  } finally {
    await client.end();
  }
}
