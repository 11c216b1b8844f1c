import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientBase } from "pg";
import type { ConnectEvent, EvictionEvent, Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { connected, ofOneServer, ownOptions, whereReads } from "../pg-module/clients.ts";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { eventsOfPool } from "../support/pool-events.ts";
import { shown } from "../support/shown.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create role sealed login password 'right';
    create function same(int) returns int immutable language sql return $1;`,
});

const addressOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
const read = { text: "select 1 as one", consistency: "eventual" } as const;

/** A connection to the writer, as whoever counts them sees it. */
async function take(pool: Pool): Promise<ClientBase & { release(error?: Error | boolean): void }> {
  return pool.writer.connect();
}

const backendOf = (client: ClientBase) => (client as unknown as { processID: number }).processID;

async function terminate(pid: number): Promise<void> {
  const admin = await local.connect();
  await admin.query("select pg_terminate_backend($1)", [pid]);
}

describe("pointsman:connect", () => {
  it("is told of each connection, with its role and endpoint", async () => {
    const pool = local.pool();
    const { connects } = eventsOfPool(pool);
    await pool.query(read);
    await pool.query("create temp table told ()");
    const millis = expect.any(Number);
    expect(connects).toEqual([
      { role: "reader", endpoint: addressOf(local.cluster.reader), durationMs: millis },
      { role: "writer", endpoint: addressOf(local.cluster.writer), durationMs: millis },
    ]);
    expect(connects.every(({ durationMs }) => durationMs > 0 && durationMs < 10_000)).toBe(true);
  });

  it("is told of one that a server refuses, which no eviction follows", async () => {
    const { writer } = local.cluster;
    const url = new URL(writer.url);
    Object.assign(url, { username: "sealed", password: "wr0ng-secret" });
    const pool = local.pool({ writer: url.href, reader: undefined });
    const { connects, evictions } = eventsOfPool(pool);
    const error = await rejection(pool.query("select 1"));
    expect(connects).toMatchObject([{ role: "writer", endpoint: addressOf(writer), error }]);
    expect(error.code).toBe("28P01");
    expect(shown(connects)).not.toContain("wr0ng-secret");
    expect(evictions).toEqual([]);
  });

  it("is told of one to where nobody listens", async () => {
    const relay = new CuttableRelay(local.cluster.writer);
    await relay.open();
    await relay.close();
    const pool = local.pool({ writer: relay.url(local.cluster.writer.url), reader: undefined });
    const { connects } = eventsOfPool(pool);
    await rejection(pool.query("select 1"));
    expect(connects).toMatchObject([{ error: { code: "ECONNREFUSED" } }]);
  });

  it("is not told of connections that only look at a server", async () => {
    const pool = local.pool({ catalog: true });
    const { connects, evictions } = eventsOfPool(pool);
    await pool.query(read);
    // Only the catalog knows that this one writes nothing.
    expect((await pool.explain("select same(1)")).target).toBe("reader");
    await pool.end();
    expect(connects.length).toBe(1);
    expect(evictions.length).toBe(1);
  });
});

describe.each(kinds)("pointsman:eviction $kind", ({ options }) => {
  const open = (more: object = {}) => local.pool({ ...options, ...more });

  it("idle: nobody has used it for idleTimeoutMillis", async () => {
    const pool = open({ idleTimeoutMillis: 20 });
    const { evictions } = eventsOfPool(pool);
    (await take(pool)).release();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toEqual([
      {
        role: "writer",
        endpoint: addressOf(local.cluster.writer),
        reason: "idle",
        ageMs: expect.any(Number),
      },
    ]);
    expect(evictions[0]?.ageMs).toBeGreaterThanOrEqual(19);
  });

  it("lifetime: it has reached maxUses", async () => {
    const pool = open({ maxUses: 2 });
    const { evictions } = eventsOfPool(pool);
    (await take(pool)).release();
    expect(evictions).toEqual([]);
    (await take(pool)).release();
    expect(evictions).toMatchObject([{ reason: "lifetime" }]);
  });

  it("lifetime: it has reached maxLifetimeSeconds, idle or in use", async () => {
    const pool = open({ maxLifetimeSeconds: 1 });
    const { evictions } = eventsOfPool(pool);
    const [idle, used] = [await take(pool), await take(pool)];
    const openedAt = performance.now();
    idle.release();
    await until("the time of both is up", () => performance.now() > openedAt + 1100);
    expect(evictions).toHaveLength(1);
    used.release();
    expect(evictions.map(({ reason }) => reason)).toEqual(["lifetime", "lifetime"]);
  });

  it("lost: its server has closed it while nobody used it, and said why", async () => {
    const pool = open();
    pool.on("error", () => {});
    const { evictions } = eventsOfPool(pool);
    const client = await take(pool);
    client.release();
    await terminate(backendOf(client));
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ reason: "lost", error: { code: "57P01" } }]);
  });

  it("lost: its server has closed it in the middle of a statement, whatever it is given back with", async () => {
    const pool = open();
    const { evictions } = eventsOfPool(pool);
    const client = await take(pool);
    const sleeping = rejection(client.query("select pg_sleep(20)"));
    await terminate(backendOf(client));
    client.release(await sleeping);
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ reason: "lost", error: { code: "57P01" } }]);
  });

  it("lost: the network has broken it", async () => {
    const relay = new CuttableRelay(local.cluster.writer);
    await relay.open();
    onTestFinished(() => relay.close());
    const pool = open({ writer: relay.url(local.cluster.writer.url) });
    pool.on("error", () => {});
    const { evictions } = eventsOfPool(pool);
    (await take(pool)).release();
    relay.cut();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ reason: "lost", error: expect.any(Error) }]);
  });

  it("lost: its way is lost without a word, while its server is well", async () => {
    const relay = new CuttableRelay(local.cluster.writer);
    await relay.open();
    onTestFinished(() => relay.close());
    const pool = open({ writer: relay.url(local.cluster.writer.url) });
    const { evictions } = eventsOfPool(pool);
    await pool.query({ text: "select 1", target: "writer" });
    relay.mute();
    await pool.query({ text: "select 1", target: "writer" });
    expect(evictions).toMatchObject([
      { reason: "lost", error: { message: expect.stringMatching(/lost without a word/) } },
    ]);
  });

  it("silent: it does not answer after a pause", async () => {
    const relay = new CuttableRelay(local.cluster.writer);
    await relay.open();
    onTestFinished(() => relay.close());
    const pool = open({ writer: relay.url(local.cluster.writer.url), idleTimeoutMillis: 0 });
    const { evictions } = eventsOfPool(pool);
    (await take(pool)).release();
    const givenBackAt = performance.now();
    await until("it is in doubt", () => performance.now() > givenBackAt + 1050);
    relay.mute();
    (await take(pool)).release();
    expect(evictions).toMatchObject([
      { reason: "silent", error: { message: expect.stringMatching(/after a pause/) } },
    ]);
  });

  it("failed: it is given back with an error, which is told", async () => {
    const pool = open();
    const { evictions } = eventsOfPool(pool);
    const error = new Error("I have had enough of it.");
    (await take(pool)).release(error);
    expect(evictions).toMatchObject([{ reason: "failed", error }]);
    (await take(pool)).release(true);
    expect(evictions[1]?.reason).toBe("failed");
    expect(evictions[1]).not.toHaveProperty("error");
  });

  it("failed: a client of the pool itself is given back with an error", async () => {
    const pool = open();
    const { evictions } = eventsOfPool(pool);
    const client = await pool.connect();
    await client.query("begin");
    await client.query("lock table pg_catalog.pg_enum");
    const error = new Error("I have had enough of it.");
    client.release(error);
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ role: "writer", reason: "failed", error }]);
  });

  it("failed: its user has ended it", async () => {
    const pool = open();
    const { evictions } = eventsOfPool(pool);
    const client = (await take(pool)) as ClientBase & { end(): Promise<void>; release(): void };
    await client.end();
    client.release();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ reason: "failed" }]);
  });

  it("failed: it could not be set up", async () => {
    const pool = open({
      onConnect: () => {
        throw new Error("not today");
      },
    });
    const { connects, evictions } = eventsOfPool(pool);
    await rejection(pool.query({ text: "select 1", target: "writer" }));
    await until("it is closed", () => evictions.length > 0);
    expect(connects).toHaveLength(1);
    expect(connects[0]).not.toHaveProperty("error");
    expect(evictions).toMatchObject([{ reason: "failed" }]);
  });

  it("pool-ended: of each connection, before end() resolves", async () => {
    const pool = open();
    const { connects, evictions } = eventsOfPool(pool);
    await Promise.all([1, 2, 3].map(() => pool.query({ ...read, text: "select pg_sleep(0.05)" })));
    (await take(pool)).release();
    const opened = connects.length;
    await pool.end();
    expect(evictions.map(({ reason }) => reason)).toEqual(Array(opened).fill("pool-ended"));
  });

  it("pool-ended: of one that is in use, after endTimeout", async () => {
    const pool = open({ endTimeout: 50 });
    const { evictions } = eventsOfPool(pool);
    const [client, connection] = [await pool.connect(), await take(pool)];
    for (const one of [client, connection]) one.on("error", () => {});
    await client.query("begin");
    await client.query("lock table pg_catalog.pg_enum");
    await pool.end();
    expect(evictions.map(({ reason }) => reason)).toEqual(["pool-ended", "pool-ended"]);
  });

  it("is told once of each connection that was opened, whatever ends it", async () => {
    const pool = open({ idleTimeoutMillis: 10, maxUses: 3 });
    pool.on("error", () => {});
    const { connects, evictions } = eventsOfPool(pool);
    for (let round = 0; round < 8; round += 1) {
      const clients = await Promise.all([1, 2, 3].map(() => take(pool)));
      await pool.query(read);
      clients[0]?.release(round % 2 === 0);
      clients[1]?.release();
      const [, , third] = clients;
      if (third !== undefined) await terminate(backendOf(third));
      third?.release();
    }
    await pool.end();
    await until("all are told of", () => evictions.length >= connects.length);
    expect(evictions.length).toBe(connects.length);
    expect(connects.length).toBeGreaterThan(8);
  });
});

describe("with readers, session state", () => {
  it("session-state: it carries what no reset removes", async () => {
    const pool = local.pool();
    const { evictions } = eventsOfPool(pool);
    const client = await pool.connect();
    await client.query("load 'auto_explain'");
    client.release();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([
      {
        role: "writer",
        reason: "session-state",
        error: { message: expect.stringMatching(/cannot be reset/) },
      },
    ]);
  });

  it("session-state: its reset fails", async () => {
    await local.setUp("create role passing");
    const pool = local.pool({
      onConnect: async (client) => {
        await client.query("set role passing");
      },
    });
    const { evictions } = eventsOfPool(pool);
    const client = await pool.connect();
    await client.query("set statement_timeout = 1000");
    await local.setUp("drop role passing");
    client.release();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([
      { role: "writer", reason: "session-state", error: { code: "22023" } },
    ]);
  });

  it("session-state: the session of a read-only pool was made writable", async () => {
    const pool = local.pool({ readOnly: true, reader: local.cluster.writer.url });
    const { evictions } = eventsOfPool(pool);
    const client = await pool.reader.connect();
    await client.query("select set_config('default_transaction_read_only', 'off', false)");
    const error = await rejection(client.query("select 1"));
    expect(error).toMatchObject({ code: "READ_ONLY_MODE" });
    client.release();
    await until("it is closed", () => evictions.length > 0);
    expect(evictions).toMatchObject([{ role: "reader", reason: "session-state" }]);
  });

  it("lifetime: connections to readers move on by themselves", async () => {
    const pool = local.pool({ readerPool: { maxLifetimeSeconds: 1, idleTimeoutMillis: 0 } });
    const { evictions } = eventsOfPool(pool);
    await until("one has", async () => {
      await pool.query(read);
      return evictions.length > 0;
    });
    expect(evictions[0]).toMatchObject({ role: "reader", reason: "lifetime" });
    // They end a little earlier by chance, so that not all end at the same moment.
    expect(evictions[0]?.ageMs).toBeGreaterThan(300);
  });
});

it.each([
  ["with one server", () => ofOneServer(local)],
  ["with readers", () => ownOptions(local)],
])(
  "session-state: a Client of pointsman/pg is ended that holds something there, %s",
  async (_kind, options) => {
    const evictions = eventsOf<EvictionEvent>("eviction");
    const tied = await connected(options());
    await tied.query("listen news");
    await tied.end();
    expect(evictions[0]).toMatchObject({ role: "writer", reason: "session-state" });
    expect(evictions[0]).not.toHaveProperty("error");
  },
);

/** The events of all pools, until the test is over. */
function eventsOf<Event>(name: string): Event[] {
  const seen: Event[] = [];
  const note = (event: unknown): void => {
    seen.push(event as Event);
  };
  subscribe(`pointsman:${name}`, note);
  onTestFinished(() => {
    unsubscribe(`pointsman:${name}`, note);
  });
  return seen;
}

describe("listeners", () => {
  it("of one pool hear nothing of another", async () => {
    const [one, other] = [local.pool(), local.pool()];
    const [heard, others] = [eventsOfPool(one), eventsOfPool(other)];
    await one.query(read);
    await one.end();
    expect(heard.connects).toHaveLength(1);
    expect(heard.evictions).toHaveLength(1);
    expect(others).toEqual({ connects: [], evictions: [], readers: [], failovers: [] });
  });

  it("hear of the pools that clients of pointsman/pg share", async () => {
    const connects = eventsOf<ConnectEvent>("connect");
    const evictions = eventsOf<EvictionEvent>("eviction");
    const client = await connected(ownOptions(local));
    await whereReads(client);
    expect(connects.map(({ role }) => role).sort()).toEqual(["reader", "writer"]);
    await client.end();
    expect(evictions.map(({ reason }) => reason)).toEqual(["pool-ended", "pool-ended"]);
  });
});
