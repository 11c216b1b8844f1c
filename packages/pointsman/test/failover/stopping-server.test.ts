import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { until } from "../support/until.ts";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 0 });
});
afterAll(() => cluster.stop());
beforeEach(() => {
  pool = createPool({ writer: cluster.writer.url, max: 5, prepare: false });
});
afterEach(() => pool.end());

/** As many connections as the pool may have, none of them in use. */
async function openAll(): Promise<number[]> {
  const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
  const pids = clients.map((client) => (client as unknown as { processID: number }).processID);
  for (const client of clients) client.release();
  await until("all are idle", () => pool.idleCount === 5);
  return pids;
}

it("a stopping server fails no read, however many of its connections are open", async () => {
  const pids = await openAll();
  for (const pid of pids) {
    process.kill(pid, "SIGSTOP");
    process.kill(pid, "SIGTERM");
  }
  let over = false;
  const answer = pool
    .query("select 1 as one")
    .then(
      ({ rows }) => rows,
      ({ code }) => code,
    )
    .finally(() => {
      over = true;
    });
  // The connection that was given back last is the next to be used.
  for (const [before, pid] of pids.toReversed().entries()) {
    process.kill(pid, "SIGCONT");
    if (!over) await until("it has gone", () => over || pool.totalCount < pids.length - before);
  }
  expect(await answer).toEqual([{ one: 1 }]);
  expect(pool.stats().reasons["after-loss"]).toBe(1);
});

it("one connection that is ended costs no other one", async () => {
  const pids = await openAll();
  const answer = pool.query("select pg_sleep(1), 'once' as one");
  const operator = new pg.Client({ connectionString: cluster.writer.url });
  await operator.connect();
  try {
    await until("it is ended", async () => {
      const { rowCount } = await operator.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep(1)%' and state = 'active'",
      );
      return rowCount === 1;
    });
    expect((await answer).rows).toMatchObject([{ one: "once" }]);
    const { rows } = await operator.query<{ pid: number }>(
      "select pid from pg_stat_activity where pid = any($1)",
      [pids],
    );
    expect(rows).toHaveLength(pids.length - 1);
  } finally {
    await operator.end();
  }
});

it("a statement whose connection is ended wherever it runs is sent again twice, and not for ever", async () => {
  const operator = new pg.Client({ connectionString: cluster.writer.url });
  await operator.connect();
  try {
    let ended = 0;
    let over = false;
    const answer = pool
      .query("select pg_sleep(60)")
      .catch(({ code }) => code)
      .finally(() => {
        over = true;
      });
    await until("the caller is told", async () => {
      const { rowCount } = await operator.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
      );
      ended += rowCount ?? 0;
      return over;
    });
    expect(await answer).toBe("57P01");
    expect(ended).toBeGreaterThanOrEqual(3);
  } finally {
    await operator.end();
  }
});
