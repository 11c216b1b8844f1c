import type { ClientBase } from "pg";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../../support/local-cluster.ts";
import { rejection } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table lines (line text);
    create function add_line(line text) returns void language sql
      as 'insert into lines values (line)';
    create procedure leave() language plpgsql as $$ begin
      perform set_config('app.trace', 'behind', false);
      perform pg_advisory_lock(777);
    end $$`,
});

/** What a user of a connection finds of those before. */
const look = `
  select coalesce(current_setting('app.trace', true), '') as trace,
    (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
      as locks`;
const nothing = { trace: "", locks: 0 };

const leaving = "perform set_config('app.trace', 'behind', false); perform pg_advisory_lock(777);";

const texts: readonly [what: string, text: string, options?: PoolOptions][] = [
  ["DO", `do $$ begin ${leaving} end $$`],
  ["CALL", "call leave()"],
  [
    "EXECUTE",
    "execute leave",
    {
      onConnect: async (client: ClientBase) => {
        await client.query("prepare leave as select set_config('app.trace', 'behind', false)");
      },
    },
  ],
  [
    "a text that is too long to be parsed",
    `set app.trace = 'behind'; select pg_advisory_lock(777) /* ${"x".repeat(2000)} */`,
    { maxParseBytes: 1000 },
  ],
  [
    "query_to_xml",
    "select query_to_xml('select set_config(''app.trace'', ''behind'', false)', true, true, '')",
  ],
];

const ways: readonly [name: string, (pool: Pool, text: string) => Promise<unknown>][] = [
  ["pool.query", (pool, text) => pool.query(text)],
  [
    "client.query",
    async (pool, text) => {
      const client = await pool.connect();
      await client.query(text).finally(() => client.release());
    },
  ],
  ["transaction", (pool, text) => pool.transaction((tx) => tx.query(text))],
];

describe.each(texts)("what %s leaves on a connection with readers", (_what, text, options) => {
  it.each(ways)("is gone for the next user: %s", async (_name, leave) => {
    const pool = local.pool({ ...options, max: 1 });
    await leave(pool, text);
    const byPool = await pool.query({ text: look, target: "writer" });
    await leave(pool, text);
    const client = await pool.connect();
    const byClient = await client.query({ text: look, target: "writer" });
    client.release();
    expect([...byPool.rows, ...byClient.rows]).toEqual([nothing, nothing]);
  });
});

describe("what DO leaves in a READ ONLY transaction on a reader", () => {
  it("is gone for the reader's next user", async () => {
    const pool = local.pool({ max: 1 });
    await pool.transaction((tx) => tx.query(`do $$ begin ${leaving} end $$`), { readOnly: true });
    const byPool = await pool.query({ text: look, target: "reader" });
    const bySide = await pool.reader.query(look);
    expect([...byPool.rows, ...bySide.rows]).toEqual([nothing, nothing]);
  });
});

describe("a mirror", () => {
  it.each([
    ["SET", "set default_transaction_read_only = off"],
    ["SET SESSION CHARACTERISTICS", "set session characteristics as transaction read write"],
    ["set_config", "select set_config('default_transaction_read_only', 'off', false)"],
    ["DO", "do $$ begin perform set_config('default_transaction_read_only', 'off', false); end $$"],
  ])("stays read-only after %s", async (_what, unlock) => {
    const pool = local.pool({ mirror: true, readerPool: { max: 1 } });
    const client = await pool.reader.connect();
    await client.query(unlock);
    const later = await rejection(client.query("select add_line('by the same user')"));
    await client.query(unlock);
    await client.query("begin");
    const inside = await rejection(client.query("select add_line('in a transaction')"));
    await client.query("rollback");
    await client.query(unlock);
    client.release();
    const next = await rejection(pool.reader.query("select add_line('by the next user')"));
    expect([later.code, inside.code, next.code]).toEqual(["25006", "25006", "25006"]);
  });
});
