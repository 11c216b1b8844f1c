import type pg from "pg";
import type { PoolClient, PoolConfig } from "pg";
import { describe, expect, it } from "vitest";
import { backendOf, connectBack, onTheWriter } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";
import { until } from "../support/until.ts";

const { all, direct, withReaders, cluster } = subjectsOnCluster();

function counts(pool: pg.Pool): { total: number; idle: number; waiting: number } {
  return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
}

/** How many of its own kind a statement sees running, itself included. */
const seesOfItsKind =
  "select count(*)::int as n, pg_sleep(0.005) from pg_stat_activity where query like 'select count(*)%' and state = 'active'";

describe.each(all)("sizes $name", ({ open }) => {
  it("are pg's own where nothing is said", () => {
    const { max, min, idleTimeoutMillis, maxUses, maxLifetimeSeconds, allowExitOnIdle } = open()
      .options as pg.PoolOptions & { min: number };
    expect({ max, min, idleTimeoutMillis, maxUses, maxLifetimeSeconds, allowExitOnIdle }).toEqual({
      max: 10,
      min: 0,
      idleTimeoutMillis: 10_000,
      maxUses: Number.POSITIVE_INFINITY,
      maxLifetimeSeconds: 0,
      allowExitOnIdle: false,
    });
  });

  it("open a connection in the tick of the first query", async () => {
    const pool = open();
    const answer = pool.query("select pg_backend_pid()");
    expect(counts(pool)).toEqual({ total: 1, idle: 0, waiting: 0 });
    await answer;
  });

  it("count a connection as idle after its query", async () => {
    const pool = open();
    await pool.query("select pg_backend_pid()");
    expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
  });

  it("count the connection that a client stands on", async () => {
    const pool = open();
    const client = await pool.connect();
    await onTheWriter(client);
    const during = counts(pool);
    client.release();
    expect(during).toEqual({ total: 1, idle: 0, waiting: 0 });
    expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
  });

  it("count the queries that wait for a connection", async () => {
    const pool = open({ max: 1 });
    const answers = Array.from({ length: 3 }, () => pool.query("select pg_backend_pid()"));
    const during = counts(pool);
    await Promise.all(answers);
    expect(during).toEqual({ total: 1, idle: 0, waiting: 2 });
  });

  it("with max 1 run one query at a time", async () => {
    const pool = open({ max: 1 });
    const results = await Promise.all(
      Array.from({ length: 10 }, () => pool.query<{ n: number }>(seesOfItsKind)),
    );
    expect(results.map(({ rows }) => rows[0]?.n)).toEqual(Array(10).fill(1));
  });

  it("take poolSize as another word for max", async () => {
    const pool = open({ poolSize: 3 } as pg.PoolConfig);
    await Promise.all(Array.from({ length: 12 }, () => pool.query("select pg_backend_pid()")));
    expect(pool.totalCount).toBe(3);
  });

  it("let at most max clients out", async () => {
    const pool = open({ max: 2 });
    const out = await Promise.all([pool.connect(), pool.connect()]);
    let third: PoolClient | undefined;
    const waiting = pool.connect().then((client) => {
      third = client;
    });
    await Promise.all(out.map((client) => onTheWriter(client)));
    const before = third;
    for (const client of out) client.release();
    await waiting;
    third?.release();
    expect(before).toBeUndefined();
  });

  it("keep no connection after a query that failed: none of twenty is idle", async () => {
    const pool = open({ max: 1 });
    const codes: unknown[] = [];
    for (let n = 0; n < 20; n++) {
      codes.push(await pool.query("no sql at all").catch((error) => error.code));
    }
    const idle = pool.idleCount;
    const { rows } = await pool.query("select $1::text as name", ["brian"]);
    expect(codes).toEqual(Array(20).fill("42601"));
    expect(idle).toBe(0);
    expect(rows).toEqual([{ name: "brian" }]);
  });

  it("keep no connection after a read that failed either", async () => {
    // The catalog's connection, too, would be counted.
    const pool = open({ max: 1, catalog: false } as PoolConfig);
    const opened = (): number => cluster().writer.accepted + cluster().reader.accepted;
    await pool.query("select 1 / 0").catch(() => {});
    const before = opened();
    await pool.query("select 1");
    expect(opened()).toBe(before + 1);
  });

  it("close a connection that has idled for idleTimeoutMillis", async () => {
    const pool = open({ idleTimeoutMillis: 20 });
    await pool.query("select pg_backend_pid()");
    expect(pool.totalCount).toBe(1);
    await until("it is closed", () => pool.totalCount === 0);
  });

  it("keep a connection that idles when idleTimeoutMillis is 0", async () => {
    const pool = open({ idleTimeoutMillis: 0 });
    const other = open({ idleTimeoutMillis: 20 });
    await pool.query("select pg_backend_pid()");
    await other.query("select pg_backend_pid()");
    await until("the other's is closed", () => other.totalCount === 0);
    expect(pool.totalCount).toBe(1);
  });

  it("keep min connections however long they idle", async () => {
    const pool = open({ max: 3, min: 1, idleTimeoutMillis: 20 });
    const clients = await Promise.all(Array.from({ length: 3 }, () => pool.connect()));
    await Promise.all(clients.map((client) => onTheWriter(client)));
    const out = pool.totalCount;
    for (const client of clients) client.release();
    await until("those above the minimum are closed", () => pool.totalCount === 1);
    expect(out).toBe(3);
    expect(pool.idleCount).toBe(1);
  });

  it("use a connection maxUses times", async () => {
    const pool = open({ maxUses: 2, max: 1 });
    const pids: unknown[] = [];
    for (let n = 0; n < 4; n++) {
      const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
      pids.push(rows[0]?.pid);
    }
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).toBe(pids[3]);
    expect(pids[0]).not.toBe(pids[2]);
  });

  it("close a connection that is maxLifetimeSeconds old, when it is idle", async () => {
    const pool = open({ maxLifetimeSeconds: 0.05 });
    await pool.query("select pg_backend_pid()");
    await until("it is closed", () => pool.totalCount === 0);
    expect(pool.expiredCount).toBe(0);
  });

  it("close a connection that is maxLifetimeSeconds old, when its user gives it back", async () => {
    const pool = open({ maxLifetimeSeconds: 0.05 });
    const client = await pool.connect();
    await client.query("begin");
    await onTheWriter(client);
    await until("it is past its time", () => pool.expiredCount === 1);
    const { rows } = await client.query("select 1 as one");
    await client.query("commit");
    client.release();
    await until("it is closed", () => pool.totalCount === 0);
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe.each(all)("connectionTimeoutMillis $name", ({ open }) => {
  const timeout = "timeout exceeded when trying to connect";

  it("ends the wait for a client", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 250 });
    const client = await pool.connect();
    await expect(pool.connect()).rejects.toThrow(timeout);
    client.release();
  });

  it("ends the wait for a client by callback, with no client", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 250 });
    const client = await pool.connect();
    const second = await connectBack(pool);
    client.release();
    expect(second.error?.message).toBe(timeout);
    expect(second.client).toBeUndefined();
  });

  it("ends the wait of a query while the only client is out", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 250 });
    const client = await pool.connect();
    await onTheWriter(client);
    await expect(pool.query("insert into nowhere default values")).rejects.toThrow(timeout);
    client.release();
  });

  it("is over once the client is there: later uses are served", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 250 });
    const client = await pool.connect();
    await pool.connect().catch(() => {});
    client.release();
    const { rows } = await pool.query("select 1 as one");
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("leaves callers that have waited less in the queue", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 300 });
    const client = await pool.connect();
    const started = performance.now();
    const late = pool.connect().catch((error: Error) => error.message);
    await until("half of its time is over", () => performance.now() - started > 150);
    const inTime = pool.connect();
    expect(await late).toBe(timeout);
    client.release();
    (await inTime).release();
  });
});

