import { AsyncLocalStorage } from "node:async_hooks";
import Cursor from "pg-cursor";
import {
  type EventName,
  listenTo,
  type PointsmanEvents,
  type Pool,
  type PoolOptions,
} from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { routes } from "../../src/routing/decide.ts";
import { classify } from "../../src/statements/classify.ts";
import { warmUp } from "../../src/statements/parser.ts";
import { StatementTrace } from "../../src/telemetry/statement-trace.ts";
import { paused } from "../freshness/paused.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table books (id serial primary key, title text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets') as ticket`,
});

type Heard = {
  [K in EventName]: { readonly name: K; readonly event: PointsmanEvents[K] };
}[EventName];

const ofStatements = ["statement:start", "route", "guard", "retry", "statement:end"] as const;

/** Everything that the statements of a pool tell, in order. */
function hear(pool: Pool): Heard[] {
  const heard: Heard[] = [];
  const listeners = Object.fromEntries(
    [...ofStatements, "learning" as const].map((name) => [
      name,
      (event: never) => heard.push({ name, event }),
    ]),
  );
  onTestFinished(listenTo(pool, listeners));
  return heard;
}

const named = <K extends EventName>(heard: readonly Heard[], name: K): PointsmanEvents[K][] =>
  heard.filter((one) => one.name === name).map(({ event }) => event as PointsmanEvents[K]);

const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;

async function withServers(options: PoolOptions = {}): Promise<Pool> {
  const pool = local.pool(options);
  await Promise.all([pool.query("select 1"), pool.query("select nextval('tickets')")]);
  return pool;
}

