import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, expect, test } from "vitest";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  // What a reader would refuse is not known before.
  pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url, catalog: false });
  await pool.query("create table numbers (n int)");
  await pool.query("create sequence tickets");
  await pool.query("create view tickets_to_come as select nextval('tickets') as n");
  await pool.query("create unlogged table scratch (n int)");
  await pool.query("insert into scratch values (7)");
  await cluster.waitForReplay();
});

afterAll(async () => {
  await pool?.end();
  await cluster?.stop();
});

async function copiedOut(text: string): Promise<string> {
  const client = await pool.connect();
  const chunks: Buffer[] = [];
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  try {
    await pipeline(client.query(copyTo(text)), collect);
    return Buffer.concat(chunks).toString();
  } finally {
    client.release();
  }
}

test("COPY FROM STDIN runs on the writer", async () => {
  const client = await pool.connect();
  await pipeline(Readable.from(["1\n", "2\n"]), client.query(copyFrom("copy numbers from stdin")));
  client.release();
  const { rows } = await pool.writer.query("select sum(n)::int as sum from numbers");
  expect(rows).toEqual([{ sum: 3 }]);
});

test("COPY TO STDOUT runs on a reader", async () => {
  // Until it has what was just written the writer is right, too.
  await cluster.waitForReplay();
  expect(await copiedOut("copy (select current_setting('cluster_name')) to stdout")).toBe(
    "reader1\n",
  );
});

test.each([
  ["a view that takes numbers from a sequence", "copy (select n from tickets_to_come) to stdout"],
  ["an unlogged table", "copy scratch to stdout"],
])(
  "a COPY that a reader refuses (%s) fails once, and goes to the writer from then on",
  async (_name, text) => {
    await expect(copiedOut(text)).rejects.toMatchObject({ severity: "ERROR" });
    expect(await copiedOut(text)).toMatch(/^\d+\n$/);
  },
);
