import { once } from "node:events";
import pg, {
  type ClientBase,
  type CustomTypesConfig,
  Query,
  type QueryConfig,
  type QueryResult,
} from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { beforeAll, describe, expect, it } from "vitest";
import { subjectsOnCluster } from "../support/subjects.ts";
import { until } from "../support/until.ts";

const { all, cluster } = subjectsOnCluster();

beforeAll(async () => {
  const client = new pg.Client({ connectionString: cluster().writer.url });
  await client.connect();
  await client.query("create table notes (id int primary key, body text)");
  await client.end();
  await cluster().waitForReplay();
});

type Callback = (error: Error | null | undefined, result?: QueryResult) => void;

/** All that pools and clients have in common. */
interface Queryable {
  query(...args: unknown[]): unknown;
}

const text = "select $1::int + 1 as n";
const values = [41];

/** Every form of a query that reads, and one that writes: they go to different servers. */
const promised: [string, unknown[]][] = [
  ["(text)", ["select 42 as n"]],
  ["(text, values)", [text, values]],
  ["(config)", [{ text, values }]],
  ["(config, values)", [{ text }, values]],
  ["(config with a name)", [{ name: "plus one", text, values }]],
  ["(text that writes)", ["with w as (delete from notes where id = -1) select 42 as n"]],
];
const calledBack: [string, (callback: Callback) => unknown[]][] = [
  ["(text, callback)", (callback) => ["select 42 as n", callback]],
  ["(text, values, callback)", (callback) => [text, values, callback]],
  ["(config, callback)", (callback) => [{ text, values }, callback]],
  ["(config, values, callback)", (callback) => [{ text }, values, callback]],
  [
    "(text that writes, callback)",
    (callback) => ["with w as (delete from notes where id = -1) select 42 as n", callback],
  ],
];