describe("the events of a statement", () => {
  it("tell of its call, its route and its answer, in order and under one id", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    const text = "select b.title from public.books join books b using (id) where id = $1";
    await pool.query(text, [1]);
    const { id } = (heard[0] as Heard).event as { readonly id: number };
    const described = {
      id,
      text,
      effect: "read",
      commands: ["SELECT"],
      relations: ["public.books", "books"],
      writes: [],
    };
    expect(heard).toEqual([
      { name: "statement:start", event: described },
      { name: "route", event: { id, target: "reader", reason: "plain-read" } },
      {
        name: "statement:end",
        event: {
          ...described,
          target: "reader",
          reason: "plain-read",
          endpoint: addressOf(local.cluster.reader),
          durationMs: expect.any(Number),
          waitMs: expect.any(Number),
          retries: 0,
          freshness: "not-needed",
        },
      },
    ]);
  });

  it("name all commands of a text, and the tables that it writes", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    await pool.query("insert into books (title) values ('a'); delete from books where id = 0");
    expect(named(heard, "statement:start")).toMatchObject([
      { effect: "write", commands: ["INSERT", "DELETE"], relations: ["books"] },
    ]);
  });

  const ways: readonly [string, number, (pool: Pool) => Promise<unknown>][] = [
    ["a read", 1, (pool) => pool.query("select 1")],
    ["a write", 1, (pool) => pool.query("select nextval('tickets')")],
    ["a callback", 1, (pool) => new Promise<void>((done) => pool.query("select 1", () => done()))],
    ["an error", 1, (pool) => pool.query("select 1/0").catch(() => {})],
    [
      "many reads at once",
      40,
      (pool) =>
        Promise.all(Array.from({ length: 40 }, (_, n) => pool.query("select $1::int", [n]))),
    ],
    [
      "a client",
      3,
      async (pool) => {
        const client = await pool.connect();
        await client.query("select 1");
        await client.query("select nextval('tickets')");
        await client.query("select 2");
        client.release();
      },
    ],
    [
      "a transaction, joined from outside",
      4,
      (pool) =>
        pool.transaction(async (tx) => {
          await tx.query("select 1");
          await pool.query("select 2");
        }),
    ],
    [
      "connections that were chosen by hand",
      2,
      async (pool) => {
        await pool.writer.query("select 1");
        await pool.reader.query("select 1");
      },
    ],
    [
      "a cursor",
      1,
      async (pool) => {
        const client = await pool.connect();
        const cursor = client.query(new Cursor("select 1"));
        await cursor.read(10);
        await cursor.close();
        client.release();
      },
    ],
    [
      "a session",
      2,
      (pool) =>
        pool.session(async () => {
          await pool.query("select nextval('tickets')");
          await pool.query("select 1");
        }),
    ],
  ];

  describe.each(kinds)("$kind", ({ options }) => {
    it.each(ways)("begin once and end once for each statement: %s", async (_way, count, send) => {
      const pool = local.pool(options);
      const heard = hear(pool);
      await send(pool);
      const ids = (name: "statement:start" | "route" | "statement:end") =>
        named(heard, name)
          .map(({ id }) => id)
          .sort((a, b) => a - b);
      await until("all have ended", () => ids("statement:end").length >= count);
      expect(ids("statement:start")).toHaveLength(count);
      expect(new Set(ids("statement:start")).size).toBe(count);
      expect(ids("route")).toEqual(ids("statement:start"));
      expect(ids("statement:end")).toEqual(ids("statement:start"));
    });

    it.each(ways)("are heard where the statement was called: %s", async (_way, _count, send) => {
      const pool = local.pool(options);
      await send(pool);
      const caller = new AsyncLocalStorage<string>();
      const places: (string | undefined)[] = [];
      const note = (): void => {
        places.push(caller.getStore());
      };
      onTestFinished(listenTo(pool, { "statement:start": note, "statement:end": note }));
      await caller.run("caller", () => send(pool));
      await until("one has ended", () => places.length > 1);
      expect(new Set(places)).toEqual(new Set(["caller"]));
    });
  });

  it("tell of what a read-only pool does not send", async () => {
    const { writer, reader } = local.cluster;
    const pool = local.pool({ writer: writer.url, reader: reader.url, readOnly: true });
    const heard = hear(pool);
    const error = await rejection(pool.query("delete from books"));
    expect(named(heard, "statement:start")).toHaveLength(1);
    const ends = named(heard, "statement:end");
    expect(ends).toMatchObject([{ endpoint: "", retries: 0, commands: ["DELETE"] }]);
    expect(ends[0]?.error).toBe(error);
    expect(ends[0]).not.toHaveProperty("waitMs");
  });

  describe("of a read-only pool end for each that begins:", () => {
    const readOnly = (): Pool => {
      const { writer, reader } = local.cluster;
      return local.pool({
        ...{ writer: writer.url, reader: reader.url },
        ...{ readOnly: true, allowWritesTo: ["books"] },
      });
    };

    const conversations: readonly [string, readonly string[]][] = [
      ["a transaction in which nothing is done", ["begin", "commit"]],
      ["one that reads", ["begin", "select 1", "commit"]],
      ["one that writes", ["begin", "insert into books (title) values ('a')", "rollback"]],
      ["one that is only begun", ["begin"]],
    ];

    it.each(conversations)("%s", async (_what, texts) => {
      const pool = readOnly();
      const heard = hear(pool);
      const client = await pool.connect();
      for (const text of texts) await client.query(text);
      client.release();
      const told = (name: "statement:start" | "statement:end") =>
        named(heard, name).map(({ text }) => text);
      expect(told("statement:start")).toEqual(texts);
      expect(told("statement:end")).toEqual(texts);
    });
  });

  it("begin only where there is an end, of set-up that nobody has needed", async () => {
    const pool = local.pool();
    pool.on("connect", (client) => void client.query("set statement_timeout = 9000"));
    const heard = hear(pool);
    (await pool.connect()).release();
    expect(heard).toEqual([]);
    const client = await pool.connect();
    await client.query("select nextval('tickets')");
    client.release();
    const ids = (name: "statement:start" | "statement:end") =>
      named(heard, name).map(({ id }) => id);
    expect(ids("statement:start")).toHaveLength(2);
    expect(new Set(ids("statement:end"))).toEqual(new Set(ids("statement:start")));
  });

  it("are none of what the pool sends by itself to move a transaction", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    const client = await pool.connect();
    const texts = ["begin", "set transaction read only", "select 1", "commit"];
    for (const text of texts) await client.query(text);
    client.release();
    expect(named(heard, "statement:start").map(({ text }) => text)).toEqual(texts);
    expect(named(heard, "statement:end").map(({ id }) => id)).toEqual(
      named(heard, "statement:start").map(({ id }) => id),
    );
  });

  it("are of their own pool", async () => {
    const [pool, other] = [local.pool(), local.pool()];
    const heard = hear(pool);
    await other.query("select 1");
    expect(heard).toEqual([]);
    await pool.query("select 1");
    expect(heard).toHaveLength(3);
  });

  it("are heard until listening is ended", async () => {
    const pool = local.pool();
    let heard = 0;
    const stop = listenTo(pool, { "statement:end": () => (heard += 1) });
    await pool.query("select 1");
    stop();
    await pool.query("select 1");
    expect(heard).toBe(1);
  });

  it("show the pool to nobody who prints them", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    await pool.query("select 1");
    for (const { event } of heard) expect(Object.values(event)).not.toContain(pool);
  });
});

