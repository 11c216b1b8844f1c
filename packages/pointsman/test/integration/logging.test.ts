import { AsyncLocalStorage } from "node:async_hooks";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { Logger as NestLogger } from "@nestjs/common";
import { pino } from "pino";
import {
  ConfigError,
  createPool,
  type LogDetails,
  type LogFunction,
  type Logger,
  type LogLevel,
  type PoolOptions,
  WriteOutcomeUnknown,
} from "pointsman";
import { describe, expect, it } from "vitest";
import winston from "winston";
import { logLines } from "../../src/telemetry/log-lines.ts";
import { publish } from "../../src/telemetry/publish.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";
import { warningsOf } from "../support/warnings.ts";

const local = localCluster({ readers: 1, schema: "create table books (id int, title text)" });

type Line = readonly [level: LogLevel, message: string, details: LogDetails];

/** A logger that is a function, and what it has been told. */
function book(): { lines: Line[]; logger: LogFunction } {
  const lines: Line[] = [];
  return { lines, logger: (...line) => lines.push(line) };
}

/** What is written to a stream, line by line. */
function sink(): { stream: Writable; text: () => string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream, text: () => text };
}

const slow = "select pg_sleep(0.5), 'secret of Ann' as note";

const readerName = (): string => `${local.cluster.reader.host}:${local.cluster.reader.port}`;

describe("a slow statement", () => {
  it("is written with where it ran, why there, and its text without literals", async () => {
    const { lines, logger } = book();
    const pool = local.pool({ logger, slowQuery: "400ms" });
    await pool.query("select 1");
    lines.length = 0;
    await pool.query("select 1");
    await pool.query(slow);
    expect(lines).toHaveLength(1);
    const [level, message, details] = lines[0] as Line;
    expect(level).toBe("warn");
    expect(message.replace(/\d+ ms/, "N ms")).toBe(
      `slow statement: N ms on reader ${readerName()} (plain-read)`,
    );
    expect(details).toEqual({
      durationMs: expect.any(Number),
      waitMs: expect.any(Number),
      role: "reader",
      reason: "plain-read",
      endpoint: readerName(),
      freshness: "not-needed",
      retries: 0,
      text: "select pg_sleep(?), ? as note",
    });
  });

  it.each(kinds)("is written wherever it is sent: $kind", async ({ options }) => {
    const { lines, logger } = book();
    const pool = local.pool({ ...options, logger, slowQuery: 400 });
    await pool.transaction((tx) => tx.query(slow));
    const client = await pool.connect();
    await client.query(slow);
    client.release();
    await pool.writer.query(slow);
    const ofSlow = lines.filter(([, , { text }]) => String(text).includes("pg_sleep"));
    expect(ofSlow.map(([level]) => level)).toEqual(["warn", "warn", "warn"]);
  });

  it("is written with its error, without the values that PostgreSQL quotes apart", async () => {
    await local.setUp("create table if not exists seats (id int primary key)");
    const { lines, logger } = book();
    const pool = local.pool({ logger, slowQuery: 1 });
    const text = "insert into seats select n from generate_series(1, 20000) n";
    await pool.query(text);
    const error = await rejection(pool.query(text));
    const last = lines.at(-1)?.[2];
    expect(last?.["error"]).toEqual({ code: "23505", message: error.message });
  });

  it("is one that takes a second, unless said otherwise", async () => {
    const { lines, logger } = book();
    const pool = local.pool({ logger });
    // A reader that lags may bring a line of another kind.
    const slow = () => lines.filter((line) => String(line[1]).startsWith("slow statement"));
    await pool.query("select pg_sleep(0.3)");
    expect(slow()).toEqual([]);
    await pool.query("select pg_sleep(1.01)");
    expect(slow()).toHaveLength(1);
  });

  it("is written in the context of its caller, and outside of its transaction", async () => {
    const requests = new AsyncLocalStorage<string>();
    const written: (string | undefined)[] = [];
    const inner: Promise<unknown>[] = [];
    const pool = local.pool({
      slowQuery: 400,
      logger: (_level, _message, { text }) => {
        if (!String(text).includes("pg_sleep")) return;
        written.push(requests.getStore());
        inner.push(pool.query("insert into books values (1, 'logged')"));
      },
    });
    await requests.run("request 7", () =>
      pool
        .transaction(async (tx) => {
          await tx.query(slow);
          throw new Error("rolled back");
        })
        .catch(() => {}),
    );
    await Promise.all(inner);
    expect(written).toEqual(["request 7"]);
    const { rows } = await pool.writer.query("select title from books where id = 1");
    expect(rows).toEqual([{ title: "logged" }]);
  });

  it("is written no more once the pool is ended, nor for another pool", async () => {
    const { lines, logger } = book();
    const pool = local.pool({ logger, slowQuery: 1 });
    await local.pool().query(slow);
    await pool.query(slow);
    await pool.end();
    expect(lines.filter(([, message]) => message.startsWith("slow"))).toHaveLength(1);
    const before = lines.length;
    publish("failover", pool, () => ({ phase: "searching", endpoint: "a:1" }));
    expect(lines).toHaveLength(before);
  });
});

