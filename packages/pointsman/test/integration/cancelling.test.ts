import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool, type Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificate, startTlsRelay } from "../support/tls-relay.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
});

afterAll(async () => {
  await cluster?.stop();
});

/** Whether a statement that contains `marker` runs on a server now. */
async function runs(url: string, marker: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select 1 from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()",
      [`%${marker}%`],
    );
    return rows.length > 0;
  } finally {
    await client.end();
  }
}

/** Resolves when a statement that contains `marker` runs, or no longer runs, on a server. */
async function running(url: string, marker: string, expected: boolean): Promise<void> {
  await expect.poll(() => runs(url, marker), { timeout: 10_000, interval: 10 }).toBe(expected);
}

const subjects: [string, () => Pool][] = [
  ["one server", () => createPool({ writer: cluster.writer.url, max: 1 })],
  [
    "with readers",
    () =>
      createPool({
        writer: cluster.writer.url,
        readers: cluster.readers.map((reader) => reader.url),
        max: 1,
      }),
  ],
];

describe.each(subjects)("cancelling (%s)", (_name, makePool) => {
  test("R12: an aborted query rejects with the signal's reason and stops on the server", async () => {
    const pool = makePool();
    const abort = new AbortController();
    const marker = `cancel_${_name.replaceAll(" ", "_")}_1`;
    const query = pool.query({
      text: `/* ${marker} */ select pg_sleep(60)`,
      signal: abort.signal,
      target: "writer",
    });
    const outcome = expect(query).rejects.toBe("enough");
    await running(cluster.servers[0]?.direct.url as string, marker, true);
    abort.abort("enough");
    await outcome;
    await running(cluster.servers[0]?.direct.url as string, marker, false);
    await pool.end();
  });

  test("R12: the connection of a cancelled query is given back clean, and not closed", async () => {
    const pool = makePool();
    const before = (await pool.query({ text: "select pg_backend_pid() as pid" })).rows[0].pid;
    const abort = new AbortController();
    const marker = `cancel_${_name.replaceAll(" ", "_")}_2`;
    const query = pool.query({
      text: `/* ${marker} */ select pg_sleep(60)`,
      signal: abort.signal,
      target: "writer",
    });
    const outcome = expect(query).rejects.toThrow();
    await running(cluster.servers[0]?.direct.url as string, marker, true);
    abort.abort();
    await outcome;
    const after = (await pool.query({ text: "select pg_backend_pid() as pid" })).rows[0].pid;
    expect(after).toBe(before);
    await pool.end();
  });

  test("R12: a cancellation never hits the statement that comes after it", async () => {
    const pool = makePool();
    for (let round = 0; round < 30; round++) {
      const abort = new AbortController();
      const first = pool
        .query({ text: "select pg_sleep(0.005)", signal: abort.signal, target: "writer" })
        .catch(() => "aborted");
      const second = pool.query({ text: "select pg_sleep(0.002), 7 as seven", target: "writer" });
      setTimeout(() => abort.abort(), 4 + Math.random() * 3);
      await first;
      expect((await second).rows[0].seven).toBe(7);
    }
    await pool.end();
  });

  test("a query that waits for a connection is answered as soon as it is aborted", async () => {
    const pool = makePool();
    const holder = await pool.writer.connect();
    const abort = new AbortController();
    const query = pool.query({ text: "select 1", signal: abort.signal, target: "writer" });
    const outcome = expect(query).rejects.toBe("gone");
    abort.abort("gone");
    await outcome;
    holder.release();
    expect((await pool.query({ text: "select 2 as two", target: "writer" })).rows[0].two).toBe(2);
    await pool.end();
  });

  test("a query whose signal is aborted already is not sent", async () => {
    const pool = makePool();
    await expect(
      pool.query({ text: "select 1", signal: AbortSignal.abort("before") }),
    ).rejects.toBe("before");
    expect(pool.totalCount).toBe(0);
    await pool.end();
  });

  test("a checked-out client can be cancelled, and goes on", async () => {
    const pool = makePool();
    const client = await pool.connect();
    await client.query("begin");
    const abort = new AbortController();
    const marker = `cancel_${_name.replaceAll(" ", "_")}_3`;
    const config = { text: `/* ${marker} */ select pg_sleep(60)`, signal: abort.signal };
    const query = client.query(config);
    const outcome = expect(query).rejects.toBe("stop");
    await running(cluster.servers[0]?.direct.url as string, marker, true);
    abort.abort("stop");
    await outcome;
    await client.query("rollback");
    expect((await client.query("select 3 as three")).rows[0].three).toBe(3);
    client.release();
    await pool.end();
  });
});

test("R12: behind an endpoint the server that runs the statement is the one that is asked", async () => {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    readerPool: { max: 2 },
  });
  const aborts = [new AbortController(), new AbortController()];
  const queries = aborts.map((abort, index) =>
    pool
      .query({ text: `/* endpoint_${index} */ select pg_sleep(60)`, signal: abort.signal })
      .catch((reason: unknown) => reason),
  );
  const [first, second] = cluster.readers.map((reader) => reader.direct.url) as [string, string];
  await running(first, "endpoint_", true);
  const onFirst = (await runs(first, "endpoint_0")) ? 0 : 1;
  await running(second, `endpoint_${1 - onFirst}`, true);
  aborts[onFirst]?.abort("mine");
  expect(await queries[onFirst]).toBe("mine");
  await running(first, `endpoint_${onFirst}`, false);
  await running(second, `endpoint_${1 - onFirst}`, true);
  aborts[1 - onFirst]?.abort("the other");
  expect(await queries[1 - onFirst]).toBe("the other");
  await pool.end();
});

test("every cancellation through a reader endpoint reaches the server that it is meant for", async () => {
  const pool = createPool({
    writer: cluster.writer.url,
    reader: cluster.reader.url,
    readerPool: { max: 6 },
  });
  const aborts = Array.from({ length: 6 }, () => new AbortController());
  const queries = aborts.map((abort, index) =>
    pool
      .query({ text: `/* everywhere_${index} */ select pg_sleep(60)`, signal: abort.signal })
      .catch((reason: unknown) => reason),
  );
  const urls = cluster.readers.map((reader) => reader.direct.url);
  for (const [index, abort] of aborts.entries()) {
    const isRunning = async () =>
      (await Promise.all(urls.map((url) => runs(url, `everywhere_${index}`)))).includes(true);
    await expect.poll(isRunning, { timeout: 10_000 }).toBe(true);
    abort.abort(`number ${index}`);
    expect(await queries[index]).toBe(`number ${index}`);
    await expect.poll(isRunning, { timeout: 10_000 }).toBe(false);
  }
  await pool.end();
});

test("R12: a connection over TLS is cancelled over TLS", async () => {
  const writer = cluster.servers[0]?.direct as { host: string; port: number };
  const relay = await startTlsRelay(writer);
  const url = new URL(cluster.writer.url);
  const pool = createPool({
    writer: {
      host: "localhost",
      port: relay.port,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: url.pathname.slice(1),
      ssl: { ca: certificate },
    },
  });
  const abort = new AbortController();
  const query = pool.query({ text: "/* over_tls */ select pg_sleep(60)", signal: abort.signal });
  const outcome = expect(query).rejects.toBe("tls");
  await running(cluster.servers[0]?.direct.url as string, "over_tls", true);
  abort.abort("tls");
  await outcome;
  expect(relay.cancels).toEqual({ tls: 1, plain: 0 });
  await pool.end();
  await relay.close();
});
