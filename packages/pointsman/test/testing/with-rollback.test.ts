import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { type ClientBase, Query, types } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { createPool, outsideTransaction, type Pool, withWriter } from "pointsman";
import { captureQueries, expectQueries, withRollback } from "pointsman/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Dune'), (2, 'Emma');
    create table parents (id int primary key);
    create table children (parent int references parents deferrable initially deferred);
    create table log (line text);
    create procedure commits() language plpgsql as 'begin commit; end';
  `,
});

function oneServer(): Pool {
  const pool = createPool({ writer: local.cluster.writer.url });
  onTestFinished(() => pool.end());
  return pool;
}

/** A pool of one connection, for which nobody waits for long. */
function patient(kind: string): Pool {
  const options = { max: 1, connectionTimeoutMillis: 250, maxWaiting: 1 };
  if (kind === "with readers") return local.pool(options);
  const pool = createPool({
    writer: local.cluster.writer.url,
    mirror: kind === "with mirror",
    ...options,
  });
  onTestFinished(() => pool.end());
  return pool;
}

const kinds = [
  ["with readers", () => local.pool()],
  ["with one server", oneServer],
  ["with mirror", () => local.pool({ mirror: true })],
] as const;

async function titles(from: Pick<ClientBase, "query">): Promise<string> {
  const { rows } = await from.query("select title from books order by id");
  return rows.map(({ title }) => title).join();
}

/** What is left, seen past the library. */
async function left(table = "books"): Promise<number> {
  const client = await local.connect();
  return (await client.query(`select count(*)::int as n from ${table}`)).rows[0].n;
}

describe.each(kinds)("withRollback %s", (kind, open) => {
  it("shows all statements what was written, and leaves nothing", async () => {
    const pool = open();
    const seen = await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'Solaris')");
      const client = await pool.connect();
      await client.query("update books set title = 'DUNE' where id = 1");
      client.release();
      await pool.writer.query("delete from books where id = 2");
      return [await titles(pool), await withWriter(() => titles(pool)), await titles(pool.reader)];
    });
    expect(seen).toEqual(["DUNE,Solaris", "DUNE,Solaris", "DUNE,Solaris"]);
    expect(await titles(pool)).toBe("Dune,Emma");
  });

  it("rolls back when the code throws, and throws the same", async () => {
    const pool = open();
    const problem = new Error("no");
    const failing = withRollback(pool, async () => {
      await pool.query("delete from books");
      throw problem;
    });
    expect(await rejection(failing)).toBe(problem);
    expect(await left()).toBe(2);
  });

  it("runs everything on one server process", async () => {
    const pool = open();
    const mark = newMark();
    const pids = new Set<number>();
    const note = async (query: Pool["query"]): Promise<void> => {
      const { rows } = await query(`${mark} select pg_backend_pid() as pid`);
      pids.add(rows[0].pid);
    };
    await withRollback(pool, async () => {
      await note(pool.query.bind(pool));
      const client = await pool.connect();
      await client.query("begin");
      await note(client.query.bind(client) as Pool["query"]);
      await client.query("commit");
      client.release();
      await pool.transaction((tx) => note(tx.query.bind(tx) as Pool["query"]));
      await pool.session(() => note(pool.query.bind(pool)));
      await pool.transaction((tx) => tx.query(`${mark} table books`), { readOnly: true });
    });
    expect(pids.size).toBe(1);
    expect(Object.keys(local.runs(mark))).toEqual(["writer"]);
  });

  it("plays transactions as savepoints", async () => {
    const pool = open();
    const seen = await withRollback(pool, async () => {
      await pool.transaction(async (tx) => {
        await tx.query("insert into books values (3, 'kept')");
        await rejection(
          pool.transaction(async (inner) => {
            await inner.query("insert into books values (4, 'undone')");
            throw new Error("inner");
          }),
        );
      });
      const client = await pool.connect();
      await client.query("begin isolation level serializable");
      await client.query("insert into books values (5, 'rolled back')");
      const { command } = await client.query("rollback");
      await client.query("start transaction");
      await client.query("insert into books values (6, 'committed')");
      const committed = await client.query("commit");
      client.release();
      expect([command, committed.command]).toEqual(["ROLLBACK", "COMMIT"]);
      return titles(pool);
    });
    expect(seen).toBe("Dune,Emma,kept,committed");
    expect(await left()).toBe(2);
  });

  it("goes on after a statement that fails", async () => {
    const pool = open();
    const seen = await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'before')");
      expect(await rejection(pool.query("insert into books values (3, 'twice')"))).toMatchObject({
        code: "23505",
      });
      expect(await rejection(pool.query("select 1 / 0"))).toMatchObject({ code: "22012" });
      expect(await rejection(pool.query("no sql"))).toMatchObject({ code: "42601" });
      return titles(pool);
    });
    expect(seen).toBe("Dune,Emma,before");
  });

  it("refuses what follows in a transaction that has failed, as PostgreSQL does", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const client = await pool.connect();
      await client.query("begin");
      await client.query("insert into books values (3, 'x')");
      await rejection(client.query("select 1 / 0"));
      expect(client.getTransactionStatus()).toBe("E");
      expect(await rejection(client.query("table books"))).toMatchObject({ code: "25P02" });
      expect(await titles(pool)).toBe("Dune,Emma");
      await pool.query("insert into log values ('meanwhile')");
      expect((await client.query("commit")).command).toBe("ROLLBACK");
      expect(client.getTransactionStatus()).toBe("I");
      client.release();
      expect((await pool.query("table log")).rows).toHaveLength(1);
    });
    expect(await left("log")).toBe(0);
  });

  it("lets code set savepoints of its own", async () => {
    const pool = open();
    const seen = await withRollback(pool, async () => {
      const client = await pool.connect();
      await client.query("begin");
      await client.query("insert into books values (3, 'first')");
      await client.query("savepoint mine");
      await client.query("insert into books values (4, 'second')");
      await rejection(client.query("select 1 / 0"));
      await client.query("rollback to savepoint mine");
      await client.query("insert into books values (5, 'third')");
      await client.query("release savepoint mine");
      await client.query("commit");
      client.release();
      return titles(pool);
    });
    expect(seen).toBe("Dune,Emma,first,third");
  });

  it("keeps READ ONLY transactions from writing", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'x')");
      const reading = pool.transaction(
        async (tx) => {
          expect(await titles(tx)).toBe("Dune,Emma,x");
          await tx.query("insert into books values (4, 'y')");
        },
        { readOnly: true, isolationLevel: "repeatable read" },
      );
      expect(await rejection(reading)).toMatchObject({ code: "25006" });
      await pool.query("insert into books values (4, 'after')");
      expect(await titles(pool)).toBe("Dune,Emma,x,after");
    });
  });

  it("serves cursors and streams while other statements are sent", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.query("insert into books select n, 'n' from generate_series(3, 500) n");
      const ids: number[] = [];
      const stream = new QueryStream("select id from books order by id");
      const over = pool.query(stream);
      for await (const { id } of stream) {
        ids.push(id);
        if (id % 100 === 0) await pool.query("insert into log values ($1)", [id]);
      }
      await over;
      expect(ids).toHaveLength(500);
      expect((await pool.query("table log")).rows).toHaveLength(5);
      const client = await pool.connect();
      const cursor = client.query(new Cursor("select id from books order by id"));
      expect(await cursor.read(2)).toEqual([{ id: 1 }, { id: 2 }]);
      expect(await titles(pool)).toContain("Emma");
      expect(await cursor.read(1000)).toHaveLength(498);
      await cursor.close();
      const failing = client.query(new Cursor("select 1 / 0"));
      expect(await rejection(failing.read(1))).toMatchObject({ code: "22012" });
      await client.query("delete from books");
      client.release();
      expect(await titles(pool)).toBe("");
    });
  });

  it("refuses what would end the transaction, and goes on", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'x')");
      for (const text of [
        "commit and chain",
        "rollback and chain",
        "prepare transaction 'p'",
        "insert into books values (4, 'y'); commit",
        "begin; insert into books values (4, 'y'); commit; select 1",
        `select '${"x".repeat(70_000)}'; commit`,
      ]) {
        const client = await pool.connect();
        expect(await rejection(client.query(text))).toMatchObject({
          code: "TEST_STATEMENT_REFUSED",
        });
        client.release();
      }
      for (const text of ["call commits()", "do 'begin commit; end'", "vacuum books"]) {
        expect((await rejection(pool.query(text))).code).toMatch(/^(2D000|25001)$/);
      }
      // Outside of a transaction they mean nothing.
      await pool.query("commit");
      await pool.query("rollback");
      expect(await titles(pool)).toBe("Dune,Emma,x");
    });
    expect(await left()).toBe(2);
  });

  it("has concurrent transactions wait for each other", async () => {
    const pool = open();
    const order: string[] = [];
    await withRollback(pool, async () => {
      const work = (name: string) =>
        pool.transaction(async (tx) => {
          order.push(`${name} begins`);
          for (let times = 0; times < 5; times++)
            await tx.query("insert into log values ($1)", [name]);
          order.push(`${name} ends`);
          if (name === "b") throw new Error("b");
        });
      await Promise.allSettled([work("a"), work("b"), work("c")]);
      const { rows } = await pool.query(
        "select line, count(*)::int as n from log group by 1 order by 1",
      );
      expect(rows).toEqual([
        { line: "a", n: 5 },
        { line: "c", n: 5 },
      ]);
    });
    expect(order).toEqual(["a", "b", "c"].flatMap((one) => [`${one} begins`, `${one} ends`]));
  });

  it("does not wait for ever when code in a transaction writes past it", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.transaction(async (tx) => {
        await tx.query("insert into log values ('inside')");
        await outsideTransaction(() => pool.query("insert into log values ('past it')"));
        await outsideTransaction(() =>
          pool.transaction((other) => other.query("insert into log values ('another')")),
        );
        const client = await pool.connect();
        await client.query("insert into log values ('a client')");
        client.release();
      });
      expect((await pool.query("table log")).rows).toHaveLength(4);
    });
    expect(await left("log")).toBe(0);
  });

  it("tells of a write that was undone with a transaction that it was not part of", async () => {
    const pool = open();
    let afterwards = -1;
    const running = withRollback(pool, async () => {
      await pool
        .transaction(async () => {
          await outsideTransaction(() => pool.query("insert into log values ('attempt')"));
          throw new Error("refused");
        })
        .catch(() => {});
      afterwards = (await pool.query("table log")).rows.length;
      throw new Error("the attempt is missing");
    });
    const error = await rejection(running);
    expect(error).toMatchObject({ code: "TEST_WRITE_UNDONE" });
    expect(error.message).toContain("insert into log values ('attempt')");
    expect(error.cause).toMatchObject({ message: "the attempt is missing" });
    expect(afterwards).toBe(0);
  });

  it("checks at COMMIT what PostgreSQL checks there", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.transaction(async (tx) => {
        await tx.query("insert into children values (1)");
        await tx.query("insert into parents values (1)");
      });
      expect(await rejection(pool.query("insert into children values (2)"))).toMatchObject({
        code: "23503",
      });
      const orphan = pool.transaction((tx) => tx.query("insert into children values (3)"));
      expect(await rejection(orphan)).toMatchObject({ code: "23503" });
      await pool.transaction(async (tx) => {
        await tx.query("insert into children values (4)");
        await tx.query("insert into parents values (4)");
      });
      expect((await pool.query("table children")).rows).toEqual([{ parent: 1 }, { parent: 4 }]);
    });
  });

  it("rolls back a transaction that its client leaves open", async () => {
    const pool = open();
    const outcomes: string[] = [];
    pool.on("abandoned", ({ outcome }) => outcomes.push(outcome));
    await withRollback(pool, async () => {
      const client = await pool.connect();
      await client.query("begin");
      await client.query("delete from books");
      client.release();
      expect(() => client.release()).toThrow("already been released");
      await until("it is rolled back", async () => (await titles(pool)) === "Dune,Emma");
    });
    expect(outcomes).toEqual(["rolled back"]);
  });

  it("records routes as they would have been", async () => {
    const pool = open();
    const work = async (): Promise<void> => {
      await pool.query("update books set title = title");
      await pool.query({ text: "table books", consistency: "eventual" });
      await pool.query("table log");
      await withWriter(() => pool.query("table books"));
      await pool.query({ text: "select 1", target: "writer" });
      await pool.transaction((tx) => tx.query("table books"));
      await pool.transaction((tx) => tx.query("table books"), { readOnly: true });
      const client = await pool.connect();
      await client.query("table books");
      await client.query("insert into log select from books where false");
      await client.query("table books");
      client.release();
      await pool.session(() => pool.query("table books"));
    };
    const routes = async (run: () => Promise<unknown>) => {
      const queries = await captureQueries(pool, run);
      return queries.map(({ target, reason, text }) => `${target} ${reason} ${text}`);
    };
    // What was written elsewhere is on the reader by then.
    const plain = await routes(work);
    const rolledBack = await routes(() => withRollback(pool, work));
    const settled = plain.map((line) =>
      line.replace(/writer (reader-behind|position-unknown) table/, "reader plain-read table"),
    );
    expect(rolledBack).toEqual(settled);
    await withRollback(pool, () =>
      expectQueries(pool, { writer: 1, reader: 1 }, async () => {
        await pool.query("delete from books");
        await pool.query({ text: "table books", consistency: "eventual" });
      }),
    );
  });

  it("does not touch what runs beside it, or pools of others", async () => {
    const [pool, other] = [open(), open()];
    const seen = await withRollback(pool, async () => {
      await pool.query("delete from books");
      return titles(other);
    });
    expect(seen).toBe("Dune,Emma");
    const beside = Promise.all(Array.from({ length: 5 }, () => titles(pool)));
    await withRollback(pool, () => pool.query("delete from books"));
    expect(new Set(await beside)).toEqual(new Set(["Dune,Emma"]));
  });

  it("refuses what outlives it", async () => {
    const pool = open();
    let late: Promise<unknown> = Promise.resolve();
    const client = await withRollback(pool, async () => {
      const client = await pool.connect();
      await client.query("begin");
      late = pause(100).then(() => pool.query("delete from books"));
      late.catch(() => {});
      return client;
    });
    expect(await rejection(late)).toMatchObject({ code: "TRANSACTION_ENDED" });
    const forgotten = client.query("delete from books");
    client.release();
    expect(await rejection(forgotten)).toMatchObject({ code: "TRANSACTION_ENDED" });
    expect(await left()).toBe(2);
  });

  it("says so when its connection is lost", async () => {
    const pool = open();
    const killer = await local.connect();
    const running = withRollback(pool, async () => {
      const { rows } = await pool.query("select pg_backend_pid() as pid");
      await killer.query("select pg_terminate_backend($1)", [rows[0].pid]);
      await rejection(pool.query("delete from books"));
    });
    expect(await rejection(running)).toMatchObject({ code: "TEST_TRANSACTION_LOST" });
    expect(await titles(pool)).toBe("Dune,Emma");
  });

  it("leaves nothing on the connection", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.query("set statement_timeout = 12345");
      await pool.query("select pg_advisory_lock(4711)");
      await pool.query("create temp table mine ()");
      await pool.query("prepare mine as select 1");
      await pool.query("listen mine");
    });
    const { rows } = await pool.query({
      text: `select current_setting('statement_timeout') as timeout,
        (select count(*)::int from pg_locks where locktype = 'advisory') as locks,
        (select count(*)::int from pg_prepared_statements where name = 'mine') as prepared,
        to_regclass('pg_temp.mine') is null as gone`,
      target: "writer",
    });
    expect(rows).toEqual([{ timeout: "0", locks: 0, prepared: 0, gone: true }]);
  });

  it("does not open inside another one of the same pool", async () => {
    const pool = open();
    const running = withRollback(pool, () => withRollback(pool, () => {}));
    expect(await rejection(running)).toMatchObject({
      message: expect.stringContaining("cannot be called inside withRollback()"),
    });
  });

  it("gives what `signal` and `query_timeout` cancel its place back", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'x')");
      const slow = { text: "select pg_sleep(20)" };
      const signal = AbortSignal.timeout(50);
      expect(await rejection(pool.query({ ...slow, signal }))).toMatchObject({
        name: "TimeoutError",
      });
      expect(await rejection(pool.query({ ...slow, query_timeout: 50 }))).toMatchObject({
        message: "Query read timeout",
      });
      expect(await titles(pool)).toBe("Dune,Emma,x");
    });
  });

  it("says so when something has ended its transaction past it", async () => {
    const pool = open();
    // The one connection that there is, which the code must not have any more.
    const real = await pool.writer.connect();
    real.release();
    let after: unknown;
    const running = withRollback(pool, async () => {
      await pool.query("select 1");
      await real.query("rollback");
      after = await rejection(pool.query("insert into log values ('outside')"));
    });
    expect(await rejection(running)).toMatchObject({
      code: "TEST_TRANSACTION_LOST",
      message: expect.stringContaining("past this library"),
    });
    expect(after).toMatchObject({ code: "TEST_TRANSACTION_LOST" });
    expect((await pool.query("table books")).rows).toHaveLength(2);
  });

  it("notices another transaction in place of its own", async () => {
    const pool = open();
    const real = await pool.writer.connect();
    real.release();
    const running = withRollback(pool, async () => {
      await real.query("rollback; begin");
    });
    expect(await rejection(running)).toMatchObject({ code: "TEST_TRANSACTION_LOST" });
    const again = await pool.writer.connect();
    again.release();
    const writing = withRollback(pool, async () => {
      await pool.query("select 1");
      await again.query("rollback; begin");
      await rejection(pool.query("insert into log values ('elsewhere')"));
    });
    expect(await rejection(writing)).toMatchObject({ code: "TEST_TRANSACTION_LOST" });
    expect(await left("log where line = 'elsewhere'")).toBe(0);
  });

  it("takes every form of a query", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const rows = await new Promise((resolve, reject) => {
        pool.query("select $1::int as n", [1], (error, result) =>
          error ? reject(error) : resolve(result.rows),
        );
      });
      expect(rows).toEqual([{ n: 1 }]);
      const named = { name: "by-id", text: "select title from books where id = $1" };
      for (const id of [1, 2, 1])
        expect((await pool.query({ ...named, values: [id] })).rowCount).toBe(1);
      const array = await pool.query({ text: "select 1, 2", rowMode: "array" });
      expect(array.rows).toEqual([[1, 2]]);
      const several = await pool.query("select 1 as a; select 2 as b");
      expect(several).toMatchObject([{ rows: [{ a: 1 }] }, { rows: [{ b: 2 }] }]);
      const values = "not an array" as unknown as unknown[];
      expect(await rejection(pool.query("select $1", values))).toMatchObject({
        message: "Query values must be an array",
      });
      const client = await pool.connect();
      const events: string[] = [];
      const query = client.query(new Query("select generate_series(1, 2) as n"));
      query.on("row", ({ n }) => events.push(`row ${n}`));
      await once(query, "end");
      client.on("notice", ({ message }) => events.push(String(message)));
      await client.query("do $$ begin raise notice 'hello'; end $$");
      client.setTypeParser(types.builtins.INT4, (value) => `int ${value}`);
      expect((await client.query("select 1 as n")).rows).toEqual([{ n: "int 1" }]);
      expect((await pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
      client.release();
      expect(events).toEqual(["row 1", "row 2", "hello"]);
      expect(await titles(pool)).toBe("Dune,Emma");
    });
  });

  it("copies in and out", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const client = await pool.connect();
      await pipeline(
        Readable.from(["3\tThree\n", "4\tFour\n"]),
        client.query(copyFrom("copy books from stdin")),
      );
      const failing = pipeline(
        Readable.from(["x\n"]),
        client.query(copyFrom("copy books from stdin")),
      );
      expect(await rejection(failing)).toMatchObject({ code: "22P02" });
      const copied = await text(
        client.query(copyTo("copy (select title from books order by id) to stdout")),
      );
      client.release();
      expect(copied).toBe("Dune\nEmma\nThree\nFour\n");
    });
    expect(await left()).toBe(2);
  });

  it("accepts isolation levels, which a savepoint cannot have", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const client = await pool.connect();
      await client.query("start transaction");
      expect((await client.query("set transaction isolation level serializable")).command).toBe(
        "SET",
      );
      await client.query("insert into books values (3, 'x')");
      await client.query("commit");
      await client.query("begin");
      await client.query("set transaction isolation level repeatable read, read only");
      expect(await rejection(client.query("delete from books"))).toMatchObject({ code: "25006" });
      await client.query("rollback");
      await client.query("delete from books");
      client.release();
      expect(await titles(pool)).toBe("");
    });
  });

  it("answers savepoints outside of transactions as PostgreSQL does", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const client = await pool.connect();
      expect(await rejection(client.query("savepoint mine"))).toMatchObject({ code: "25P01" });
      await client.query("begin read only");
      await client.query("savepoint mine");
      await rejection(client.query("select 1 / 0"));
      expect(client.getTransactionStatus()).toBe("E");
      await client.query("rollback to savepoint mine");
      expect(await titles(client)).toBe("Dune,Emma");
      await client.query("commit");
      client.release();
    });
  });

  it("keeps what is committed inside an open transaction of others, in any order", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      const [outer, inner] = [await pool.connect(), await pool.connect()];
      await outer.query("begin");
      await outer.query("insert into log values ('outer')");
      await inner.query("begin");
      await inner.query("insert into log values ('inner')");
      await outer.query("commit");
      await inner.query("insert into log values ('inner, later')");
      await inner.query("commit");
      outer.release();
      inner.release();
      expect((await pool.query("table log")).rows).toHaveLength(3);
    });
  });

  it("tells of a transaction that was undone with the one that it stood in", async () => {
    const pool = open();
    const codes: unknown[] = [];
    const running = withRollback(pool, async () => {
      const [outer, inner] = [await pool.connect(), await pool.connect()];
      await outer.query("begin");
      await inner.query("begin");
      await inner.query("insert into log values ('inner')");
      await outer.query("rollback");
      codes.push((await rejection(inner.query("table log"))).code);
      codes.push((await rejection(inner.query("commit"))).code);
      outer.release();
      inner.release();
      await pool.query("insert into log values ('afterwards')");
    });
    expect(await rejection(running)).toMatchObject({ code: "TEST_WRITE_UNDONE" });
    expect(codes).toEqual(["TEST_WRITE_UNDONE", "TEST_WRITE_UNDONE"]);
  });

  it("refuses a savepoint that would end with the transaction of other code", async () => {
    const pool = open();
    const codes: unknown[] = [];
    const running = withRollback(pool, async () => {
      const [outer, inner] = [await pool.connect(), await pool.connect()];
      await outer.query("begin");
      await inner.query("begin");
      await inner.query("insert into log values ('inner')");
      codes.push((await rejection(outer.query("savepoint mine"))).code);
      await inner.query("commit");
      codes.push((await rejection(outer.query("table log"))).code);
      await outer.query("rollback");
      outer.release();
      inner.release();
    });
    expect(await rejection(running)).toMatchObject({ code: "TEST_WRITE_UNDONE" });
    expect(codes).toEqual(["TEST_STATEMENT_REFUSED", "25P02"]);
    expect(await left("log")).toBe(0);
  });

  it("does not wait for ever for what nobody has awaited", async () => {
    const pool = open();
    let forgotten: Promise<unknown> = Promise.resolve();
    const running = withRollback(pool, async () => {
      await pool.query("delete from books");
      forgotten = rejection(pool.query("select pg_sleep(60)"));
      await pause(20);
      throw new Error("what went wrong first");
    });
    expect(await rejection(running)).toMatchObject({
      code: "TEST_TRANSACTION_LOST",
      cause: { message: "what went wrong first" },
    });
    expect(await forgotten).toBeInstanceOf(Error);
    expect(await left()).toBe(2);
  });

  it("waits in turn for a connection, however short the pool's patience is", async () => {
    const pool = patient(kind);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        withRollback(pool, async () => {
          await pool.query("select pg_sleep(0.1)");
          order.push(n);
        }),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it("undoes a nested transaction in which a statement has failed", async () => {
    const pool = open();
    await withRollback(pool, async () => {
      await pool.transaction(async (tx) => {
        await tx.query("insert into books values (3, 'kept')");
        const failing = pool.transaction(async (inner) => {
          await inner.query("insert into books values (4, 'undone')");
          await inner.query("insert into books values (4, 'twice')");
        });
        expect(await rejection(failing)).toMatchObject({ code: "23505" });
        await tx.query("insert into books values (5, 'kept, too')");
      });
      expect(await titles(pool)).toBe("Dune,Emma,kept,kept, too");
    });
  });

  it("lets nothing commit that is hidden in a text too dense to be looked at", async () => {
    const pool = open();
    const dense = `select 1 in (${"(1),".repeat(13_000)}1)`;
    await withRollback(pool, async () => {
      await pool.query("insert into books values (3, 'x')");
      expect((await pool.query(dense)).rowCount).toBe(1);
      expect(await rejection(pool.query(`${dense}; commit`))).toMatchObject({ code: "42601" });
      expect(await titles(pool)).toBe("Dune,Emma,x");
    });
    expect(await left()).toBe(2);
  });
});

describe("withRollback", () => {
  it("plays on one connection in shadow mode, too", async () => {
    const { writer, reader } = local.cluster;
    const pool = createPool({ writer: writer.url, reader: reader.url, shadow: true });
    onTestFinished(() => pool.end());
    await withRollback(pool, async () => {
      await pool.writer.query("insert into books values (3, 'x')");
      expect(await titles(pool)).toBe("Dune,Emma,x");
      expect(await titles(pool.reader)).toBe("Dune,Emma,x");
      const client = await pool.connect();
      await client.query("begin");
      await client.query("delete from books");
      await client.query("rollback");
      client.release();
      expect(await titles(pool)).toBe("Dune,Emma,x");
    });
    expect(await left()).toBe(2);
  });

  it("says that a read-only pool has no writer", async () => {
    const pool = local.pool({ readOnly: true });
    expect(await rejection(withRollback(pool, () => {}))).toMatchObject({
      message: expect.stringContaining("this pool is read-only"),
    });
  });
});