describe.each(all)("query $name", ({ open, shared }) => {
  /** Runs something on a pool itself and on one of its clients. */
  async function onPool<T>(use: (queryable: Queryable) => Promise<T>): Promise<T> {
    return use(shared() as unknown as Queryable);
  }
  async function onClient<T>(use: (queryable: Queryable) => Promise<T>): Promise<T> {
    const client = await shared().connect();
    try {
      return await use(client as unknown as Queryable);
    } finally {
      client.release();
    }
  }

  describe.each([
    ["the pool", onPool],
    ["a client", onClient],
  ])("on %s", (_where, on) => {
    it.each(promised)("%s resolves with the result", async (_form, args) => {
      const result = (await on((queryable) => queryable.query(...args) as Promise<unknown>)) as
        | QueryResult
        | undefined;
      expect(result).toMatchObject({
        rows: [{ n: 42 }],
        rowCount: 1,
        command: "SELECT",
        fields: [{ name: "n", dataTypeID: 23 }],
      });
    });

    it.each(calledBack)("%s returns undefined and calls back", async (_form, args) => {
      const { error, result, returned } = await on(
        (queryable) =>
          new Promise<{ error: unknown; result: unknown; returned: unknown }>((resolve) => {
            const returned = queryable.query(
              ...args((error, result) =>
                queueMicrotask(() => resolve({ error, result, returned })),
              ),
            );
          }),
      );
      expect(returned).toBeUndefined();
      expect(error ?? undefined).toBeUndefined();
      expect(result).toMatchObject({ rows: [{ n: 42 }] });
    });

    it("calls back with PostgreSQL's error and no result", async () => {
      const { error, result } = await on(
        (queryable) =>
          new Promise<{ error: unknown; result: unknown }>((resolve) => {
            queryable.query("select * from nowhere", (error: unknown, result: unknown) =>
              resolve({ error, result }),
            );
          }),
      );
      expect(error).toBeInstanceOf(pg.DatabaseError);
      expect(error).toMatchObject({ code: "42P01" });
      expect(result).toBeUndefined();
    });

    it("rejects with PostgreSQL's error", async () => {
      await expect(
        on((queryable) => queryable.query("select * from nowhere") as Promise<unknown>),
      ).rejects.toBeInstanceOf(pg.DatabaseError);
    });

    it("gives rows as arrays in rowMode array", async () => {
      const result = await on(
        (queryable) =>
          queryable.query({ text: "select 1, 2", rowMode: "array" }) as Promise<QueryResult>,
      );
      expect(result.rows).toEqual([[1, 2]]);
    });

    it("parses with the types of the config", async () => {
      const types = { getTypeParser: () => (raw: string) => `<${raw}>` };
      const result = await on(
        (queryable) => queryable.query({ text: "select 1 as n", types }) as Promise<QueryResult>,
      );
      expect(result.rows).toEqual([{ n: "<1>" }]);
    });

    it("gives one result for each statement of a text", async () => {
      const results = await on(
        (queryable) => queryable.query("select 1 as a; select 2 as b") as Promise<QueryResult[]>,
      );
      expect(results.map(({ rows }) => rows)).toEqual([[{ a: 1 }], [{ b: 2 }]]);
    });

    it("leaves the caller's config as it was", async () => {
      const config = Object.freeze({ name: "frozen", text, values: Object.freeze([1]) });
      const before = { ...config };
      await on((queryable) => queryable.query(config) as Promise<unknown>);
      expect(config).toEqual(before);
    });

    it("takes a config whose fields are getters of a class", async () => {
      class Tagged {
        get text() {
          return text;
        }
        get values() {
          return values;
        }
      }
      const result = await on((queryable) => queryable.query(new Tagged()) as Promise<QueryResult>);
      expect(result.rows).toEqual([{ n: 42 }]);
    });

    it("refuses a name that has another text already, as pg does", async () => {
      await expect(
        on(async (queryable) => {
          await queryable.query({ name: "taken", text: "select 1" });
          return queryable.query({ name: "taken", text: "select 2" });
        }),
      ).rejects.toThrow(/Prepared statements must be unique - 'taken'/);
    });

    it("times out a query after its own query_timeout", async () => {
      await expect(
        on(
          (queryable) =>
            queryable.query({
              text: "select pg_sleep(0.2)",
              query_timeout: 20,
            }) as Promise<unknown>,
        ),
      ).rejects.toThrow("Query read timeout");
    });

    it("has the caller in the stack of an error", async () => {
      async function callerInTheApplication(queryable: Queryable): Promise<void> {
        await queryable.query("select * from nowhere");
      }
      const error: Error = await on((queryable) =>
        callerInTheApplication(queryable).then(
          () => new Error("nothing failed"),
          (failure) => failure,
        ),
      );
      expect(error.stack).toContain("callerInTheApplication");
    });

    it("has the caller in the stack of an error of a write", async () => {
      async function callerInTheApplication(queryable: Queryable): Promise<void> {
        await queryable.query("insert into nowhere default values");
      }
      const error: Error = await on((queryable) =>
        callerInTheApplication(queryable).then(
          () => new Error("nothing failed"),
          (failure) => failure,
        ),
      );
      expect(error.stack).toContain("callerInTheApplication");
    });
  });

  it("times out queries after the pool's query_timeout", async () => {
    await expect(open({ query_timeout: 20 }).query("select pg_sleep(0.2)")).rejects.toThrow(
      "Query read timeout",
    );
  });

  it("parses with the types of the pool", async () => {
    const types = { getTypeParser: () => (raw: string) => `<${raw}>` } as CustomTypesConfig;
    const { rows } = await open({ types }).query("select 1 as n");
    expect(rows).toEqual([{ n: "<1>" }]);
  });

  it("rejects null and undefined on the pool", async () => {
    const pool = shared() as unknown as Queryable;
    await expect(pool.query(null)).rejects.toThrow("Client was passed a null or undefined query");
    await expect(pool.query(undefined)).rejects.toThrow(
      "Client was passed a null or undefined query",
    );
  });

  it("throws for null on a client", async () => {
    const client = await shared().connect();
    const query = (): unknown => (client as unknown as Queryable).query(null);
    expect(query).toThrow("Client was passed a null or undefined query");
    client.release();
  });

  it("calls back an error to a function that is passed as the query", async () => {
    const pool = shared();
    let returned: unknown;
    const error = await new Promise<Error>((resolve) => {
      returned = (pool as unknown as Queryable).query(resolve);
    });
    expect(returned).toBeUndefined();
    expect(error.message).toBe(
      "Passing a function as the first parameter to pool.query is not supported",
    );
  });

  it("calls back from a config with a callback on a client", async () => {
    const client = await shared().connect();
    const result = await new Promise<QueryResult>((resolve, reject) => {
      const callback: Callback = (error, found) =>
        found === undefined ? reject(error) : resolve(found);
      client.query({ text, values, callback } as QueryConfig);
    });
    client.release();
    expect(result.rows).toEqual([{ n: 42 }]);
  });

  it("runs a named statement by its name alone, once the client has prepared it", async () => {
    const client = await shared().connect();
    await client.query({ name: "by name", text, values: [1] });
    const { rows } = await client.query({ name: "by name", values: [2] } as never);
    client.release();
    expect(rows).toEqual([{ n: 3 }]);
  });

  it("answers a client's queries in the order in which they were sent", async () => {
    const client = await shared().connect();
    const order: string[] = [];
    const note = (name: string) => () => {
      order.push(name);
    };
    await Promise.all([
      client.query("select * from nowhere").then(note("not failed"), note("failed read")),
      client.query("select pg_sleep(0.02)").then(note("slow read")),
      client.query("delete from notes where id = -1").then(note("write")),
      client.query("select 1").then(note("read")),
    ]);
    client.release();
    expect(order).toEqual(["failed read", "slow read", "write", "read"]);
  });

  it("sees its own uncommitted writes inside a transaction", async () => {
    const client = await shared().connect();
    await client.query("begin");
    await client.query("insert into notes values (1, 'mine')");
    const { rows } = await client.query("select body from notes where id = 1");
    await client.query("rollback");
    client.release();
    expect(rows).toEqual([{ body: "mine" }]);
  });
});