it("a statement has no trace while nobody listens", async () => {
  await warmUp();
  const facts = classify("select 1");
  const pool = {};
  expect(StatementTrace.of(pool, "select 1", facts)).toBeUndefined();
  for (const name of ofStatements) {
    const stop = listenTo(pool, { [name]: () => {} });
    const trace = StatementTrace.of(pool, "select 1", facts);
    expect(trace, name).toBeInstanceOf(StatementTrace);
    trace?.start();
    trace?.routed(routes.reader["plain-read"]);
    stop();
  }
  expect(StatementTrace.of(pool, "select 1", facts)).toBeUndefined();
});

describe("waitMs", () => {
  it("is the part of the time in which it waited for a connection", async () => {
    const pool = local.pool({ max: 1 });
    const heard = hear(pool);
    const holder = await pool.writer.connect();
    const slow = pool.query({ text: "select pg_sleep(0.1)", target: "writer" });
    await holder.query("select pg_sleep(0.2)");
    holder.release();
    await slow;
    const ends = named(heard, "statement:end");
    const { waitMs = 0, durationMs = 0 } = ends.find(({ text }) => text.includes("0.1")) ?? {};
    expect(waitMs).toBeGreaterThan(195);
    expect(durationMs - waitMs).toBeGreaterThan(95);
  });
});

describe("retry", () => {
  it("tells that a reader has refused it, and learning that it is remembered", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    await pool.query("select ticket from next_ticket");
    expect(heard.map(({ name }) => name)).toEqual([
      "statement:start",
      "route",
      "retry",
      "learning",
      "statement:end",
    ]);
    const [retry] = named(heard, "retry");
    expect(retry).toMatchObject({ attempt: 1, target: "writer", reason: "after-refusal" });
    expect(retry?.error).toMatchObject({ code: "25006" });
    expect(named(heard, "statement:end")).toMatchObject([{ retries: 1, target: "writer" }]);
    expect(named(heard, "learning")).toEqual([
      {
        text: "select ticket from next_ticket",
        because: "cannot execute nextval() in a read-only transaction",
        advice: expect.stringContaining("tables:"),
      },
    ]);
  });

  it("tells that of a client, and of a cursor", async () => {
    const pool = local.pool();
    const heard = hear(pool);
    const client = await pool.connect();
    await client.query("select ticket as one from next_ticket");
    client.release();
    const other = await pool.connect();
    const cursor = other.query(new Cursor("select ticket as two from next_ticket"));
    expect(await cursor.read(1)).toHaveLength(1);
    await cursor.close();
    other.release();
    await until("both have ended", () => named(heard, "statement:end").length === 2);
    expect(named(heard, "retry").map(({ reason }) => reason)).toEqual([
      "after-refusal",
      "after-refusal",
    ]);
    expect(named(heard, "statement:end").map(({ retries }) => retries)).toEqual([1, 1]);
  });

  it("tells that its connection was lost", async () => {
    const pool = local.pool({ max: 1 });
    const { rows } = await pool.query("select pg_backend_pid() as pid, pg_sleep(0)", []);
    const pid = (await pool.reader.query("select pg_backend_pid() as pid")).rows[0].pid;
    expect(rows).toHaveLength(1);
    const heard = hear(pool);
    const slow = pool.query("select pg_sleep(0.3)");
    const readers = await Promise.all(local.cluster.readers.map(({ url }) => local.connect(url)));
    await until("it runs", async () => {
      const found = await Promise.all(
        readers.map((reader) =>
          reader.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and query ~ 'sleep.0.3' and state = 'active'",
            [pid],
          ),
        ),
      );
      return found.some(({ rowCount }) => rowCount === 1);
    });
    await slow;
    expect(named(heard, "retry")).toMatchObject([{ attempt: 1, reason: "after-loss" }]);
    expect(named(heard, "retry")[0]?.error).toMatchObject({ code: "57P01" });
  });
});

