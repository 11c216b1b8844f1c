import { type Cluster, startCluster } from "@pointsman/local";
import { Query } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

let cluster: Cluster;
let pool: Pool;
let view = 0;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  // What a reader would refuse is not known before.
  pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url, catalog: false });
  await pool.query("create sequence tickets");
});

// A view of its own for each test: what a reader has refused once is remembered.
beforeEach(async () => {
  view += 1;
  await pool.query(
    `create view next_ticket_${view} as
     select nextval('tickets') as ticket, current_setting('cluster_name') as server
     from generate_series(1, 5)`,
  );
  await cluster.waitForReplay();
});

afterAll(async () => {
  await pool?.end();
  await cluster?.stop();
});

const text = () => `select * from next_ticket_${view}`;
const servers = (rows: { server: string }[]) => [...new Set(rows.map((row) => row.server))];

describe("what a reader refuses is put right for", () => {
  test("a cursor on a checked-out client", async () => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor<{ server: string }>(text()));
    const first = await cursor.read(2);
    const rest = await cursor.read(10);
    await cursor.close();
    client.release();
    expect(servers([...first, ...rest])).toEqual(["writer"]);
    expect([first.length, rest.length]).toEqual([2, 3]);
  });

  test("a stream on a checked-out client", async () => {
    const client = await pool.connect();
    const rows = await client.query(new QueryStream(text(), [], { batchSize: 2 })).toArray();
    client.release();
    expect(servers(rows)).toEqual(["writer"]);
    expect(rows).toHaveLength(5);
  });

  test("a stream on the pool", async () => {
    const stream = new QueryStream(text(), [], { batchSize: 2 });
    const done = pool.query(stream);
    const rows = await stream.toArray();
    await done;
    expect(servers(rows)).toEqual(["writer"]);
    expect(rows).toHaveLength(5);
  });

  test("a query object with row events", async () => {
    const client = await pool.connect();
    const rows: { server: string }[] = [];
    await new Promise<void>((resolve, reject) => {
      const query = client.query(new Query(text()));
      query.on("row", (row) => rows.push(row as { server: string }));
      query.on("end", () => resolve());
      query.on("error", reject);
    });
    client.release();
    expect(servers(rows)).toEqual(["writer"]);
    expect(rows).toHaveLength(5);
  });
});

test("a refused cursor teaches the router: the text goes to the writer at once", async () => {
  const before = pool.stats();
  for (let round = 0; round < 2; round++) {
    const client = await pool.connect();
    const cursor = client.query(new Cursor(text()));
    await cursor.read(1);
    await cursor.close();
    client.release();
  }
  const after = pool.stats();
  expect(after.refusals - before.refusals).toBe(1);
  expect(after.reasons.refused - before.reasons.refused).toBe(1);
});

test("the connections that a refusal went through are as good as new", async () => {
  const client = await pool.connect();
  const cursor = client.query(new Cursor(text()));
  await cursor.read(1);
  await cursor.close();
  client.release();
  const { rows } = await pool.query("select current_setting('cluster_name') as server");
  expect(rows).toEqual([{ server: "reader1" }]);
  expect(pool.stats().reader).toMatchObject({ total: 1, idle: 1, waiting: 0 });
  expect(pool.stats().writer).toMatchObject({ total: 1, idle: 1, waiting: 0 });
});

test("an error after the first row reaches the cursor as it is", async () => {
  const client = await pool.connect();
  const cursor = client.query(
    new Cursor("select 10 / (3 - n) as quotient from generate_series(1, 5) as n"),
  );
  expect(await cursor.read(2)).toHaveLength(2);
  await expect(cursor.read(2)).rejects.toMatchObject({ code: "22012" });
  client.release();
});
