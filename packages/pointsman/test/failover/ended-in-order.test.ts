import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rowsTable, rowsThere } from "./load.ts";

let cluster: Cluster;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  pool = createPool({ writer: cluster.writer.url, reader: cluster.reader.url });
  await pool.query(rowsTable);
  await pool.writer.query("truncate rows_written");
  await cluster.waitForReplay();
});
afterEach(() => pool.end());

async function backend(): Promise<number> {
  const { rows } = await pool.query({ text: "select pg_backend_pid() as pid", target: "writer" });
  return rows[0].pid;
}

/** Has a statement arrive at a backend that is told to end before it looks at what has arrived. */
async function meetsFarewell(send: () => Promise<unknown>): Promise<unknown> {
  const pid = await backend();
  process.kill(pid, "SIGSTOP");
  const answer = send().then(
    () => "answered",
    ({ code }) => code,
  );
  await delay(100);
  process.kill(pid, "SIGTERM");
  process.kill(pid, "SIGCONT");
  return answer;
}

const insert = "insert into rows_written values ($1)";

describe("a connection that its server ends in order", () => {
  it("before it has begun with a write has it sent again: it cannot have happened", async () => {
    expect(await meetsFarewell(() => pool.query(insert, [1]))).toBe("answered");
    expect(pool.stats().reasons["after-loss"]).toBe(1);
    expect(await rowsThere(cluster.writer.url)).toEqual(new Set([1]));
  });

  it("leaves a write unknown that does not tell whether it was begun", async () => {
    const plain = "insert into rows_written values (2)";
    expect(await meetsFarewell(() => pool.query(plain))).toBe("WRITE_OUTCOME_UNKNOWN");
    expect(await rowsThere(cluster.writer.url)).toEqual(new Set());
  });

  it("leaves a write unknown that was begun: it may have written elsewhere", async () => {
    const pid = await backend();
    const slow = "insert into rows_written select $1::int from pg_sleep(5)";
    const answer = pool.query(slow, [3]).catch(({ code }) => code);
    await delay(200);
    process.kill(pid, "SIGTERM");
    expect(await answer).toBe("WRITE_OUTCOME_UNKNOWN");
    expect(await rowsThere(cluster.writer.url)).toEqual(new Set());
  });

  it("R25: does not move a write away from the settings that it was meant for", async () => {
    const client = await pool.connect();
    try {
      await client.query("set statement_timeout = '7s'");
      const { rows } = await client.query("select pg_backend_pid() as pid");
      process.kill(rows[0].pid, "SIGSTOP");
      const answer = client.query(insert, [4]).catch(({ code }) => code);
      await delay(100);
      process.kill(rows[0].pid, "SIGTERM");
      process.kill(rows[0].pid, "SIGCONT");
      expect(await answer).toBe("WRITE_OUTCOME_UNKNOWN");
    } finally {
      client.release();
    }
    expect(await rowsThere(cluster.writer.url)).toEqual(new Set());
  });
});
