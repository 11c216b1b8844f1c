import { type ClientBase, Query, type Submittable } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { Pool, PoolStats } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  schema: `
    create sequence tickets;
    create view late_ticket as
      select n, case when n = 6 then nextval('tickets') end as ticket
      from generate_series(1, 10) as n;
    create view broken_ticket as select 1 / (nextval('tickets') * 0) as ticket;
    create view next_ticket as select nextval('tickets') as ticket;`,
});

interface Seen {
  readonly rows: number[];
  readonly error: (Error & { code?: string }) | undefined;
}

/** Reads a text in one way or another, to its end or its error. */
type Read = (pool: Pool, text: string) => Promise<Seen>;

async function onClient(pool: Pool, read: (client: ClientBase) => Promise<Seen>): Promise<Seen> {
  const client = await pool.connect();
  try {
    return await read(client);
  } finally {
    client.release();
  }
}

async function readCursor(client: ClientBase, text: string): Promise<Seen> {
  const cursor = client.query(new Cursor<{ n: number }>(text));
  const rows: number[] = [];
  for (;;) {
    const batch = await cursor.read(5).catch((error: Error) => error);
    if (batch instanceof Error) return { rows, error: batch };
    rows.push(...batch.map(({ n }) => n));
    if (batch.length === 0) return { rows, error: undefined };
  }
}

async function readStream(
  query: (stream: Submittable) => unknown,
  text: string,
  batchSize: number,
): Promise<Seen> {
  const stream = new QueryStream(text, [], { batchSize, highWaterMark: 1 });
  const rows: number[] = [];
  // A promise of the pool fails with the stream, which is what is looked at.
  Promise.resolve(query(stream)).catch(() => undefined);
  try {
    for await (const row of stream) rows.push((row as { n: number }).n);
  } catch (error) {
    return { rows, error: error as Error };
  }
  return { rows, error: undefined };
}

function readEvents(client: ClientBase, text: string): Promise<Seen> {
  const rows: number[] = [];
  return new Promise((resolve) => {
    const query = client.query(new Query(text));
    query.on("row", (row) => rows.push((row as { n: number }).n));
    query.on("end", () => resolve({ rows, error: undefined }));
    query.on("error", (error) => resolve({ rows, error }));
  });
}

/** The pool's counts once so many statements are over: an error comes before the end of its own. */
async function counted(pool: Pool, statements: number): Promise<PoolStats> {
  return until(`${statements} statements are counted`, () => {
    const stats = pool.stats();
    return stats.targets.writer + stats.targets.reader >= statements && stats;
  });
}

const ways: readonly [string, Read][] = [
  [
    "a cursor on a checked-out client",
    (pool, text) => onClient(pool, (client) => readCursor(client, text)),
  ],
  [
    "a stream on a checked-out client",
    (pool, text) =>
      onClient(pool, (client) => readStream((stream) => void client.query(stream), text, 5)),
  ],
  ["a stream on the pool", (pool, text) => readStream((stream) => pool.query(stream), text, 5)],
  ["a query with row events", (pool, text) => onClient(pool, (client) => readEvents(client, text))],
];

describe.each(ways)("%s", (_way, read) => {
  it("R7: is not repeated once a row of it was handed out", async () => {
    const pool = local.pool({ catalog: false });
    const mark = newMark();
    const { rows, error } = await read(pool, `${mark} select n, ticket from late_ticket`);
    expect({ rows, code: error?.code, reached: local.reached(mark) }).toEqual({
      rows: [1, 2, 3, 4, 5],
      code: "25006",
      reached: ["reader1"],
    });
    expect(await counted(pool, 1)).toMatchObject({
      refusals: 0,
      refusedTexts: 0,
      targets: { writer: 0, reader: 1 },
    });
  });

  it("R7: gets each row once when it is refused before the first", async () => {
    const mark = newMark();
    const text = `${mark} select ticket, n from next_ticket, generate_series(1, 7) as n order by n`;
    const { rows, error } = await read(local.pool({ catalog: false }), text);
    expect({ rows, error, reached: local.reached(mark) }).toEqual({
      rows: [1, 2, 3, 4, 5, 6, 7],
      error: undefined,
      reached: ["writer", "reader1"],
    });
  });

  it("R6: is not learned when the writer fails it too, and counts as repeated", async () => {
    const pool = local.pool({ catalog: false });
    const mark = newMark();
    for (let round = 0; round < 2; round++) {
      const { rows, error } = await read(pool, `${mark} select ticket as n from broken_ticket`);
      expect({ rows, code: error?.code }).toEqual({ rows: [], code: "22012" });
    }
    expect(await counted(pool, 2)).toMatchObject({
      refusals: 2,
      refusedTexts: 0,
      reasons: { "after-refusal": 2, refused: 0, "plain-read": 0 },
      targets: { writer: 2, reader: 0 },
    });
    expect(local.reached(mark)).toEqual(["writer", "reader1"]);
  });

  it("R6: is learned when the writer has answered it", async () => {
    const pool = local.pool({ catalog: false });
    const mark = newMark();
    const text = `${mark} select ticket::int * 0 as n from next_ticket`;
    await read(pool, text);
    await read(pool, text);
    expect(await counted(pool, 2)).toMatchObject({
      refusals: 1,
      refusedTexts: 1,
      reasons: { "after-refusal": 1, refused: 1, "plain-read": 0 },
      targets: { writer: 2, reader: 0 },
    });
  });
});

it("R7: a plain query is repeated though a row of it had come from the reader", async () => {
  const mark = newMark();
  const { rows } = await local
    .pool({ catalog: false })
    .query(`${mark} select n, ticket from late_ticket`);
  expect({ rows: rows.map(({ n }) => n), reached: local.reached(mark) }).toEqual({
    rows: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    reached: ["writer", "reader1"],
  });
});

it("R7: a text is learned from no other text's refusal", async () => {
  const pool = local.pool({ catalog: false });
  await rejection(pool.query("select ticket from broken_ticket"));
  await pool.query("select ticket from next_ticket");
  expect(pool.stats().refusedTexts).toBe(1);
});
