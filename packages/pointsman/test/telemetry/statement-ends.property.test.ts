import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import type { PoolClient } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { listenTo, type PointsmanEvents, type Pool, type PoolOptions } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id serial primary key, title text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets')::int as n`,
});

/** The same mixes each time; a search for more takes another seed, and more runs. */
const seed = Number(process.env["POINTSMAN_SEED"] ?? 1);
const numRuns = Number(process.env["POINTSMAN_RUNS"] ?? 10);

const gone = new Error("nobody waits any more");

interface Config {
  readonly text: string;
  readonly signal?: AbortSignal;
  readonly query_timeout?: number;
}

async function onClient<T>(pool: Pool, use: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  client.on("error", () => {});
  try {
    return await use(client);
  } finally {
    client.release();
  }
}

/** How a statement is sent; all but the last two so that its caller can give it up. */
const ways = {
  "the pool": (pool: Pool, config: Config) => pool.query(config),
  "a callback": (pool: Pool, config: Config) =>
    new Promise((resolve, reject) =>
      pool.query(config, (error, result) => (error ? reject(error) : resolve(result))),
    ),
  "a session": (pool: Pool, config: Config) => pool.session(() => pool.query(config)),
  "pool.writer": (pool: Pool, config: Config) => pool.writer.query(config),
  "a client": (pool: Pool, config: Config) =>
    onClient(pool, async (client) => {
      const before = client.query("select 1").catch(() => {});
      await client.query(config).finally(() => before);
    }),
  "a new client": (pool: Pool, config: Config) => onClient(pool, (client) => client.query(config)),
  "a transaction": (pool: Pool, config: Config) => pool.transaction((tx) => tx.query(config)),
  "a joined transaction": (pool: Pool, config: Config) =>
    pool.transaction(() => pool.query(config)),
  "a stream": async (pool: Pool, { text }: Config) => {
    const stream = new QueryStream(text);
    stream.on("error", () => {});
    stream.resume();
    await (pool.query(stream) as unknown as Promise<unknown>);
  },
  "a cursor": (pool: Pool, { text }: Config) =>
    onClient(pool, async (client) => {
      const cursor = client.query(new Cursor(text));
      await cursor.read(1);
      await cursor.close();
    }),
} as const;

/** A reader refuses this one. */
const refused = "select n from next_ticket";
const texts = [
  "select 1 as n",
  "select 1 as n from pg_sleep(0.03)",
  "insert into books (title) values ('Emma')",
  "select 1 / 0 as n",
  refused,
];

const millis = fc.integer({ min: 0, max: 40 });

const statement = fc
  .record({
    way: fc.constantFrom(...(Object.keys(ways) as (keyof typeof ways)[])),
    text: fc.constantFrom(...texts),
    delay: fc.integer({ min: 0, max: 20 }),
    givenUp: fc.oneof(
      fc.constant({ how: "not" as const }),
      fc.constantFrom({ how: "before" as const }, { how: "at once" as const }),
      millis.map((after) => ({ how: "aborted" as const, after })),
      millis.map((after) => ({ how: "timed out" as const, after: after + 1 })),
    ),
  })
  // Cursors that are refused have tests of their own.
  .filter(({ way, text }) => !(text === refused && (way === "a cursor" || way === "a stream")));
type Statement = typeof statement extends fc.Arbitrary<infer T> ? T : never;

const mix = fc.record({
  statements: fc.array(statement, { minLength: 8, maxLength: 20 }),
  upheaval: fc.oneof(
    fc.constant(undefined),
    fc.record({ what: fc.constantFrom("end" as const, "cut" as const), after: millis }),
  ),
});

