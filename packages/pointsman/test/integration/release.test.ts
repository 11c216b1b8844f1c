import type { Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { backendOf } from "../support/checkouts.ts";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table lines (line text); create role clerk;",
});

/** A way to a server that breaks a connection which is asked to roll back. */
async function breakingAtRollback(target: { host: string; port: number }): Promise<CuttableRelay> {
  const relay = new CuttableRelay(target, "ROLLBACK");
  await relay.open();
  onTestFinished(() => relay.close());
  return relay;
}

function outcomesOf(pool: Pool): string[] {
  const seen: string[] = [];
  pool.on("abandoned", ({ outcome }) => seen.push(outcome));
  return seen;
}

const isGone = async (pid: number, url?: string): Promise<boolean> => {
  const admin = await local.connect(url);
  const { rowCount } = await admin.query("select from pg_stat_activity where pid = $1", [pid]);
  await admin.end();
  return rowCount === 0;
};

describe.each(kinds)("$kind", ({ options }) => {
  it("R8: a transaction that cannot be rolled back at release is told as destroyed", async () => {
    const { host, port, url } = local.cluster.writer;
    const relay = await breakingAtRollback({ host, port });
    const pool = local.pool({ ...options, writer: relay.url(url), max: 1, idleTimeoutMillis: 0 });
    const seen = outcomesOf(pool);
    const client = await pool.connect();
    await client.query("begin");
    const pid = await backendOf(client);
    await client.query("insert into lines values ('destroyed')");
    client.release();
    await until("the outcome is told", () => seen.length > 0);
    expect(seen).toEqual(["destroyed"]);
    await until("its connection is gone", () => isGone(pid));
    const { rows } = await pool.query({
      text: "select pg_backend_pid() as pid, (select count(*)::int from lines) as lines",
      target: "writer",
    });
    expect({ lines: rows[0].lines, another: rows[0].pid !== pid }).toEqual({
      lines: 0,
      another: true,
    });
    expect(seen).toEqual(["destroyed"]);
  });
});

it("R8: a READ ONLY transaction that cannot be rolled back on its reader is told so too", async () => {
  const { host, port, url } = local.cluster.reader;
  const relay = await breakingAtRollback({ host, port });
  const pool = local.pool({ reader: relay.url(url), max: 1 });
  const seen = outcomesOf(pool);
  const client = await pool.connect();
  await client.query("begin read only");
  client.release();
  await until("the outcome is told", () => seen.length > 0);
  const mark = newMark();
  await pool.query(`${mark} select 1`);
  expect({ seen, reached: local.reached(mark) }).toEqual({
    seen: ["destroyed"],
    reached: ["reader1"],
  });
});

describe("R11: LOAD, which nothing undoes,", () => {
  it.each([
    [
      "on a checked-out client",
      async (pool: Pool) => {
        const client = await pool.connect();
        const pid = await backendOf(client);
        await client.query("load 'plpgsql'");
        expect(await backendOf(client)).toBe(pid);
        client.release();
        return pid;
      },
    ],
    [
      "through the pool",
      async (pool: Pool) => {
        const { rows } = await pool.query("select pg_backend_pid() as pid");
        await pool.query("load 'plpgsql'");
        return rows[0].pid as number;
      },
    ],
  ])("closes its connection when it is given back: %s", async (_way, load) => {
    const pool = local.pool({ max: 1, idleTimeoutMillis: 0 });
    const pid = await load(pool);
    await until("the connection is gone", () => isGone(pid));
    const { rows } = await pool.query("select pg_backend_pid() as pid");
    expect(rows[0].pid).not.toBe(pid);
  });

  it("leaves a connection that was only SET open", async () => {
    const pool = local.pool({ max: 1 });
    const client = await pool.connect();
    const pid = await backendOf(client);
    await client.query("set work_mem = '7MB'");
    client.release();
    const { rows } = await pool.query(
      "select pg_backend_pid() as pid, current_setting('work_mem') as mem",
    );
    expect(rows).toEqual([{ pid, mem: "4MB" }]);
  });
});

describe("with one server session state stays on its connection, as in pg.Pool", () => {
  it.each<[string, string, string, unknown]>([
    ["SET", "set work_mem = '7MB'", "select current_setting('work_mem') as seen", "7MB"],
    ["SET ROLE", "set role clerk", "select current_user::text as seen", "clerk"],
    [
      "a temporary table",
      "create temp table mine as select 'mine' as seen",
      "select seen from mine",
      "mine",
    ],
    [
      "an advisory lock",
      "select pg_advisory_lock(4242)",
      "select pg_advisory_unlock(4242) as seen",
      true,
    ],
    ["LISTEN", "listen news", "select count(*)::int as seen from pg_listening_channels()", 1],
    ["LOAD", "load 'plpgsql'", "select pg_backend_pid() is not null as seen", true],
  ])("%s", async (_what, change, look, expected) => {
    const pool = local.pool({ reader: undefined, max: 1 });
    const client = await pool.connect();
    const pid = await backendOf(client);
    await client.query(change);
    client.release();
    const next = await pool.connect();
    expect(await backendOf(next)).toBe(pid);
    expect((await next.query(look)).rows).toEqual([{ seen: expected }]);
    next.release();
  });
});
