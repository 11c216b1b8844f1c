import type { Asker } from "./asker.ts";

/** What the transaction is good for that a statement has left open, which is then rolled back. */
export async function insideOf(asker: Asker): Promise<string> {
  const read = await asker.run("select count(*) from notes");
  const write = await asker.run("insert into audit (what) values ('inside')");
  await asker.run("rollback");
  return `${read.accepted ? "reads" : "does not read"} and ${write.accepted ? "writes" : "does not write"}`;
}