describe("a logger", () => {
  const run = async (logger: Logger | LogFunction): Promise<void> => {
    await local.pool({ logger, slowQuery: 40 }).query(slow);
  };

  it("of pino gets an object first", async () => {
    const { stream, text } = sink();
    await run(pino(stream));
    const line = JSON.parse(text());
    expect(line).toMatchObject({
      level: 40,
      role: "reader",
      text: "select pg_sleep(?), ? as note",
    });
    expect(line.msg).toMatch(/^slow statement: \d+ ms on reader/);
  });

  it("of pino may be a child", async () => {
    const { stream, text } = sink();
    await run(pino(stream).child({ module: "pool" }));
    expect(JSON.parse(text())).toMatchObject({ level: 40, module: "pool", reason: "plain-read" });
  });

  it("of pino has what its mixin finds in the context of the caller", async () => {
    const requests = new AsyncLocalStorage<string>();
    const { stream, text } = sink();
    const logger = pino({ mixin: () => ({ request: requests.getStore() }) }, stream);
    await requests.run("r1", () => run(logger));
    expect(JSON.parse(text())).toMatchObject({ request: "r1" });
  });

  it("of winston gets the message first", async () => {
    const { stream, text } = sink();
    await run(
      winston.createLogger({
        format: winston.format.json(),
        transports: [new winston.transports.Stream({ stream })],
      }),
    );
    const line = JSON.parse(text());
    expect(line).toMatchObject({ level: "warn", role: "reader", reason: "plain-read" });
    expect(line.message).toMatch(/^slow statement: \d+ ms on reader/);
  });

  it("of winston with syslog's levels gets a warning", async () => {
    const { stream, text } = sink();
    await run(
      winston.createLogger({
        levels: winston.config.syslog.levels,
        format: winston.format.json(),
        transports: [new winston.transports.Stream({ stream })],
      }),
    );
    expect(JSON.parse(text())).toMatchObject({ level: "warning", role: "reader" });
  });

  it("may be a console", async () => {
    const { stream, text } = sink();
    await run(new Console(stream));
    expect(text()).toMatch(
      /^slow statement: \d+ ms on reader .* \(plain-read\) \{\n {2}durationMs: /,
    );
  });

  it("may be Nest's", async () => {
    const heard: unknown[][] = [];
    const logger = new NestLogger();
    logger.warn = (...args: unknown[]) => heard.push(args);
    await run(logger);
    expect(heard).toEqual([[expect.stringMatching(/^slow statement/), expect.anything()]]);
  });

  it("that has no level of a name is told by the next lower one", async () => {
    const heard: string[] = [];
    const pool = local.pool({
      logger: { error: () => {}, log: (message: string) => heard.push(message) },
      slowQuery: 40,
    });
    await pool.query(slow);
    publish("retry", pool, () => ({ id: 1, attempt: 1, target: "writer", reason: "after-loss" }));
    expect(heard).toEqual([expect.stringMatching(/^slow statement/)]);
  });

  it.each<[string, LogFunction]>([
    [
      "throws",
      () => {
        throw new Error("disk full");
      },
    ],
    ["rejects", (() => Promise.reject(new Error("disk full"))) as unknown as LogFunction],
  ])("that %s breaks no statement, and is told once", async (_what, logger) => {
    const pool = local.pool({ logger, slowQuery: 1 });
    const codes = await warningsOf(async () => {
      expect((await pool.query(slow)).rows).toHaveLength(1);
      expect((await pool.query(slow)).rows).toHaveLength(1);
    });
    expect(codes).toEqual(["POINTSMAN_LOGGER_FAILED"]);
  });

  it.each([1, "console", null, {}, { error: () => {} }, { info: () => {} }, []])(
    "is not %o",
    (logger) => {
      expect(() => createPool({ logger: logger as never })).toThrow(ConfigError);
    },
  );
});

describe("a line", () => {
  const told = (options: PoolOptions = {}) => {
    const { lines, logger } = book();
    return { lines, pool: local.pool({ logger, ...options }) };
  };
  const lost = new Error("connect ECONNREFUSED 10.0.0.1:5432");

  it("tells of connections that cannot be opened, and not of others", () => {
    const { lines, pool } = told();
    const event = { role: "reader", endpoint: "b:2", durationMs: 12.34 } as const;
    publish("connect", pool, () => event);
    publish("connect", pool, () => ({ ...event, error: lost }));
    expect(lines).toEqual([
      [
        "warn",
        "connect failed: reader b:2 after 12 ms: connect ECONNREFUSED 10.0.0.1:5432",
        { role: "reader", endpoint: "b:2", durationMs: 12.3, error: { message: lost.message } },
      ],
    ]);
  });

  it("tells of connections that are closed before their time", () => {
    const { lines, pool } = told();
    for (const reason of ["idle", "lifetime", "pool-ended", "lost"] as const) {
      publish("eviction", pool, () => ({ role: "writer", endpoint: "a:1", reason, ageMs: 5 }));
    }
    expect(lines).toEqual([
      [
        "debug",
        "connection closed: writer a:1 (lost)",
        { role: "writer", endpoint: "a:1", reason: "lost", ageMs: 5 },
      ],
    ]);
  });

  it("tells of readers that are out, and back", () => {
    const { lines, pool } = told();
    const event = { endpoint: "b:2", because: "It cannot be connected to." };
    publish("reader", pool, () => ({ ...event, available: false }));
    publish("reader", pool, () => ({ ...event, available: true }));
    expect(lines.map(([level, message]) => [level, message])).toEqual([
      ["warn", "reader out: b:2: It cannot be connected to."],
      ["info", "reader back: b:2: It cannot be connected to."],
    ]);
  });

  it("tells of the writer that is looked for", () => {
    const { lines, pool } = told();
    const endpoint = "a:1";
    publish("failover", pool, () => ({ phase: "searching", endpoint, error: lost }));
    publish("failover", pool, () => ({ phase: "found", endpoint, durationMs: 3100.4 }));
    publish("failover", pool, () => ({ phase: "ended", endpoint, durationMs: 10 }));
    expect(lines.map(([level, message]) => [level, message])).toEqual([
      ["warn", "writer lost: a:1 is looked for: connect ECONNREFUSED 10.0.0.1:5432"],
      ["info", "writer found: a:1 after 3100 ms"],
      ["warn", "writer not found: a:1 after 10 ms"],
    ]);
  });

  it("tells of what is learnt from a reader, with the advice, and of the retry", async () => {
    await local.setUp(
      "create sequence if not exists tickets; create or replace view next_ticket as select nextval('tickets') as n",
    );
    const { lines, pool } = told();
    await pool.query("select n from next_ticket where 'secret of Ann' is not null");
    expect(lines.map(([level, message]) => [level, message.split(":")[0]])).toEqual([
      ["debug", "retry"],
      ["warn", "refusal learnt"],
    ]);
    const [, message, details] = lines[1] as Line;
    expect(message).toContain("nextval");
    expect(details).toMatchObject({
      text: "select n from next_ticket where ? is not null",
      advice: expect.stringMatching(/./),
    });
  });

  it("tells of a write whose outcome is unknown as of an error", async () => {
    const { lines, pool } = told({ reader: undefined });
    const client = await pool.connect();
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const writing = rejection(client.query("insert into books select 1, pg_sleep(20)::text"));
    const other = await local.connect();
    await expect
      .poll(async () => {
        const text = "select 1 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";
        return (await other.query(text, [rows[0].pid])).rowCount;
      })
      .toBe(1);
    await other.query("select pg_terminate_backend($1)", [rows[0].pid]);
    expect(await writing).toBeInstanceOf(WriteOutcomeUnknown);
    client.release();
    const [level, message, details] = lines.find(([one]) => one === "error") as Line;
    expect(level).toBe("error");
    expect(message).toMatch(/^outcome unknown: \d+ ms on writer /);
    expect(details).toMatchObject({
      error: { code: "WRITE_OUTCOME_UNKNOWN" },
      text: "insert into books select ?, pg_sleep(?)::text",
    });
  });

  it("begins with what the table has, and has its level", () => {
    const levels: readonly string[] = ["error", "warn", "info", "debug"];
    for (const { level, when } of Object.values(logLines)) {
      expect(levels).toContain(level);
      expect(when).toMatch(/\.$/);
    }
  });
});