/** What its caller gets. Each text has a mark of its own, by which its events are known. */
async function send(pool: Pool, mark: string, sent: Statement): Promise<unknown> {
  await pause(sent.delay);
  const { how, after = 0 } = { after: undefined, ...sent.givenUp };
  const abort = new AbortController();
  if (how === "before") abort.abort(gone);
  const config: Config = {
    text: `${sent.text} ${mark}`,
    ...(how === "not" || how === "timed out" ? {} : { signal: abort.signal }),
    ...(how === "timed out" ? { query_timeout: after } : {}),
  };
  const outcome = Promise.resolve(ways[sent.way](pool, config)).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (how === "at once") abort.abort(gone);
  if (how === "aborted") void pause(after).then(() => abort.abort(gone));
  return outcome;
}

/** Ends the connections of an application, as a server does that is going away. */
async function cut(application: string): Promise<void> {
  for (const { direct } of local.cluster.servers) {
    const client = await local.connect(direct.url);
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
      [application],
    );
  }
}

/** An endpoint where nobody listens. */
const nobody = (): string => {
  const url = new URL(local.cluster.writer.url);
  url.port = "1";
  return url.href;
};

const pools: readonly [string, () => PoolOptions][] = [
  ["one server", () => ({ reader: undefined })],
  ["readers", () => ({})],
  ["readers and little time", () => ({ connectionTimeoutMillis: 40, query_timeout: 60 })],
  ["a reader that is gone", () => ({ reader: nobody() })],
  ["a writer that is gone", () => ({ writer: nobody(), failoverTimeout: 100 })],
  ["shadow", () => ({ shadow: true })],
];

let pooled = 0;

describe.each(pools)("with %s", (_kind, options) => {
  it("each statement that starts ends once, and with what its caller gets", {
    timeout: 60_000,
  }, async () => {
    const seen = { statements: 0, givenUp: 0 };
    await fc.assert(
      fc.asyncProperty(mix, async ({ statements, upheaval }) => {
        pooled += 1;
        const application = `ends ${pooled}`;
        const pool = local.pool({
          ...{ max: 2, lanes: { after: 0, max: 1, depth: 2 }, endTimeout: 100 },
          ...options(),
          application_name: application,
        });
        pool.on("error", () => {});
        const starts: PointsmanEvents["statement:start"][] = [];
        const ends: PointsmanEvents["statement:end"][] = [];
        const stop = listenTo(pool, {
          "statement:start": (event) => starts.push(event),
          "statement:end": (event) => ends.push(event),
        });
        const marks = statements.map((_, n) => `/* ${application}: ${n} */`);
        const waiting = new Set(statements);
        const outcomes = statements.map((sent, n) =>
          send(pool, marks[n] as string, sent).finally(() => waiting.delete(sent)),
        );
        if (upheaval !== undefined) {
          await pause(upheaval.after);
          if (upheaval.what === "cut") await cut(application);
          else await pool.end();
        }
        await until("all are answered", () => waiting.size === 0, 5_000);
        const errors = await Promise.all(outcomes);
        if (upheaval?.what !== "end") await pool.end();
        await until("all have ended", () => ends.length >= starts.length, 3_000);
        stop();

        const ids = (events: readonly { readonly id: number }[]) =>
          events.map(({ id }) => id).sort((a, b) => a - b);
        expect(ids(ends)).toEqual(ids(starts));
        for (const [n, sent] of statements.entries()) {
          const end = ends.find(({ text }) => text.includes(marks[n] as string));
          // What a transaction is told may be of its COMMIT, or of a statement before; pg-pool tells
          // what its connection was lost by; what there was no client for was never called.
          if (end === undefined || sent.way.includes("transaction")) continue;
          if (sent.way === "pool.writer" && upheaval?.what === "cut") continue;
          expect(end.error, `${sent.way}: ${end.text}`).toBe(errors[n]);
        }
        seen.statements += ends.length;
        seen.givenUp += ends.filter(({ error }) => error === gone).length;
      }),
      { seed, numRuns, endOnFailure: true },
    );
    expect(seen.statements).toBeGreaterThan(numRuns * 4);
    expect(seen.givenUp).toBeGreaterThan(numRuns / 2);
  });
});
