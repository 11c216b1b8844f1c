import type { Cluster } from "@pointsman/local";
import { Client } from "pg";

/** Rows of the table `kv`, with ids from 1 on. */
export const keyCount = 1000;

/** Makes the table `kv (id, value)`, and waits until every reader has it. */
export async function makeKeyValueTable(cluster: Cluster): Promise<void> {
  const client = new Client({ connectionString: cluster.writer.url });
  await client.connect();
  try {
    await client.query("create table kv (id integer primary key, value text not null)");
    await client.query(
      `insert into kv select n, 'value ' || n from generate_series(1, ${keyCount}) as n`,
    );
    await client.query("analyze kv");
  } finally {
    await client.end();
  }
  await cluster.waitForReplay();
}

/** Gives one id after the other, in a fixed order that jumps about. */
export function keys(): () => number {
  let at = 0;
  return () => {
    at = (at + 337) % keyCount;
    return at + 1;
  };
}
