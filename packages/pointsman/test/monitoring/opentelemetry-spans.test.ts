import { hasSubscribers } from "node:diagnostics_channel";
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import Cursor from "pg-cursor";
import type { Pool, PoolOptions } from "pointsman";
import { type InstrumentOptions, instrumentPool } from "pointsman/opentelemetry";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { publish } from "../../src/telemetry/publish.ts";
import { paused } from "../freshness/paused.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { type Collected, collect, followContext } from "../support/opentelemetry.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Persuasion');
    create table loans (book int, reader text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets') as n;
  `,
});

beforeAll(followContext);

interface Instrumented extends Collected {
  readonly pool: Pool;
  readonly stop: () => void;
}

function instrumented(options: InstrumentOptions = {}, poolOptions?: PoolOptions): Instrumented {
  const collected = collect();
  const pool = local.pool(poolOptions);
  const { tracerProvider, meterProvider } = collected;
  const stop = instrumentPool(pool, { tracerProvider, meterProvider, ...options });
  onTestFinished(stop);
  return { ...collected, pool, stop };
}

/** Runs something inside of a span, as a request is. */
async function inRequest(
  { tracerProvider }: Collected,
  run: () => Promise<unknown>,
): Promise<string> {
  const span = tracerProvider.getTracer("test").startSpan("request", {}, ROOT_CONTEXT);
  await context.with(trace.setSpan(ROOT_CONTEXT, span), run);
  span.end();
  return span.spanContext().spanId;
}

const addressOf = ({ host, port }: { host: string; port: number }) => ({
  "server.address": host,
  "server.port": port,
});

describe("the span of a statement", () => {
  it("has what the conventions ask for, and what is this library's own", async () => {
    const one = instrumented();
    await one.pool.query("select title from books where id = $1", [1]);
    const span = one.span("SELECT books");
    expect(span.kind).toBe(SpanKind.CLIENT);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.instrumentationScope.name).toBe("pointsman");
    expect(span.attributes).toEqual({
      "db.system.name": "postgresql",
      "db.namespace": one.pool.options.database,
      "db.operation.name": "SELECT",
      "db.collection.name": "books",
      "db.query.summary": "SELECT books",
      "db.query.text": "select title from books where id = $1",
      ...addressOf(local.cluster.reader),
      "pointsman.role": "reader",
      "pointsman.reason": "plain-read",
      "pointsman.freshness": "not-needed",
      "pointsman.retries": 0,
      "pointsman.wait_ms": expect.any(Number),
    });
  });

  it("lasts from the call to the answer", async () => {
    const one = instrumented();
    await one.pool.query("select pg_sleep(0.1)");
    const [seconds, nanos] = one.span("SELECT").duration;
    expect(seconds * 1000 + nanos / 1e6).toBeGreaterThan(95);
  });

  it("names what a statement writes to first", async () => {
    const one = instrumented();
    await one.pool.query("insert into loans select id, 'Ada' from books");
    const { attributes } = one.span("INSERT loans books");
    expect(attributes["db.query.text"]).toBe("insert into loans select id, ? from books");
    expect(attributes["pointsman.role"]).toBe("writer");
    expect(attributes).not.toHaveProperty("db.collection.name");
    expect(attributes).toMatchObject(addressOf(local.cluster.writer));
  });

  it("calls several statements in one text a batch", async () => {
    const one = instrumented();
    await one.pool.query("insert into loans values (1, 'Ada'); insert into loans values (1, 'Bo')");
    expect(one.span("BATCH INSERT loans").attributes).toMatchObject({
      "db.operation.name": "BATCH INSERT",
      "db.operation.batch.size": 2,
    });
    await one.pool.query("insert into loans values (1, 'Ada'); select 1 from books");
    expect(one.span("BATCH loans books").attributes["db.operation.batch.size"]).toBe(2);
  });

  it("names only the database of a text that cannot be read", async () => {
    const one = instrumented();
    await rejection(one.pool.query("selec 'Ada'"));
    const span = one.span("postgresql");
    expect(span.attributes).not.toHaveProperty("db.operation.name");
    expect(span.attributes["error.type"]).toBe("42601");
  });

  it.each([
    ["sanitized", "select ? as name from books where id = $1"],
    ["as-sent", "/* mine */ select 'Ada' as name from books where id = $1"],
    ["none", undefined],
  ] as const)("shows texts as asked: %s", async (queryText, shown) => {
    const one = instrumented({ queryText });
    await one.pool.query("/* mine */ select 'Ada' as name from books where id = $1", [1]);
    expect(one.span("SELECT books").attributes["db.query.text"]).toBe(shown);
  });

  it("fails with its statement, and tells no value that PostgreSQL spells in its message", async () => {
    const one = instrumented();
    const error = await rejection(one.pool.query("select id from books where id = $1", ["Ada"]));
    expect(error.message).toContain("Ada");
    const { status, attributes, events } = one.span("SELECT books");
    expect(status.code).toBe(SpanStatusCode.ERROR);
    expect(attributes).toMatchObject({
      "db.response.status_code": "22P02",
      "error.type": "22P02",
    });
    const [event] = events;
    expect(event?.name).toBe("exception");
    expect(event?.attributes?.["exception.type"]).toBe("22P02");
    expect(JSON.stringify([status, events])).not.toContain("Ada");
  });

  it("tells the message where texts are shown as sent", async () => {
    const one = instrumented({ queryText: "as-sent" });
    const error = await rejection(one.pool.query("select id from books where id = $1", ["Ada"]));
    const { status, events } = one.span("SELECT books");
    expect(status.message).toBe(error.message);
    expect(events[0]?.attributes?.["exception.message"]).toBe(error.message);
  });

  it("has an event for each time that it was sent again", async () => {
    const one = instrumented();
    await one.pool.query("select n from next_ticket");
    const { attributes, events } = one.span("SELECT next_ticket");
    expect(attributes).toMatchObject({
      "pointsman.role": "writer",
      "pointsman.reason": "after-refusal",
      "pointsman.retries": 1,
    });
    expect(events.map(({ name, attributes }) => [name, attributes])).toEqual([
      [
        "pointsman.retry",
        {
          "pointsman.attempt": 1,
          "pointsman.role": "writer",
          "pointsman.reason": "after-refusal",
          "error.type": "25006",
        },
      ],
    ]);
  });

  it("has an event where its reader was behind", async () => {
    const one = instrumented();
    await one.pool.query("select title from books");
    const before = one.spans().length;
    await paused(local.cluster, async () => {
      await one.pool.query("insert into loans values (1, 'Ada')");
      await one.pool.query("select title from books");
    });
    const [, read] = one.spans().slice(before);
    expect(read?.attributes).toMatchObject({
      "pointsman.role": "writer",
      "pointsman.reason": "reader-behind",
      "pointsman.freshness": "writer",
      "pointsman.retries": 1,
    });
    expect(read?.events[0]).toMatchObject({
      name: "pointsman.reader_behind",
      attributes: addressOf(local.cluster.reader),
    });
    expect(read?.events[1]?.name).toBe("pointsman.retry");
  });
});

describe.each(kinds)("spans $kind", ({ options }) => {
  const ways: readonly [string, (pool: Pool, text: string) => Promise<unknown>][] = [
    ["through the pool", (pool, text) => pool.query(text)],
    [
      "behind an await",
      async (pool, text) => {
        await pool.query("select 1");
        await pool.query(text);
      },
    ],
    [
      "from the callback of another",
      (pool, text) =>
        new Promise((resolve) => {
          pool.query("select 1", () => pool.query(text, resolve));
        }),
    ],
    [
      "on a client",
      async (pool, text) => {
        const client = await pool.connect();
        await client.query("select 1");
        await client.query(text).finally(() => client.release());
      },
    ],
    [
      "from the callback of a client",
      (pool, text) =>
        new Promise((resolve) => {
          pool.connect((_error, client, done) => {
            client?.query(text, (_failed, result) => {
              done();
              resolve(result);
            });
          });
        }),
    ],
    ["in a transaction", (pool, text) => pool.transaction((tx) => tx.query(text))],
    ["joined to a transaction", (pool, text) => pool.transaction(() => pool.query(text))],
    [
      "by a cursor",
      async (pool, text) => {
        const client = await pool.connect();
        const cursor = client.query(new Cursor(text));
        await cursor.read(1);
        await cursor.close();
        client.release();
      },
    ],
  ];

  it.each(ways)("are children of the span around their caller: %s", async (_way, send) => {
    const one = instrumented({}, options);
    // Connections are opened for another request, and stay in no context of it.
    await inRequest(one, () =>
      Promise.all([send(one.pool, "select 3"), send(one.pool, "select 4")]),
    );
    const parents = await Promise.all(
      [1, 2, 3].map(() => inRequest(one, () => send(one.pool, "select title from books"))),
    );
    const found = one.spans().filter(({ name }) => name === "SELECT books");
    expect(found.map(({ parentSpanContext }) => parentSpanContext?.spanId).sort()).toEqual(
      parents.sort(),
    );
  });

  it("are roots where nothing is around their caller", async () => {
    const one = instrumented({}, options);
    await one.pool.query("select title from books");
    expect(one.span("SELECT books").parentSpanContext).toBeUndefined();
  });

  it("are not made there with requireParentSpan", async () => {
    const one = instrumented({ requireParentSpan: true, connectSpans: true }, options);
    await one.pool.query("select title from books");
    expect(one.spans()).toEqual([]);
    await inRequest(one, () => one.pool.query("select title from books"));
    expect(one.spans().map(({ name }) => name)).toEqual(["SELECT books", "request"]);
  });
});

describe("what belongs to no request", () => {
  const endpoint = "db.example.com:6543";
  const server = { "server.address": "db.example.com", "server.port": 6543 };
  const error = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });

  it("the search for a writer is a span without a parent, as long as it took", async () => {
    const one = instrumented();
    await inRequest(one, async () => {
      publish("failover", one.pool, () => ({ phase: "searching", endpoint, error }));
      publish("failover", one.pool, () => ({ phase: "found", endpoint, durationMs: 12_000 }));
    });
    const span = one.span(`failover ${endpoint}`);
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.attributes).toMatchObject({ ...server, "pointsman.outcome": "found" });
    expect(span.duration[0]).toBeGreaterThanOrEqual(11);
  });

  it("the opening of a connection is one where it is asked for", async () => {
    const connect = (one: Instrumented): void =>
      publish("connect", one.pool, () => ({ role: "reader", endpoint, durationMs: 20, error }));
    const one = instrumented({ connectSpans: true });
    connect(one);
    const span = one.span(`connect ${endpoint}`);
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: "refused" });
    expect(span.attributes).toMatchObject({ ...server, "error.type": "ECONNREFUSED" });
    const other = instrumented();
    connect(other);
    expect(other.spans()).toEqual([]);
  });
});

describe("instrumentPool", () => {
  it("makes spans of that pool alone", async () => {
    const one = instrumented();
    const other = instrumented();
    await local.pool().query("select 1 from books");
    await other.pool.query("select 1 from loans");
    expect(one.spans()).toEqual([]);
    expect(other.spans().map(({ name }) => name)).toEqual(["SELECT loans"]);
  });

  it("is ended by what it returns, and then ends the spans of what is under way", async () => {
    const one = instrumented();
    const slow = one.pool.query("select pg_sleep(0.05), title from books");
    one.stop();
    await one.pool.query("select reader from loans");
    await slow;
    expect(one.spans().map(({ name }) => name)).toEqual(["SELECT books"]);
    await one.pool.query("select title from books");
    expect(one.spans()).toHaveLength(1);
  });

  it("keeps no span of what was given up while it waited, and listens to nothing once it is ended", async () => {
    const one = instrumented({}, { max: 1 });
    const holder = await one.pool.writer.connect();
    const waiting = rejection(
      one.pool.query({ text: "delete from books", query_timeout: 30 } as never),
    );
    await rejection(one.pool.query({ text: "select 1 from loans", signal: AbortSignal.abort() }));
    one.stop();
    const { message } = await waiting;
    holder.release();
    expect(message).toBe("Query read timeout");
    expect(one.spans().map(({ name }) => name)).toEqual(["SELECT loans", "DELETE books"]);
    expect(one.span("DELETE books").status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(one.span("DELETE books").attributes).toMatchObject({
      "error.type": "QueryTimeout",
      "pointsman.role": "writer",
    });
    expect(hasSubscribers("pointsman:statement:end")).toBe(false);
  });

  it("refuses a pool that is instrumented, until that is over", () => {
    const one = instrumented();
    expect(() => instrumentPool(one.pool)).toThrow(/instrumented already/);
    one.stop();
    const stop = instrumentPool(one.pool);
    one.stop();
    expect(() => instrumentPool(one.pool)).toThrow(/instrumented already/);
    stop();
  });

  it("refuses a queryText that there is not", () => {
    const queryText = "clean" as "none";
    expect(() => instrumentPool(local.pool(), { queryText })).toThrow(/queryText must be/);
  });
});
