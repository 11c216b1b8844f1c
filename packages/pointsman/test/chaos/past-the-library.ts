import type { Cluster } from "@pointsman/local";
import pg from "pg";
import type { Rows } from "./untruths.ts";

/** How often rows with numbers above this one are there. */
export async function rowsThere(cluster: Cluster, after: number): Promise<Rows> {
  const { rows } = await asWriter(cluster, (client) =>
    client.query<{ id: number; count: number }>(
      "select id, count(*)::int from chaos_rows where id > $1 group by id",
      [after],
    ),
  );
  return new Map(rows.map(({ id, count }) => [id, count]));
}

/** Asks the writer, past the library. */
export async function asWriter<T>(
  cluster: Cluster,
  act: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: cluster.writer.url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}