describe.each(direct)("sizes $name", ({ open }) => {
  it("count the callers that wait for a client", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const waiting = pool.connect();
    const during = counts(pool);
    client.release();
    (await waiting).release();
    expect(during).toEqual({ total: 1, idle: 0, waiting: 1 });
  });

  it("end the wait of any query while the only client is out", async () => {
    const pool = open({ max: 1, connectionTimeoutMillis: 250 });
    const client = await pool.connect();
    await expect(pool.query("select 1")).rejects.toThrow("timeout exceeded when trying to connect");
    client.release();
  });

  it("give a client maxUses times to callers", async () => {
    const pool = open({ max: 1, maxUses: 2 });
    const uses: PoolClient[] = [];
    for (let n = 0; n < 3; n++) {
      const client = await pool.connect();
      client.release();
      uses.push(client);
    }
    expect(uses[1]).toBe(uses[0]);
    expect(uses[2]).not.toBe(uses[0]);
  });
});

describe("sizes with readers are the writer's, so that", () => {
  it("a read counts nowhere but in stats()", async () => {
    const pool = withReaders.open();
    await pool.query("select 1");
    expect(counts(pool)).toEqual({ total: 0, idle: 0, waiting: 0 });
    expect(pool.stats().reader).toMatchObject({ total: 1, idle: 1 });
  });

  it("a read is served while all clients stand on the writer", async () => {
    const pool = withReaders.open({ max: 1, connectionTimeoutMillis: 1000 });
    const client = await pool.connect();
    await onTheWriter(client);
    const { rows } = await pool.query("select 1 as one");
    client.release();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("a client that only reads holds no connection between its statements", async () => {
    const pool = withReaders.open({ max: 1 });
    const client = await pool.connect();
    await client.query("select 1");
    await until("it has given it back", () => pool.stats().reader?.idle === 1);
    client.release();
    expect(pool.totalCount).toBe(0);
  });

  it("each side has its own", async () => {
    const pool = withReaders.open({ max: 2, readerPool: { max: 4 } });
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        pool.query(n % 2 === 0 ? "select pg_sleep(0.01)" : "select pg_backend_pid()"),
      ),
    );
    expect(pool.stats()).toMatchObject({
      writer: { total: 2, max: 2 },
      reader: { total: 4, max: 4 },
    });
  });

  it("connectionTimeoutMillis covers the place and the connection together", async () => {
    const pool = withReaders.open({ max: 1, connectionTimeoutMillis: 300 });
    const holder = await pool.writer.connect();
    const started = performance.now();
    const client = await pool.connect();
    await expect(backendOf(client)).rejects.toThrow("timeout exceeded when trying to connect");
    const waited = performance.now() - started;
    client.release();
    holder.release();
    expect(waited).toBeGreaterThan(290);
    expect(waited).toBeLessThan(590);
  });
});
