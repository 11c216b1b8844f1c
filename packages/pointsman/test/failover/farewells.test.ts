import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { paused } from "../freshness/paused.ts";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";

const local = localCluster({ readers: 1, schema: "create table books (id int)" });

const slow = "select pg_sleep(1), 'once' as one";

const ways: readonly [string, (pool: Pool) => Promise<unknown>][] = [
  ["pool.query()", async (pool) => (await pool.query(slow)).rows],
  [
    "a client",
    async (pool) => {
      const client = await pool.connect();
      try {
        return (await client.query(slow)).rows;
      } finally {
        client.release();
      }
    },
  ],
];

/** Ends the connection under the slow statement on the writer, so often. */
async function endSlow(times: number): Promise<void> {
  const operator = await local.connect();
  const ended = new Set<number>();
  await until("it is ended", async () => {
    const { rows } = await operator.query<{ pid: number }>(
      "select pid, pg_terminate_backend(pid) from pg_stat_activity where query = $1 and state = 'active'",
      [slow],
    );
    for (const { pid } of rows) ended.add(pid);
    return ended.size >= times;
  });
}

async function openAll(pool: Pool): Promise<number[]> {
  const clients = await Promise.all([1, 2, 3, 4].map(() => pool.writer.connect()));
  const pids = clients.map((client) => (client as unknown as { processID: number }).processID);
  for (const client of clients) client.release();
  return pids;
}

describe.each(ways)("a read by %s that comes from a reader that was behind", (_way, send) => {
  /** It was sent before, and no server has said a word yet. */
  async function ended(times: number): Promise<{ answer: unknown; left: number }> {
    const pool = local.pool({ max: 4, prepare: false, lanes: false, freshness: { wait: 0 } });
    await pool.query("select 1");
    const pids = await openAll(pool);
    return paused(local.cluster, async () => {
      await pool.query("insert into books values (1)");
      const [answer] = await Promise.all([send(pool), endSlow(times)]);
      expect(pool.stats().reasons["after-loss"]).toBe(1);
      const operator = await local.connect();
      const { rowCount } = await operator.query(
        "select from pg_stat_activity where pid = any($1)",
        [pids],
      );
      return { answer, left: rowCount ?? 0 };
    });
  }

  it("costs no other connection when its own is ended", async () => {
    const { answer, left } = await ended(1);
    expect(answer).toMatchObject([{ one: "once" }]);
    expect(left).toBe(3);
  });

  it("is sent again when its connection is ended twice", async () => {
    const { answer } = await ended(2);
    expect(answer).toMatchObject([{ one: "once" }]);
  });
});