describe("freshness", () => {
  const last = (heard: readonly Heard[]) => named(heard, "statement:end").at(-1);
  const insert = "insert into books (title) values ('a')";

  it("is known where a reader was seen to have it, and proved where it tells in the same flight", async () => {
    const pool = await withServers({ readers: [local.cluster.readers[0]?.url ?? ""] });
    const heard = hear(pool);
    await pool.query(insert);
    expect(last(heard)?.freshness).toBe("not-needed");
    await local.cluster.waitForReplay();
    await until("a reader serves", async () => {
      await pool.query("select 1");
      return last(heard)?.target === "reader";
    });
    const outcomes = new Set(named(heard, "statement:end").map(({ freshness }) => freshness));
    expect(outcomes).toContain("proved");
    expect(named(heard, "guard")).toContainEqual({
      id: expect.any(Number),
      endpoint: addressOf(local.cluster.readers[0] as never),
      outcome: "proved",
    });
    await pool.query("select 1");
    expect(last(heard)?.freshness).toBe("known");
  });

  it("is the writer's where no reader had it, and the guard tells", async () => {
    const pool = await withServers({ freshness: { wait: 0 } });
    await paused(local.cluster, async () => {
      await pool.query(insert);
      const heard = hear(pool);
      await pool.query("select 1");
      expect(last(heard)).toMatchObject({
        target: "writer",
        reason: "reader-behind",
        freshness: "writer",
        retries: 1,
      });
      expect(named(heard, "guard")).toMatchObject([{ outcome: "behind" }]);
      expect(named(heard, "retry")).toMatchObject([{ target: "writer", reason: "reader-behind" }]);
      expect(named(heard, "retry")[0]).not.toHaveProperty("error");
    });
  });

  it("is unmet where no reader has it and there is no writer to ask", async () => {
    const writing = await withServers();
    const { writer, reader } = local.cluster;
    const pool = local.pool({
      ...{ writer: writer.url, reader: reader.url, readOnly: true },
      freshness: { wait: 50 },
    });
    await pool.query("select 1");
    await paused(local.cluster, async () => {
      const token = await writing.session(async (session) => {
        await writing.query(insert);
        return session.token;
      });
      const heard = hear(pool);
      const read = pool.session(() => pool.query("select 1"), { after: token });
      expect((await rejection(read)).code).toBe("FRESHNESS_UNAVAILABLE");
      expect(last(heard)?.freshness).toBe("unmet");
    });
  });

  it("is waited for, or another reader's", async () => {
    const pool = await withServers({ freshness: { wait: 5_000 } });
    await local.cluster.pauseReplay();
    const heard = hear(pool);
    try {
      await pool.query(insert);
      const read = pool.query("select 1");
      await until("it was behind", () =>
        named(heard, "guard").some(({ outcome }) => outcome === "behind"),
      );
      await local.cluster.resumeReplay();
      await read;
    } finally {
      await local.cluster.resumeReplay();
    }
    expect(last(heard)).toMatchObject({ target: "reader", freshness: "waited", reason: "waited" });
  });

  it("is another reader's where that one had it", async () => {
    const [first, second] = local.cluster.readers;
    if (first === undefined || second === undefined) throw new Error("There are two readers.");
    const pool = await withServers({ readers: [first.url, second.url], max: 4 });
    await until("both are reached", async () => {
      await Promise.all([1, 2, 3, 4].map(() => pool.query("select pg_sleep(0.02)")));
      return pool.stats().freshness.servers.length === 2;
    });
    const heard = hear(pool);
    await first.pauseReplay();
    try {
      await until("a read has moved", async () => {
        await pool.query(insert);
        await Promise.all([1, 2, 3].map(() => pool.query("select pg_sleep(0.02)")));
        return named(heard, "statement:end").some(({ freshness }) => freshness === "other-reader");
      });
    } finally {
      await first.resumeReplay();
    }
    const moved = named(heard, "statement:end").find(
      ({ freshness }) => freshness === "other-reader",
    );
    expect(moved).toMatchObject({ target: "reader", reason: "fresher-reader" });
  });
});
