import { Client, type PoolClient } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { PointsmanError, type Pool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table accounts (id int primary key, pence int);
    insert into accounts values (1, 100);
    create sequence numbers;
    create table allowed (id int);
    create view over_accounts as select * from accounts;
    create function steal() returns int language sql as
      'update accounts set pence = 0 returning pence';
    create function unlock() returns text language plpgsql as
      $$ begin perform set_config('default_transaction_read_only', 'off', false); return 'x'; end $$;
    create function unlock_now() returns text language plpgsql as
      $$ begin perform set_config('transaction_read_only', 'off', false); return 'x'; end $$;
    create procedure steal_all() language plpgsql as
      $$ begin commit; set transaction read write; update accounts set pence = 0; end $$`,
});

const wanted = { accounts: [{ id: 1, pence: 100 }], used: false };

let witness: Client;

beforeAll(async () => {
  witness = new Client({ connectionString: local.cluster.writer.url });
  await witness.connect();
});

afterAll(() => witness.end());

async function state() {
  const accounts = (await witness.query("select * from accounts")).rows;
  const used = (await witness.query("select is_called from numbers")).rows[0].is_called;
  return { accounts, used };
}

afterEach(async () => {
  expect(await state()).toEqual(wanted);
});

/** Pools whose connections lead to a standby, and to a server that could be written. */
const places: readonly (readonly [name: string, options: () => PoolOptions])[] = [
  ["with a reader", () => ({})],
  ["with one server", () => ({ reader: undefined })],
  ["with a table that may be written", () => ({ reader: undefined, allowWritesTo: ["allowed"] })],
];

/** Makes a text too long to be judged, and means nothing. */
const long = `'${"x".repeat(70_000)}'`;

/** What must not change anything, each statement on the same client. */
const attacks: readonly (readonly string[])[] = [
  ["insert into accounts values (2, 1)"],
  ["begin read write", "update accounts set pence = 0", "commit"],
  ["start transaction isolation level serializable, read write", "delete from accounts", "commit"],
  ["begin", "set transaction read write", "update accounts set pence = 0", "commit"],
  ["begin", "set transaction_read_only = off", "select steal()", "commit"],
  ["begin", "set transaction_read_only to default", "select steal()", "commit"],
  ["begin", "reset transaction_read_only", "select steal()", "commit"],
  ["begin", "set local transaction_read_only = 0", "select steal()", "commit"],
  ["begin; set transaction_read_only to default; select steal(); commit"],
  ["begin; set transaction read write; update accounts set pence = 0; commit"],
  ["set default_transaction_read_only = off", "select steal()"],
  ["set default_transaction_read_only to default", "select steal()"],
  ["reset all", "select steal()"],
  ["discard all", "select steal()"],
  ["set session characteristics as transaction read write", "select steal()"],
  ["select set_config('default_transaction_read_only', 'off', false)", "select steal()"],
  ["select set_config('transaction_read_only', 'off', true), steal()"],
  ["select unlock()", "select steal()"],
  ["select unlock_now()", "select steal()"],
  ["select unlock_now(), steal()"],
  ["select unlock(); select steal()"],
  ["select unlock(); commit; select steal()"],
  ["begin; select unlock(); commit; begin; select steal(); commit"],
  ["begin", "select unlock()", "commit", "select steal()"],
  ["begin", "select unlock()", "commit and chain", "select steal()", "commit"],
  ["begin", "savepoint a", "select unlock()", "release a", "select steal()", "commit"],
  ["prepare a as update accounts set pence = 0", "execute a"],
  ["prepare a as select steal()", "execute a"],
  ["select unlock()", "prepare a as select steal()", "execute a"],
  ["declare c cursor with hold for select steal()", "fetch all from c"],
  ["begin", "declare c cursor for select unlock()", "fetch all from c", "commit", "select steal()"],
  ["with gone as (delete from accounts returning 1) select * from gone"],
  ["explain analyze update accounts set pence = 0"],
  ["update over_accounts set pence = 0"],
  ["merge into accounts using (select 1) s on true when matched then delete"],
  ["select * into other from accounts"],
  ["create table other (id int)"],
  ["create temp table other (id int)"],
  ["truncate accounts"],
  ["drop table accounts"],
  ["alter table accounts add column x int"],
  ["call steal_all()"],
  ["do $$ begin update accounts set pence = 0; end $$"],
  ["select nextval('numbers')"],
  ["select setval('numbers', 9)"],
  ["copy accounts from program 'echo 2'"],
  ["copy (select 1) to program 'true'"],
  ["select lo_create(7)"],
  ["select * from accounts for update"],
  ["lock table accounts in access exclusive mode"],
  ["vacuum accounts"],
  ["notify somebody"],
  ["listen somebody"],
  ["select pg_notify('a', 'b')"],
  ["select pg_advisory_lock(1)"],
  ["/* pointsman:writer */ update accounts set pence = 0"],
  ["/* pointsman:reader */ update accounts set pence = 0"],
  ["/* pointsman:writer */ select steal()"],
  ["insert into accounts values (2, 1) -- \u0000"],
  ["selekt 1; update accounts set pence = 0"],
  [`select length(${long}); update accounts set pence = 0`],
  [`select unlock(), length(${long}); commit; select steal()`],
  [`select length(${long}); commit; begin read write; select steal(); commit`],
  ["select unlock()", `select steal(), length(${long})`],
  ["begin", "prepare transaction 'x'"],
  ["commit prepared 'x'"],
  ["set role none", "select steal()"],
];

type Send = (text: string) => Promise<unknown>;

/** Sends each, whatever becomes of those before it, and gives the errors. */
async function attack(texts: readonly string[], send: Send): Promise<Error[]> {
  const errors: Error[] = [];
  for (const text of texts) {
    await send(text).catch((error: Error) => errors.push(error));
  }
  return errors;
}

/** Errors of ours say who refuses, and those of PostgreSQL what. */
function expectReasons(errors: readonly Error[], of: string): void {
  expect(errors.length, `${of} was not refused`).toBeGreaterThan(0);
  for (const error of errors) {
    const { code } = error as { code?: string };
    expect(code, `${of}: ${error.stack}`).toBeDefined();
    if (error instanceof PointsmanError && code === "READ_ONLY_MODE") {
      expect(error.message).toMatch(/read-only/);
    }
  }
}

let prepared = 0;

/** Every way in which a text can be sent. */
const ways: Readonly<
  Record<string, (pool: Pool, use: (send: Send) => Promise<void>) => Promise<void>>
> = {
  "pool.query": (pool, use) => use((text) => pool.query(text)),
  "pool.query, with its target": (pool, use) =>
    use((text) => pool.query({ text, target: "writer" })),
  "pool.query, prepared": (pool, use) =>
    use((text) => pool.query({ text, name: `attack ${prepared++}` })),
  "a client": (pool, use) => withClient(pool, (client) => use((text) => client.query(text))),
  "a client, in the extended protocol": (pool, use) =>
    withClient(pool, (client) => use((text) => client.query({ text, values: [] } as never))),
  "pool.writer": (pool, use) => use((text) => pool.writer.query(text)),
  "a client of pool.writer": (pool, use) =>
    withClient(pool.writer as Pool, (client) => use((text) => client.query(text))),
  "a client of pool.reader": (pool, use) =>
    withClient(pool.reader as Pool, (client) => use((text) => client.query(text))),
  "a cursor": (pool, use) =>
    withClient(pool, (client) =>
      use(async (text) => {
        const cursor = client.query(new Cursor(text));
        await cursor.read(10);
        await cursor.close();
      }),
    ),
  "a stream": (pool, use) =>
    withClient(pool, (client) =>
      use(async (text) => {
        for await (const _row of client.query(new QueryStream(text)));
      }),
    ),
  "pool.transaction": (pool, use) =>
    use((text) => pool.transaction((tx) => tx.query(text), { retries: 0 })),
  "a class of clients": async (pool, use) => {
    const Own = (pool as unknown as { Client: new (options: object) => PoolClient }).Client;
    const client = new Own(pool.options);
    client.on("error", () => {});
    await client.connect();
    try {
      await use((text) => client.query(text));
    } finally {
      await (client as unknown as { end(): Promise<void> }).end();
    }
  },
};

async function withClient(pool: Pool, use: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = (await pool.connect()) as unknown as PoolClient;
  try {
    await use(client);
  } finally {
    client.release();
  }
}

describe.each(places)("%s, a read-only pool is written by nothing", (_place, options) => {
  it.each(Object.entries(ways))(
    "through %s",
    async (_name, way) => {
      const pool = local.pool({ readOnly: true, max: 2, ...options() });
      for (const texts of attacks) {
        await way(pool, async (send) => {
          expectReasons(await attack(texts, send), texts.join("; "));
        });
        expect(await state(), texts.join("; ")).toEqual(wanted);
      }
      // And it is as good as new.
      expect((await pool.query("select pence from accounts")).rows).toEqual([{ pence: 100 }]);
    },
    20_000,
  );

  it("through COPY", async () => {
    const pool = local.pool({ readOnly: true, ...options() });
    await withClient(pool, async (client) => {
      const stream = client.query(copyFrom("copy accounts from stdin"));
      const failed = new Promise<Error>((resolve) => stream.on("error", resolve));
      stream.end("2\t1\n");
      expectReasons([await failed], "COPY");
    });
  });

  it("through listeners that set a connection up", async () => {
    const pool = local.pool({
      readOnly: true,
      ...options(),
      onConnect: async (client) => {
        await client.query("begin read write").catch(() => {});
        await client.query("update accounts set pence = 0").catch(() => {});
        await client.query("rollback").catch(() => {});
      },
    });
    pool.on("connect", (client) => {
      client.query("update accounts set pence = 0").catch(() => {});
    });
    pool.on("error", () => {});
    await pool.query("select 1");
    await withClient(pool, async (client) => {
      await client.query("select 1");
    });
  });
});
