import { setTimeout as delay } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool } from "pointsman";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { rowsTable, rowsThere } from "./load.ts";

let cluster: Cluster;
let relay: CuttableRelay;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  relay = new CuttableRelay(cluster.writer);
  await relay.open();
  pool = createPool({
    writer: relay.url(cluster.writer.url),
    reader: cluster.reader.url,
    idleTimeoutMillis: 0,
  });
  await pool.query(rowsTable);
  await pool.writer.query("truncate rows_written");
  await cluster.waitForReplay();
});
afterEach(async () => {
  await pool.end();
  await relay.close();
});

it("R24: a write is not sent on a connection that may lead nowhere: after a pause it is asked first", async () => {
  await pool.query("insert into rows_written values (1)");
  // The pause itself is what this is about: nobody has used the connection for a second.
  await delay(1100);
  relay.mute();
  await pool.query("insert into rows_written values (2)");
  expect(await rowsThere(cluster.writer.url)).toEqual(new Set([1, 2]));
});

it("a connection whose way is lost while its server is well fails a write, and nobody waits for ever", async () => {
  await pool.query("insert into rows_written values (1)");
  relay.mute();
  await expect(pool.query("insert into rows_written values (2)")).rejects.toMatchObject({
    code: "WRITE_OUTCOME_UNKNOWN",
    cause: { message: expect.stringMatching(/lost without a word/) },
  });
  await pool.query("insert into rows_written values (3)");
  expect(await rowsThere(cluster.writer.url)).toEqual(new Set([1, 3]));
  expect(pool.stats().failover.searches).toBe(0);
});

it("the same of a read is not noticed by its caller", async () => {
  const read = { text: "select count(*)::int as n from rows_written", target: "writer" as const };
  await pool.query(read);
  relay.mute();
  expect((await pool.query(read)).rows).toEqual([{ n: 0 }]);
  expect(pool.stats().reasons["after-loss"]).toBe(1);
});

it("nor when all connections that are open have lost their way, however many", async () => {
  const read = { text: "select 1 as one, pg_sleep(0.1)", target: "writer" as const };
  await Promise.all(Array.from({ length: 7 }, () => pool.query(read)));
  relay.mute();
  expect((await pool.query(read)).rows[0].one).toBe(1);
  expect(pool.stats().failover.searches).toBe(0);
}, 30_000);

it("a connection whose way is lost while it is set up fails nobody: nothing was sent on it", async () => {
  await pool.end();
  let mutes = false;
  pool = createPool({
    writer: relay.url(cluster.writer.url),
    reader: cluster.reader.url,
    onConnect: async (client) => {
      if (!mutes) return;
      mutes = false;
      relay.mute();
      await client.query("select 1");
    },
  });
  const held = await pool.writer.connect();
  mutes = true;
  await pool.query("insert into rows_written values (3)");
  held.release(true);
  expect(mutes).toBe(false);
  expect(await rowsThere(cluster.writer.url)).toEqual(new Set([3]));
});