describe.each(all)("a submittable $name", ({ open, shared }) => {
  it("that is a Query is returned, emits its rows, and its end with the result", async () => {
    const client = await shared().connect();
    const query = new Query<{ n: number }>("select n from generate_series(1, 3) n");
    const rows: number[] = [];
    query.on("row", (row) => rows.push(row.n));
    const ended = once(query, "end");
    expect(client.query(query)).toBe(query);
    const [result] = await ended;
    client.release();
    expect(rows).toEqual([1, 2, 3]);
    expect(result).toMatchObject({ command: "SELECT", rowCount: 3 });
  });

  it("that is a Query emits its error", async () => {
    const client = await shared().connect();
    const failed = once(client.query(new Query("select * from nowhere")), "error");
    expect((await failed)[0]).toMatchObject({ code: "42P01" });
    client.release();
  });

  it("that is a Query calls back", async () => {
    const client = await shared().connect();
    const result = await new Promise<QueryResult>((resolve, reject) => {
      client.query(
        new Query("select 1 as n", (error, found) =>
          error === undefined || error === null ? resolve(found) : reject(error),
        ),
      );
    });
    client.release();
    expect(result.rows).toEqual([{ n: 1 }]);
  });

  it("that is a Query is given the callback of client.query", async () => {
    const client = await shared().connect();
    const rows = await new Promise((resolve, reject) => {
      (client as unknown as Queryable).query(
        new Query("select $1::int as n", [7]),
        (error: Error | undefined, result: QueryResult) =>
          error ? reject(error) : resolve(result.rows),
      );
    });
    client.release();
    expect(rows).toEqual([{ n: 7 }]);
  });

  it("that is a Cursor reads in portions, is closed, and leaves the client fit for use", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const cursor = client.query(new Cursor<{ n: number }>("select n from generate_series(1, 9) n"));
    const first = await cursor.read(2);
    const second = await cursor.read(3);
    await cursor.close();
    const after = await client.query("select 'fit' as word");
    client.release();
    expect([...first, ...second].map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
    expect(after.rows).toEqual([{ word: "fit" }]);
  });

  it("that is a Cursor reads to its end inside a transaction that has written", async () => {
    const client = await shared().connect();
    await client.query("begin");
    await client.query("insert into notes values (1, 'a'), (2, 'b')");
    const cursor = client.query(new Cursor<{ id: number }>("select id from notes order by id"));
    const rows = await cursor.read(10);
    await cursor.close();
    await client.query("rollback");
    client.release();
    expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("that is a Cursor fails at its read", async () => {
    const client = await shared().connect();
    const cursor = client.query(new Cursor("select * from nowhere"));
    await expect(cursor.read(1)).rejects.toMatchObject({ code: "42P01" });
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("that is a QueryStream streams from a client", async () => {
    const client = await shared().connect();
    const stream = new QueryStream("select n from generate_series(1, 1000) n", [], {
      batchSize: 64,
    });
    expect(client.query(stream)).toBe(stream);
    let sum = 0;
    for await (const row of stream) sum += row.n;
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(sum).toBe(500_500);
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("that is a QueryStream can be left early", async () => {
    const client = await open({ max: 1 }).connect();
    const stream = client.query(
      new QueryStream("select n from generate_series(1, 100000) n", [], { batchSize: 10 }),
    );
    for await (const row of stream) if (row.n === 25) break;
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("that is a QueryStream streams from the pool, whose promise is kept at its end", async () => {
    const pool = open({ max: 1 });
    const stream = new QueryStream("select n from generate_series(0, 10) n");
    const numbers: number[] = [];
    stream.on("data", (row: { n: number }) => numbers.push(row.n));
    await (pool.query(stream) as unknown as Promise<unknown>);
    const { rows } = await pool.query("select 1 as one");
    expect(numbers).toHaveLength(11);
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("that is a QueryStream rejects the pool's promise when it fails", async () => {
    const pool = open({ max: 1 });
    const stream = new QueryStream("select * from nowhere");
    stream.on("error", () => {});
    stream.resume();
    await expect(pool.query(stream) as unknown as Promise<unknown>).rejects.toMatchObject({
      code: "42P01",
    });
    const { rows } = await pool.query("select 1 as one");
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("fails in its turn, behind an earlier read that failed", async () => {
    const client = await shared().connect();
    const order: string[] = [];
    const read = client.query("select * from nowhere").catch(() => order.push("read"));
    const stream = client.query(new QueryStream("select * from nowhere either"));
    const failed = once(stream, "error").then(() => order.push("stream"));
    stream.resume();
    await Promise.all([read, failed]);
    client.release();
    expect(order).toEqual(["read", "stream"]);
  });

  it("that streams out of a failing INSERT leaves the transaction to be rolled back", async () => {
    const client = await shared().connect();
    await client.query("begin");
    const stream = new QueryStream("insert into notes values ($1, 'x') returning id", [
      "no number",
    ]);
    const failed = once(stream, "error");
    stream.resume();
    client.query(stream);
    await client.query("rollback");
    const [error] = await failed;
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(error).toMatchObject({ code: "22P02" });
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe.each(all)("a client $name", ({ shared }) => {
  async function withClient<T>(use: (client: ClientBase) => T | Promise<T>): Promise<T> {
    const client = await shared().connect();
    try {
      return await use(client);
    } finally {
      client.release();
    }
  }

  it("escapes identifiers and literals", async () => {
    const escaped = await withClient((client) => [
      client.escapeIdentifier('a"b'),
      client.escapeLiteral("a'b"),
    ]);
    expect(escaped).toEqual(['"a""b"', "'a''b'"]);
  });

  it("parses with the type parsers that were set on it", async () => {
    const rows = await withClient(async (client) => {
      client.setTypeParser(20, (raw: string) => BigInt(raw));
      return (await client.query("select 7::int8 as n")).rows;
    });
    expect(rows).toEqual([{ n: 7n }]);
  });

  it("tells the status of its transaction", async () => {
    const statuses = await withClient(async (client) => {
      const before = client.getTransactionStatus();
      await client.query("begin");
      const open = client.getTransactionStatus();
      await client.query("select * from nowhere").catch(() => {});
      // An error is told before the server says what has become of the transaction.
      await until("it has failed", () => client.getTransactionStatus() === "E");
      await client.query("rollback");
      return [before, open, client.getTransactionStatus()];
    });
    expect(statuses).toEqual(["I", "T", "I"]);
  });

  it("emits notices", async () => {
    const notice = await withClient(async (client) => {
      const noticed = once(client, "notice");
      await client.query("do $$ begin raise notice 'mind the gap'; end $$");
      return (await noticed)[0];
    });
    expect(notice).toMatchObject({ message: "mind the gap" });
  });

  it("emits notifications", async () => {
    const notification = await withClient(async (client) => {
      const notified = once(client, "notification");
      await client.query("listen news; notify news, 'hello'");
      const [message] = await notified;
      await client.query("unlisten news");
      return message;
    });
    expect(notification).toMatchObject({ channel: "news", payload: "hello" });
  });
});
