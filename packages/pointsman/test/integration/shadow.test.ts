import { startCluster } from "@pointsman/local";
import fc from "fast-check";
import type { Client, PoolClient } from "pg";
import Cursor from "pg-cursor";
import { createPool, type Pool, type PoolOptions, withFreshness, withWriter } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import { paused } from "../freshness/paused.ts";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { eventsOf } from "../support/statement-events.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Dune');
    create table sessions (id int);
    create sequence tickets;
    create function twice(n int) returns int language sql immutable as 'select 2 * n'`,
});

const shadowing = (options: PoolOptions = {}): Pool => local.pool({ shadow: true, ...options });

const shadowOf = (pool: Pool) => {
  const { shadow } = pool.stats();
  if (shadow === undefined) throw new Error("The pool is not in shadow mode.");
  return shadow;
};

/** Every way to send a text. */
const ways: Record<string, (pool: Pool, text: string) => Promise<unknown>> = {
  "the pool": (pool, text) => pool.query(text),
  "the pool with a callback": (pool, text) =>
    new Promise((resolve) => {
      pool.query(text, resolve);
    }),
  "a query's target": (pool, text) => pool.query({ text, target: "reader" }),
  "a hint": (pool, text) => pool.query(`/* pointsman:reader */ ${text}`),
  "a prepared statement": (pool, text) => pool.query({ text, name: text.slice(3, 40) }),
  "a client": async (pool, text) => {
    const client = await pool.connect();
    await client.query(text).finally(() => client.release());
  },
  "a cursor": async (pool, text) => {
    const client = await pool.connect();
    const cursor = client.query(new Cursor(text));
    const read = cursor.read(1).then(() => cursor.close());
    await read.finally(() => client.release());
  },
  "a transaction": (pool, text) => pool.transaction((tx) => tx.query(text)),
  "a READ ONLY transaction": (pool, text) =>
    pool.transaction((tx) => tx.query(text), { readOnly: true }),
  "a statement that joins one": (pool, text) =>
    pool.transaction(() => pool.query(text), { readOnly: true }),
  "a session": (pool, text) => pool.session(() => pool.query(text)),
  "pool.writer": (pool, text) => pool.writer.query(text),
  "pool.reader": (pool, text) => pool.reader.query(text),
  "a client of pool.reader": async (pool, text) => {
    const client = await pool.reader.connect();
    await client.query(text).finally(() => client.release());
  },
};

describe("in shadow mode", () => {
  it.each(Object.keys(ways))("no statement reaches a reader: through %s", async (name) => {
    const pool = shadowing({ tables: { books: "reader" } });
    const mark = newMark();
    await ways[name]?.(pool, `${mark} select title from books`);
    await ways[name]?.(pool, `${mark} insert into sessions values (1)`).catch(() => {});
    expect(local.reached(mark)).toEqual(["writer"]);
    expect(pool.stats().reader).toBeUndefined();
  });

  it("a reader has one connection at most, which asks how far it is, whatever is sent", async () => {
    const application_name = `shadow-${process.pid}`;
    const pool = shadowing({ application_name, max: 5 });
    await Promise.all(
      Array.from({ length: 50 }, () => pool.query("select pg_sleep(0.01) from books")),
    );
    await until("the lag is measured", () => shadowOf(pool).lag[0]?.lagMs !== undefined);
    const [reader] = local.cluster.readers;
    const { rows } = await (await local.connect(reader?.url)).query(
      "select query from pg_stat_activity where application_name = $1",
      [application_name],
    );
    expect(rows).toEqual([{ query: expect.stringContaining("pg_is_in_recovery") }]);
  });

  it("connect() hands out a connection, whose state stays on it as in pg.Pool", async () => {
    const pool = shadowing({ max: 1 });
    const client = await pool.connect();
    expect((client as unknown as { processID: number }).processID).toBeGreaterThan(0);
    await client.query("set work_mem = '9MB'");
    client.release();
    expect((await pool.query("show work_mem")).rows).toEqual([{ work_mem: "9MB" }]);
  });

  it("a session's token leads to what it has written, on a pool without shadow", async () => {
    const pool = shadowing();
    await paused(local.cluster, async () => {
      const token = await pool.session(async (session) => {
        await pool.query("insert into sessions values (77)");
        return session.token;
      });
      const real = local.pool({ consistency: "session" });
      const read = () => real.query("select 1 from sessions where id = 77");
      const { rowCount } = await real.session(read, { after: token });
      expect(rowCount).toBe(1);
    });
  });

  it("a failing route hook fails no statement, and is told", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const pool = shadowing({
      route: () => {
        throw new Error("no tenant");
      },
    });
    const client = await pool.connect();
    for (const sender of [pool, client] as unknown as Client[]) {
      expect((await sender.query(`${mark} select 1 as one`)).rows).toEqual([{ one: 1 }]);
    }
    client.release();
    const refusal = "The route hook fails: no tenant";
    expect(events.map(({ shadow }) => shadow?.refusal)).toEqual([refusal, refusal]);
    expect(shadowOf(pool).refusals).toBe(2);
  });

  it("explain() says where a text goes, and where it would go", async () => {
    const pool = shadowing();
    expect(await pool.explain("select * from books")).toMatchObject({
      target: "writer",
      reason: "shadow",
      shadow: { target: "reader", reason: "plain-read" },
    });
    const told = await pool.transaction(() => pool.explain("delete from books"), {
      readOnly: true,
    });
    expect(told).toMatchObject({
      target: "writer",
      reason: "shadow",
      shadow: { target: "reader", reason: "open-transaction" },
    });
    expect(await pool.explain("delete from books")).toMatchObject({
      target: "writer",
      reason: "data-change",
      shadow: { target: "writer", reason: "data-change" },
    });
  });

  it("R32: a mode is reported as it would be, and may be changed", async () => {
    const pool = shadowing({ mode: "reader-on-request" });
    await pool.query("select 1");
    await pool.query({ text: "select 2", target: "reader" });
    pool.setMode("writer-only");
    await pool.query("select 3");
    pool.setMode("auto");
    await pool.query("select 4");
    expect(shadowOf(pool).reasons).toEqual({
      writer: { mode: 2 },
      reader: { asked: 1, "plain-read": 1 },
    });
    expect(pool.stats().targets).toEqual({ writer: 4, reader: 0 });
  });
});

describe("without shadow mode", () => {
  it("neither numbers, events nor explanations have anything of it", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const single = createPool({ writer: local.cluster.writer.url });
    onTestFinished(() => single.end());
    for (const pool of [single, local.pool()]) {
      await pool.query(`${mark} select 1`);
      expect(pool.stats()).not.toHaveProperty("shadow");
      expect(await pool.explain("select 1")).not.toHaveProperty("shadow");
    }
    expect(events.map((event) => "shadow" in event)).toEqual([false, false]);
  });

  it("DATABASE_SHADOW turns it on, unless the option says otherwise", () => {
    const { url } = local.cluster.writer;
    const shadow = (value: string, option?: boolean): boolean =>
      resolveConfig({ writer: url, shadow: option }, { DATABASE_SHADOW: value }).shadow;
    expect(["1", "true", "", "0", "false"].map((value) => shadow(value))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect([shadow("1", false), shadow("0", true)]).toEqual([false, true]);
    expect(() => shadow("yes")).toThrow(
      'DATABASE_SHADOW must be 1 or true, 0 or false; got "yes".',
    );
  });
});

describe("the report", () => {
  it("counts by target and reason, with the share and the busiest texts", async () => {
    const pool = shadowing();
    for (let n = 0; n < 3; n++) await pool.query("select title from books");
    await pool.query("insert into sessions values (1)");
    const { lag, reads, ...report } = shadowOf(pool);
    expect(report).toEqual({
      targets: { writer: 1, reader: 3 },
      readerShare: 0.75,
      reasons: { writer: { "data-change": 1 }, reader: { "plain-read": 3 } },
      refusals: 0,
      texts: [
        {
          text: "select title from books",
          target: "reader",
          reason: "plain-read",
          statements: 3,
          refusals: 0,
          tooSoon: 0,
        },
        {
          text: "insert into sessions values (1)",
          target: "writer",
          reason: "data-change",
          statements: 1,
          refusals: 0,
          tooSoon: 0,
        },
      ],
    });
    expect(lag.map(({ endpoint }) => endpoint)).toEqual([
      `${local.cluster.reader.host}:${local.cluster.reader.port}`,
    ]);
    expect(reads.withoutWrite + reads.afterWrite.reduce((sum, { reads }) => sum + reads, 0)).toBe(
      3,
    );
  });

  it("tells what succeeds on the writer, and would be refused in a READ ONLY transaction", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const send = async (pool: Pool): Promise<unknown> =>
      pool
        .transaction((tx) => tx.query(`${mark} select pg_advisory_xact_lock(1)`), {
          readOnly: true,
        })
        .then(
          () => undefined,
          (error: Error) => error.message,
        );
    expect(await send(shadowing())).toBeUndefined();
    const refusal = await send(local.pool());
    expect(refusal).toContain("pg_advisory_xact_lock would succeed");
    expect(events[0]?.shadow).toEqual({ target: "reader", reason: "open-transaction", refusal });
  });

  it("tells what pool.reader would refuse, and nothing of what fails on the writer too", async () => {
    const pool = shadowing();
    await pool.reader.query("insert into sessions values (1)");
    await rejection(pool.reader.query("insert into nowhere values (1)"));
    await rejection(
      pool.transaction((tx) => tx.query("insert into sessions values (1)"), { readOnly: true }),
    );
    const { refusals, texts } = shadowOf(pool);
    expect(refusals).toBe(1);
    expect(texts.filter((text) => text.refusals > 0)).toMatchObject([
      { text: "insert into sessions values (1)", target: "reader", reason: "direct" },
    ]);
  });

  it("tells how soon after a write of its own scope a read comes", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const pool = shadowing({ reader: undefined, consistency: "session" });
    const write = () => pool.query("insert into sessions values (1)");
    const read = (name: string) => pool.query(`${mark} select '${name}' from books`);
    await write();
    await read("no session");
    await pool.session(async () => {
      await read("nothing written");
      await write();
      await read("written");
      await withFreshness({ consistency: "eventual" }, () => read("need not see it"));
      await withWriter(() => read("on the writer anyway"));
      await pool.session(() => read("an inner session, which must see its own alone"));
      await pool.transaction(
        async (tx) => {
          await tx.query(`${mark} select 'inside' from books`);
        },
        { readOnly: true },
      );
    });
    const told = events.filter(({ shadow }) => shadow?.sinceWriteMs !== undefined);
    expect(told.map(({ text }) => /'(.*)'/.exec(text)?.[1])).toEqual(["written"]);
    const [event] = told;
    expect(event?.shadow?.sinceWriteMs).toBeGreaterThanOrEqual(0);
    expect(event?.shadow?.sinceWriteMs).toBeLessThan(5000);
    expect(event?.shadow).not.toHaveProperty("lagMs");
  });

  it("counts a write of a transaction from its COMMIT on, and not one that is rolled back", async () => {
    const pool = shadowing({ reader: undefined });
    const afterWrites = () =>
      shadowOf(pool).reads.afterWrite.reduce((sum, { reads }) => sum + reads, 0);
    await pool.session(async () => {
      const client = await pool.connect();
      await client.query("begin");
      await client.query("insert into sessions values (1)");
      await pool.query("select 1");
      await client.query("rollback");
      await pool.query("select 2");
      expect(afterWrites()).toBe(0);
      await client.query("begin");
      await client.query("insert into sessions values (1)");
      await pool.query("select 3");
      expect(afterWrites()).toBe(0);
      await client.query("commit");
      await pool.query("select 4");
      expect(afterWrites()).toBe(1);
      client.release();
    });
  });

  it("sends a read to the writer while a write that it must see is under way", async () => {
    const pool = shadowing({ reader: undefined });
    const held = await local.connect();
    await held.query("begin; lock table sessions");
    await pool.session(async () => {
      const writing = pool.query("insert into sessions values (1)");
      await pool.query("select title from books");
      await held.query("commit");
      await writing;
      await pool.query("select title from books");
    });
    expect(shadowOf(pool).reasons).toEqual({
      writer: { "data-change": 1, "write-pending": 1 },
      reader: { "plain-read": 1 },
    });
  });

  it("forgets a write that was never sent", async () => {
    const pool = shadowing({ reader: undefined, max: 1 });
    const client = await pool.connect();
    await pool.session(async () => {
      const controller = new AbortController();
      const waiting = pool.query({
        text: "insert into sessions values (1)",
        signal: controller.signal,
      });
      controller.abort(new Error("enough"));
      await rejection(waiting);
      client.release();
      await pool.query("select title from books");
    });
    expect(shadowOf(pool).reasons.reader).toEqual({ "plain-read": 1 });
  });

  it("has a write at which pg has thrown over at once, and counts it", async () => {
    const pool = shadowing({ reader: undefined });
    const client = await pool.connect();
    const types = {
      get length(): number {
        throw new Error("nobody knows how many");
      },
    } as never;
    await rejection(client.query({ text: "insert into sessions values ($1)", values: [1], types }));
    await pool.query("select title from books");
    client.release();
    await pool.query("select title from books");
    expect(shadowOf(pool).reasons).toEqual({
      writer: { "data-change": 1 },
      reader: { "plain-read": 2 },
    });
  });

  it("counts once what pg cannot send, and answers twice", async () => {
    const pool = shadowing({ reader: undefined });
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const client = await pool.connect();
    await rejection(client.query("insert into sessions values ($1)", [circular]));
    client.release();
    expect(shadowOf(pool).targets).toEqual({ writer: 1, reader: 0 });
  });

  it("holds reads against the lag of the reader", async () => {
    const pool = shadowing();
    const read = async () => {
      await pool.query("insert into sessions values (1)");
      await pool.query("select title from books");
    };
    await read();
    await until("the lag is measured", () => shadowOf(pool).lag[0]?.lagMs !== undefined);
    await paused(local.cluster, async () => {
      await until("the reader is seen to be behind", async () => {
        await read();
        const { lag, reads } = shadowOf(pool);
        return (lag[0]?.lagMs ?? 0) > 1000 && reads.tooSoon > 0;
      });
    });
    await until("it has caught up", async () => {
      await read();
      return (shadowOf(pool).lag[0]?.lagMs ?? Number.POSITIVE_INFINITY) < 1000;
    });
    const [lag] = shadowOf(pool).lag;
    expect(lag?.mostMs).toBeGreaterThan(1000);
    expect(lag).not.toHaveProperty("problem");
  });

  it("tells why a reader cannot be measured, and serves all the same", async () => {
    const other = await startCluster({ readers: 0 });
    onTestFinished(() => other.stop());
    const pool = local.pool({
      shadow: true,
      readers: [{ host: "127.0.0.1", port: 1 }, other.writer.url],
    });
    const problems = () => shadowOf(pool).lag.map(({ problem }) => problem);
    await pool.query("select 1");
    await until("both are told", () => problems().every((problem) => problem !== undefined));
    expect(problems()).toEqual([
      expect.stringContaining("ECONNREFUSED"),
      "It belongs to another cluster than the writer.",
    ]);
    await pool.query("select 1");
    expect(shadowOf(pool).targets).toEqual({ writer: 0, reader: 2 });
  });

  it("leaves nothing behind when its pool is ended while it measures", async () => {
    const application_name = `shadow-end-${process.pid}`;
    const pool = shadowing({ application_name });
    await pool.query("select 1");
    await pool.end();
    const control = await local.connect(local.cluster.readers[0]?.url);
    await until("the connection to the reader is gone", async () => {
      const { rows } = await control.query(
        "select from pg_stat_activity where application_name = $1",
        [application_name],
      );
      return rows.length === 0;
    });
  });
});

/** What a scenario sends on: a pool, and one client of it. */
interface Stage {
  readonly pool: Pool;
  readonly client: PoolClient;
}

type Step = readonly [name: string, run: (stage: Stage, text: string) => Promise<unknown>];

const texts = [
  "select title from books",
  "select * from sessions",
  "values (1)",
  "show work_mem",
  "copy books to stdout",
  "insert into sessions values (1)",
  "update books set title = 'Dune' where id = 1",
  "with gone as (delete from sessions returning 1) select count(*) from gone",
  "select * from books for update",
  "select nextval('tickets')",
  "select twice(21)",
  "select pg_is_in_recovery()",
  "select count(*) from pg_stat_activity",
  "/* pointsman:writer */ select 1",
  "/* pointsman:reader */ select count(*) from pg_stat_activity",
  "set work_mem = '5MB'",
  "create temp table if not exists scratch (id int)",
  "selec 1",
  "select 1; select 2",
  "begin",
  "begin read only",
  "begin isolation level serializable read only",
  "savepoint here",
  "commit",
  "rollback",
  "do $$ begin end $$",
];

const steps: readonly Step[] = [
  ["the pool", ({ pool }, text) => pool.query(text)],
  ["the client", ({ client }, text) => client.query(text)],
  ["the client", ({ client }, text) => client.query(text)],
  ["the client", ({ client }, text) => client.query(text)],
  ["a target for the reader", ({ pool }, text) => pool.query({ text, target: "reader" } as never)],
  ["a target for the writer", ({ pool }, text) => pool.query({ text, target: "writer" } as never)],
  ["withWriter", ({ client }, text) => withWriter(() => client.query(text))],
  ["transaction()", ({ pool }, text) => pool.transaction((tx) => tx.query(text))],
  [
    "a nested one",
    ({ pool }, text) => pool.transaction(() => pool.transaction(() => pool.query(text))),
  ],
  [
    "a READ ONLY one",
    ({ pool }, text) => pool.transaction(() => pool.query(text), { readOnly: true }),
  ],
];

/** Where a pool sends what a scenario sends, or would send it. */
async function routesOf(
  pool: Pool,
  scenario: readonly (readonly [step: number, text: string])[],
): Promise<string[]> {
  const mark = newMark();
  const events = eventsOf(mark);
  const client = await pool.connect();
  for (const [step, text] of scenario) {
    await steps[step]?.[1]({ pool, client }, `${text} ${mark}`).catch(() => {});
  }
  client.release();
  return events.map(({ text, target, reason, shadow }) => {
    const route = shadow ?? { target, reason };
    return `${text.replace(mark, "")}: ${route.target} ${route.reason}`;
  });
}

describe("what shadow mode reports is what a pool without it does", () => {
  // What reads must see is another matter: it depends on how far the reader is.
  const options: PoolOptions = {
    consistency: "eventual",
    // So is when the database has answered what its functions do.
    catalog: false,
    // A scenario may wait for a lock that its own client holds.
    lock_timeout: 50,
    tables: { sessions: "writer" },
    route: ({ text }, _scope, proposed) => (text.startsWith("values") ? "writer" : proposed),
  };
  const modes = ["auto", "reader-on-request", "writer-only"] as const;

  it.each(modes)("for each text in each way, in the mode %s", async (mode) => {
    const [real, shadow] = [local.pool({ ...options, mode }), shadowing({ ...options, mode })];
    for (let step = 0; step < steps.length; step++) {
      for (const text of texts) {
        const scenario = [[step, text]] as const;
        expect(await routesOf(shadow, scenario)).toEqual(await routesOf(real, scenario));
      }
    }
  });

  it("for any conversation", { timeout: 60_000 }, async () => {
    const scenarios = fc.array(
      fc.tuple(fc.nat({ max: steps.length - 1 }), fc.constantFrom(...texts)),
      { minLength: 2, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(scenarios, fc.constantFrom(...modes), async (scenario, mode) => {
        const [real, shadow] = [local.pool({ ...options, mode }), shadowing({ ...options, mode })];
        const [told, done] = [await routesOf(shadow, scenario), await routesOf(real, scenario)];
        await Promise.all([real.end(), shadow.end()]);
        expect(told).toEqual(done);
      }),
      { numRuns: 40 },
    );
  });

  it("behind a statement that has failed in a transaction, or behind the BEGIN of one", async () => {
    const onClient = (...texts: string[]) => texts.map((text) => [1, text] as const);
    const scenario = [
      ...onClient("begin read only", "selec 1", "select title from books", "rollback"),
      ...onClient("select title from books", "begin; select 1/0", "select title from books"),
      ...onClient("commit", "select title from books"),
    ];
    const done = await routesOf(local.pool(options), scenario);
    expect(await routesOf(shadowing(options), scenario)).toEqual(done);
    expect(done.map((line) => line.split(" ").at(-1))).toEqual([
      "read-only-transaction",
      "open-transaction",
      "open-transaction",
      "open-transaction",
      "plain-read",
      "transaction-start",
      "open-transaction",
      "open-transaction",
      "conversation",
    ]);
  });

  it("for statements that are sent on a client without waiting for the ones before", async () => {
    const send = async (pool: Pool): Promise<string[]> => {
      const mark = newMark();
      const events = eventsOf(mark);
      const client = await pool.connect();
      const queued = [
        "select title from books",
        "begin read only",
        "select * from sessions",
        "commit",
        "select title from books",
        "begin",
        "select title from books",
        "insert into sessions values (1)",
        "commit",
        "select title from books",
      ];
      await Promise.all(queued.map((text) => client.query(`${text} ${mark}`)));
      client.release();
      return events.map(({ target, reason, shadow }) => {
        const route = shadow ?? { target, reason };
        return `${route.target} ${route.reason}`;
      });
    };
    const done = await send(local.pool(options));
    expect(await send(shadowing(options))).toEqual(done);
    expect(done).toContain("reader open-transaction");
    expect(done.at(-1)).toBe("writer conversation");
  });

  it("for what is chosen by hand", async () => {
    const send = async (pool: Pool): Promise<string[]> => {
      const mark = newMark();
      const events = eventsOf(mark);
      for (const side of [pool.writer, pool.reader]) {
        await side.query(`${mark} select 1`);
        const client = await side.connect();
        await client.query(`${mark} begin read only`);
        await client.query(`${mark} select 2`);
        await client.query(`${mark} commit`);
        client.release();
      }
      await pool.query(`${mark} select 3`);
      const next = await pool.connect();
      await next.query(`${mark} select 4`);
      await next.query(`${mark} insert into sessions values (1)`);
      next.release();
      const last = await pool.connect();
      await last.query(`${mark} select 5`);
      last.release();
      return events.map(({ target, reason, shadow }) => {
        const route = shadow ?? { target, reason };
        return `${route.target} ${route.reason}`;
      });
    };
    const one: PoolOptions = { consistency: "eventual", max: 1 };
    const told = await send(shadowing(one));
    expect(told).toEqual(await send(local.pool(one)));
    expect(told.at(-1)).toBe("reader plain-read");
  });
});
