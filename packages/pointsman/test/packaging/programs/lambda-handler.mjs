// A handler as AWS Lambda calls it: the pool is made once, when the function starts cold.
import { createPool, iam } from "pointsman";
import { Client } from "pointsman/pg";

const pool = createPool(process.env.DATABASE_AUTH === "iam" ? { auth: iam() } : {});
const server = "current_setting('cluster_name') as server";

export const handler = async ({ note }) => {
  const { rows: before } = await pool.query(`select ${server} from notes where text = $1`, [note]);
  const { rows: written } = await pool.query(
    `insert into notes (text) values ($1) returning ${server}`,
    [note],
  );
  const client = new Client();
  await client.connect();
  // On a busy machine the reader may not have what was written just now.
  const { rows: read } = await client.query({
    text: `select ${server}, 1 as n`,
    consistency: "eventual",
  });
  await client.end();
  return { before: before.length, written: written[0].server, read: read[0].server };
};
