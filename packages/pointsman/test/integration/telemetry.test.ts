import { setImmediate as turn } from "node:timers/promises";
import type { Reader } from "@pointsman/local";
import type { Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { kinds } from "../support/kinds.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { eventsOf } from "../support/statement-events.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({ readers: 2, schema: "create sequence tickets" });

const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;

const firstReader = (): Reader => local.cluster.readers[0] as Reader;

describe("the event of a statement", () => {
  it("names the endpoint that served it, as it was configured", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const pool = local.pool();
    await pool.query(`${mark} select 1`);
    await pool.query(`${mark} select nextval('tickets')`);
    const client = await pool.connect();
    await client.query(`${mark} select 2`);
    await client.query(`${mark} select nextval('tickets')`);
    client.release();
    await pool.writer.query(`${mark} select 3`);
    await pool.reader.query(`${mark} select 4`);
    const [writer, reader] = [addressOf(local.cluster.writer), addressOf(local.cluster.reader)];
    expect(events.map(({ target, endpoint }) => [target, endpoint])).toEqual([
      ["reader", reader],
      ["writer", writer],
      ["reader", reader],
      ["writer", writer],
      ["writer", writer],
      ["reader", reader],
    ]);
  });

  it("names the one of several readers that ran it", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const { readers } = local.cluster;
    const pool = local.pool({ readers: readers.map(({ url }) => url), max: 2 });
    const text = `${mark} select ${here} as place, pg_sleep(0.05)`;
    const answers = await Promise.all([1, 2].map(() => pool.query(text)));
    const places = new Set(answers.map(({ rows }) => rows[0].place));
    expect(places).toEqual(new Set(["reader1", "reader2"]));
    expect(new Set(events.map(({ endpoint }) => endpoint))).toEqual(
      new Set(readers.map(addressOf)),
    );
  });

  it("names the writer's endpoint when a reader has refused it", async () => {
    await local.setUp("create or replace view next_ticket as select nextval('tickets') as n");
    const mark = newMark();
    const events = eventsOf(mark);
    await local.pool({ catalog: false }).query(`${mark} select n from next_ticket`);
    expect(events).toMatchObject([
      { target: "writer", reason: "after-refusal", endpoint: addressOf(local.cluster.writer) },
    ]);
  });

  describe.each(kinds)("$kind", ({ options }) => {
    const ways: readonly [string, (pool: Pool, text: string) => Promise<unknown>][] = [
      ["through the pool", (pool, text) => pool.query(text)],
      [
        "on a checked-out client",
        async (pool, text) => {
          const client = await pool.connect();
          await client.query(text).finally(() => client.release());
        },
      ],
      ["in a transaction", (pool, text) => pool.transaction((tx) => tx.query(text))],
    ];

    it.each(ways)("carries the very error that its caller gets: %s", async (_way, send) => {
      const mark = newMark();
      const events = eventsOf(mark);
      const pool = local.pool(options);
      const error = await rejection(send(pool, `${mark} select 1/0`));
      expect(error.code).toBe("22012");
      expect(events).toHaveLength(1);
      expect(events[0]?.error).toBe(error);
    });

    it.each(ways)("carries none when it has succeeded: %s", async (_way, send) => {
      const mark = newMark();
      const events = eventsOf(mark);
      await send(local.pool(options), `${mark} select 1`);
      expect(events.map((event) => "error" in event)).toEqual([false]);
    });

    it("counts the time until the answer, and that of waiting for a connection", async () => {
      const mark = newMark();
      const events = eventsOf(mark);
      const pool = local.pool({ ...options, max: 1 });
      const holder = await pool.writer.connect();
      const start = performance.now();
      const slow = pool.query({ text: `${mark} select pg_sleep(0.1)`, target: "writer" });
      await holder.query("select pg_sleep(0.2)");
      holder.release();
      await slow;
      const took = performance.now() - start;
      const millis = events[0]?.durationMs ?? 0;
      expect(millis).toBeGreaterThan(295);
      expect(millis).toBeLessThanOrEqual(took);
    });
  });

  it("has no endpoint when no connection could be had", async () => {
    const mark = newMark();
    const events = eventsOf(mark);
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 2_000 });
    const holder = await pool.writer.connect();
    const error = await rejection(pool.query({ text: `${mark} select 1`, target: "writer" }));
    holder.release();
    expect(events).toMatchObject([{ endpoint: "", target: "writer" }]);
    expect(events[0]?.error).toBe(error);
  });
});

describe("POINTSMAN_READER_UNAVAILABLE", () => {
  it("is told once for an outage, not for each try, and again for the next one", async () => {
    const relay = new CuttableRelay(firstReader().direct);
    await relay.open();
    let isOpen = true;
    onTestFinished(async () => {
      if (isOpen) await relay.close();
    });
    const address = `127.0.0.1:${relay.port}`;
    const told: string[] = [];
    const listen = (warning: Error & { code?: string }): void => {
      if (warning.message.includes(address)) told.push(warning.code ?? "");
    };
    process.on("warning", listen);
    onTestFinished(() => {
      process.removeListener("warning", listen);
    });
    const pool = local.pool({ reader: relay.url(firstReader().url), max: 1 });
    const place = async () => (await pool.query(`select ${here} as place`)).rows[0].place;
    const failures = () => pool.stats().reader?.endpoints[0]?.failures ?? 0;
    const outage = async (): Promise<void> => {
      await relay.close();
      isOpen = false;
      await until("it was tried three times", async () => {
        expect(await place()).toBe("writer");
        return failures() >= 3;
      });
      await turn();
    };
    expect(await place()).toBe("reader1");
    await outage();
    expect(told).toEqual(["POINTSMAN_READER_UNAVAILABLE"]);
    await relay.open();
    isOpen = true;
    await until("reads are back", async () => (await place()) === "reader1");
    expect(told).toHaveLength(1);
    await outage();
    expect(told).toEqual(Array(2).fill("POINTSMAN_READER_UNAVAILABLE"));
  });
});

describe("stats()", () => {
  it("count who waits for a connection, side by side", async () => {
    const pool = local.pool({ max: 1 });
    const holders = [await pool.writer.connect(), await pool.reader.connect()];
    const reads = [1, 2].map(() => pool.query("select 1"));
    const writes = [1, 2, 3].map(() => pool.query("select nextval('tickets')"));
    const place = await pool.connect();
    const clients = [1, 2, 3, 4].map(() => pool.connect());
    await turn();
    const waiting = ({ writer, reader, clients }: ReturnType<Pool["stats"]>) => [
      writer.waiting,
      reader?.waiting,
      clients.waiting,
    ];
    expect(waiting(pool.stats())).toEqual([3, 2, 4]);
    for (const client of [...holders, place]) client.release();
    for (const client of clients) (await client).release();
    await Promise.all([...reads, ...writes]);
    expect(waiting(pool.stats())).toEqual([0, 0, 0]);
  });

  it("count who waits with one server, where clients are its connections", async () => {
    const pool = local.pool({ reader: undefined, max: 1 });
    const holder = await pool.connect();
    const waiting = [pool.query("select 1"), pool.query("select 2")];
    await turn();
    const { writer, clients, reader } = pool.stats();
    expect([writer.waiting, clients.waiting, reader]).toEqual([2, 2, undefined]);
    holder.release();
    await Promise.all(waiting);
    expect(pool.stats().writer.waiting).toBe(0);
  });
});
