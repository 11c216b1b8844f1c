import type { TransactionClient } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../../support/local-cluster.ts";
import { rejection } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table lines (id int generated always as identity, line text)",
});

const readOnly = { readOnly: true };

describe("a READ ONLY transaction on a reader", () => {
  it.each([
    ["COPY to a file", "copy lines to '/dev/null'"],
    ["COPY of a query to a file", "copy (select 1) to '/dev/null'"],
    ["COPY to a program", "copy lines to program 'cat'"],
    ["LOCK", "lock table lines in row exclusive mode"],
    ["LOCK in the weakest mode", "lock table lines in access share mode"],
    ["CHECKPOINT", "checkpoint"],
    ["SET", "set work_mem = '5MB'"],
    ["SET SESSION", "set session work_mem = '5MB'"],
    ["RESET", "reset work_mem"],
    ["set_config", "select set_config('work_mem', '5MB', false)"],
    ["SET ROLE", "set role none"],
    ["pg_advisory_lock", "select pg_advisory_lock(1)"],
    ["pg_try_advisory_lock", "select pg_try_advisory_lock(1)"],
    ["pg_advisory_lock_shared", "select pg_advisory_lock_shared(1)"],
    ["pg_advisory_xact_lock", "select pg_advisory_xact_lock(1)"],
    ["PREPARE", "prepare mine as select 1"],
  ])("refuses what would be lost there: %s", async (_what, text) => {
    const mark = newMark();
    const pool = local.pool({ max: 1 });
    const send = (tx: TransactionClient) => rejection(tx.query(`${mark} ${text}`));
    const [error, server] = await pool.transaction(async (tx) => {
      const { rows } = await tx.query(`select ${here} as server`);
      return [await send(tx), rows[0].server];
    }, readOnly);
    expect({ code: error.code, server, reached: local.reached(mark) }).toEqual({
      code: "MEANINGLESS_ON_READER",
      server: "reader1",
      reached: [],
    });
  });

  it("refuses them on a client that has sent BEGIN READ ONLY, too", async () => {
    const client = await local.pool({ max: 1 }).connect();
    await client.query("begin read only");
    const error = await rejection(client.query("lock table lines in share mode"));
    await client.query("rollback");
    client.release();
    expect(error.code).toBe("MEANINGLESS_ON_READER");
  });

  it("goes on after such a refusal, and takes SET LOCAL", async () => {
    const pool = local.pool({ max: 1 });
    const { rows } = await pool.transaction(async (tx) => {
      await rejection(tx.query("set work_mem = '5MB'"));
      await tx.query("set local work_mem = '6MB'");
      return tx.query(`select current_setting('work_mem') as memory, ${here} as server`);
    }, readOnly);
    expect(rows).toEqual([{ memory: "6MB", server: "reader1" }]);
  });

  it.each([
    ["commit", "commit; insert into lines (line) values ('behind')"],
    ["end", "end; insert into lines (line) values ('behind')"],
    ["rollback", "rollback; insert into lines (line) values ('behind')"],
    ["commit and another transaction", "commit; begin; insert into lines (line) values ('behind')"],
  ])("refuses a text that ends it and goes on: %s", async (_what, text) => {
    const client = await local.pool({ max: 1 }).connect();
    await client.query("begin read only");
    await client.query("select 1");
    const error = await rejection(client.query(text));
    const status = client.getTransactionStatus();
    await client.query("commit");
    const { rows } = await client.query("select count(*)::int as lines from lines");
    client.release();
    expect({ code: error.code, message: error.message, status, rows }).toEqual({
      code: "MEANINGLESS_ON_READER",
      message: expect.stringContaining("Send COMMIT or ROLLBACK by itself."),
      status: "T",
      rows: [{ lines: 0 }],
    });
  });
});
