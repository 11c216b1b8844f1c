import { getEventListeners } from "node:events";
import Cursor from "pg-cursor";
import { ConfigError, PointsmanError, type Pool, type PoolOptions, withWriter } from "pointsman";
import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import { paused } from "../freshness/paused.ts";
import { hold } from "../support/hold.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key);
    insert into books values (1);
    create table sessions (id int);
    create table renditions (id int primary key, state text);
    create schema audit;
    create table audit.renditions (id int);
    create table ratings (book int references books);
    create function rated(book int) returns int language sql as 'select 1';
    create function rate(book int) returns void language sql as 'insert into ratings values (book)'`,
});

/** A pool that is read-only, whose writer endpoint is there. */
function readOnlyPool(options: PoolOptions = {}): Pool {
  return local.pool({ readOnly: true, ...options });
}

async function serverOf(pool: { query(text: string): Promise<{ rows: unknown[] }> }) {
  const { rows } = await pool.query(`select ${here} as name`);
  return (rows[0] as { name: string }).name;
}

async function idsOf(table: string): Promise<number[]> {
  const client = await local.connect();
  const { rows } = await client.query<{ id: number }>(`select id from ${table} order by id`);
  return rows.map(({ id }) => id);
}

async function readOnlyRefusal(work: Promise<unknown>): Promise<string> {
  const error = await rejection(work);
  expect(error).toBeInstanceOf(PointsmanError);
  expect((error as PointsmanError).code).toBe("READ_ONLY_MODE");
  return (error as Error).message;
}

describe("a read-only pool", () => {
  it("refuses a write before it is sent, and names its kind and its table", async () => {
    const pool = readOnlyPool();
    const mark = newMark();
    const message = await readOnlyRefusal(pool.query(`${mark} insert into books values ($1)`, [2]));
    expect(message).toBe("INSERT of books was not sent. This pool is read-only (readOnly).");
    expect(local.reached(mark)).toEqual([]);
    expect(await idsOf("books")).toEqual([1]);
  });

  it("opens no connection to the writer, whatever is asked of it", async () => {
    const before = local.cluster.writer.accepted;
    const pool = readOnlyPool({ tables: { sessions: "writer" }, route: () => "writer" });
    await pool.query("select * from sessions");
    await withWriter(() => pool.query("select * from books"));
    await pool.query({ text: "select * from books", target: "writer" });
    await pool.query("/* pointsman:writer */ select * from books");
    await pool.writer.query("select * from books");
    await pool.transaction((tx) => tx.query("select * from books"));
    await withWriter(() => pool.transaction((tx) => tx.query("select * from books")));
    await pool.session(() => pool.query("select * from books"));
    const client = await pool.connect();
    await client.query("set statement_timeout = '5s'");
    await client.query("select * from books");
    client.release();
    await rejection(pool.query("insert into books values (2)"));
    expect(pool.stats().targets.writer).toBe(0);
    expect(pool.stats().writer.total).toBe(0);
    await pool.end();
    expect(local.cluster.writer.accepted).toBe(before);
  });

  it("works where nothing says where a writer is, and while there is none", async () => {
    const { reader, writer } = local.cluster;
    const alone = local.pool({ readOnly: true, writer: undefined, reader: reader.url });
    expect(await serverOf(alone)).toBe("reader1");
    const pool = readOnlyPool();
    writer.refuse();
    try {
      expect(await serverOf(pool)).toBe("reader1");
      expect((await pool.query("select * from books")).rows).toEqual([{ id: 1 }]);
    } finally {
      await writer.heal();
    }
  });

  it("keeps a transaction on a reader, and what it has set on its connection", async () => {
    const pool = readOnlyPool();
    const name = await pool.transaction(async (tx) => {
      await tx.query("set local statement_timeout = '7s'");
      const { rows } = await tx.query("select current_setting('statement_timeout') as timeout");
      expect(rows).toEqual([{ timeout: "7s" }]);
      return serverOf(tx as unknown as Pool);
    });
    expect(name).toBe("reader1");
    const client = await pool.connect();
    await client.query("set application_name = 'me'");
    await client.query("select set_config('app.user', 'ada', false)");
    await client.query("prepare one as select 1 as one");
    const { rows } = await client.query(
      "select current_setting('application_name') as a, current_setting('app.user') as b",
    );
    expect(rows).toEqual([{ a: "me", b: "ada" }]);
    expect((await client.query("execute one")).rows).toEqual([{ one: 1 }]);
    client.release();
    const next = await pool.connect();
    const after = await next.query("select current_setting('app.user', true) as name");
    expect(after.rows[0].name ?? "").toBe("");
    next.release();
  });

  it("R30: sends what calls an unknown function to a reader, which refuses if it writes", async () => {
    const pool = readOnlyPool();
    expect((await pool.query("select rated(1)")).rows).toEqual([{ rated: 1 }]);
    const error = await rejection(pool.query("select rate(1)"));
    expect(error).toMatchObject({ code: "READ_ONLY_MODE", cause: { code: "25006" } });
    expect(await idsOf("books")).toEqual([1]);
    const cursor = new Cursor("select rate(1)");
    const client = await pool.connect();
    client.query(cursor);
    await expect(cursor.read(1)).rejects.toMatchObject({ code: "25006" });
    client.release();
    expect((await (await local.connect()).query("select * from ratings")).rows).toEqual([]);
  });

  it("gives PostgreSQL's own error for what does not parse", async () => {
    await expect(readOnlyPool().query("selec 1")).rejects.toMatchObject({ code: "42601" });
  });

  it("reads from one server on connections that are read-only there", async () => {
    const { url } = local.cluster.writer;
    const pool = local.pool({ readOnly: true, writer: url, reader: undefined });
    expect(await serverOf(pool)).toBe("writer");
    const { rows } = await pool.query("show transaction_read_only");
    expect(rows).toEqual([{ transaction_read_only: "on" }]);
    await expect(pool.query("select rate(1)")).rejects.toMatchObject({ code: "READ_ONLY_MODE" });
  });

  it("R30: waits for a reader that lags, and says so when it does not come", async () => {
    const writer = local.pool();
    const token = await writer.session(async (session) => {
      await writer.query("insert into sessions values (7)");
      return session.token;
    });
    const pool = readOnlyPool({ freshness: { wait: 300 } });
    const read = () =>
      pool.session(() => pool.query("select id from sessions where id = 7"), { after: token });
    expect((await read()).rows).toEqual([{ id: 7 }]);
    const patient = readOnlyPool();
    const waiting = await paused(local.cluster, async () => {
      const after = await writer.session(async (session) => {
        await writer.query("insert into sessions values (8)");
        return session.token;
      });
      const read = (from: Pool) =>
        from.session(() => from.query("select id from sessions where id = 8"), { after });
      await expect(read(pool)).rejects.toMatchObject({ code: "FRESHNESS_UNAVAILABLE" });
      return { answer: read(patient) };
    });
    expect((await waiting.answer).rows).toEqual([{ id: 8 }]);
  });

  it("has nobody to ask how fresh a reader is", async () => {
    const pool = readOnlyPool();
    const text = "select 1";
    await expect(pool.query({ text, consistency: "strong" })).rejects.toMatchObject({
      code: "FRESHNESS_UNAVAILABLE",
    });
    await expect(pool.query({ text, maxStaleness: 1 })).rejects.toMatchObject({
      code: "FRESHNESS_UNAVAILABLE",
    });
  });

  it("says what it cannot do while every reader is out", async () => {
    const pool = readOnlyPool();
    local.cluster.reader.refuse();
    try {
      await expect(pool.query("select 1")).rejects.toMatchObject({
        code: "READER_UNAVAILABLE",
        message: expect.stringContaining("a read-only pool has no writer to serve it"),
      });
    } finally {
      await local.cluster.reader.heal();
    }
  });

  it("tells where a text would go, and refuses to tell of what it would not send", async () => {
    const pool = readOnlyPool();
    expect(await pool.explain("select nextval('s')").catch(({ code }) => code)).toBe(
      "READ_ONLY_MODE",
    );
    const { target, reason } = await withWriter(() => pool.explain("select * from books"));
    expect([target, reason]).toEqual(["reader", "read-only-mode"]);
  });
});

describe("allowWritesTo", () => {
  const allowWritesTo = ["renditions"];
  const timedOut = "Query read timeout";

  it("R30: lets a listed table be written, and no other", async () => {
    const pool = readOnlyPool({ allowWritesTo: ["public.renditions"] });
    await pool.query("select 1");
    await pool.query("insert into renditions values (1, 'new') on conflict do nothing");
    await pool.query("update renditions set state = 'done' where id = 1");
    await readOnlyRefusal(pool.query("insert into audit.renditions values (1)"));
    await readOnlyRefusal(pool.query("insert into books select id + 10 from renditions"));
    await readOnlyRefusal(
      pool.query(
        "with gone as (delete from books returning id) insert into renditions select * from gone",
      ),
    );
    await readOnlyRefusal(pool.query("truncate renditions"));
    await readOnlyRefusal(pool.query("copy renditions from stdin"));
    await readOnlyRefusal(pool.query("insert into renditions values (rated(1))"));
    const message = await readOnlyRefusal(pool.query("delete from books"));
    expect(message).toContain("This pool is read-only, but for public.renditions (readOnly).");
    expect(await idsOf("books")).toEqual([1]);
    await pool.query("delete from renditions");
    expect(await idsOf("renditions")).toEqual([]);
  });

  it("opens the writer's connection when it is first needed, and reads from readers", async () => {
    const before = local.cluster.writer.accepted;
    const pool = readOnlyPool({ allowWritesTo });
    expect(await serverOf(pool)).toBe("reader1");
    await pool.transaction((tx) => tx.query("select * from renditions"));
    await rejection(pool.query("delete from books"));
    expect(local.cluster.writer.accepted).toBe(before);
    await pool.query("insert into renditions values (2)");
    expect(local.cluster.writer.accepted).toBe(before + 1);
    expect(await serverOf(pool)).toBe("reader1");
    // It sees what it has written, on the reader.
    const { rows } = await pool.query(`select id, ${here} as name from renditions`);
    expect(rows).toEqual([{ id: 2, name: "reader1" }]);
    await pool.query("delete from renditions");
  });

  it("R30: puts a transaction on the writer whose first statement writes a listed table", async () => {
    const pool = readOnlyPool({ allowWritesTo });
    const seen = await pool.transaction(async (tx) => {
      await tx.query("insert into renditions values (3, 'new')");
      await tx.query("update renditions set state = 'done' where id = 3");
      return serverOf(tx as unknown as Pool);
    });
    expect(seen).toBe("writer");
    expect(await idsOf("renditions")).toEqual([3]);
    await expect(
      pool.transaction(async (tx) => {
        await tx.query("delete from renditions");
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(await idsOf("renditions")).toEqual([3]);
    await pool.query("delete from renditions");
  });

  it.each<[string, string[]]>([
    ["BEGIN", ["begin"]],
    [
      "START TRANSACTION and a level",
      ["start transaction", "set transaction isolation level repeatable read"],
    ],
    ["BEGIN with a level", ["begin isolation level serializable"]],
    ["a savepoint", ["begin", "savepoint a"]],
  ])("holds back %s until it is known where it belongs", async (_name, opening) => {
    const pool = readOnlyPool({ allowWritesTo });
    const client = await pool.connect();
    for (const text of opening) {
      const { rows } = await client.query(text);
      expect(rows).toEqual([]);
    }
    expect(client.getTransactionStatus()).toBe("T");
    await client.query("insert into renditions values (4)");
    const { rows } = await client.query(
      `select ${here} as name, current_setting('transaction_isolation') as level`,
    );
    expect(rows[0].name).toBe("writer");
    if (opening.join().includes("repeatable")) expect(rows[0].level).toBe("repeatable read");
    await client.query("rollback");
    expect(client.getTransactionStatus()).toBe("I");
    for (const text of opening) await client.query(text);
    if (!opening.join().includes("serializable")) {
      expect(await serverOf(client as unknown as Pool)).toBe("reader1");
      await readOnlyRefusal(client.query("insert into renditions values (5)"));
    }
    await client.query("commit");
    await client.query("begin");
    await client.query("commit");
    client.release();
    expect(await idsOf("renditions")).toEqual([]);
  });

  it("asks for the writer by withWriter(), where a transaction begins with a read", async () => {
    const pool = readOnlyPool({ allowWritesTo });
    await withWriter(() =>
      pool.transaction(async (tx) => {
        expect(await serverOf(tx as unknown as Pool)).toBe("writer");
        await tx.query("insert into renditions values (6)");
      }),
    );
    expect(await idsOf("renditions")).toEqual([6]);
    await pool.query("delete from renditions");
  });

  it("keeps what might write from the writer", async () => {
    const pool = readOnlyPool({ allowWritesTo });
    const client = await pool.connect();
    await client.query("begin read write");
    await client.query("select id from renditions for update");
    await readOnlyRefusal(client.query("select rate(1)"));
    await readOnlyRefusal(client.query("set local search_path = audit"));
    await readOnlyRefusal(client.query("select set_config('search_path', 'audit', true)"));
    await readOnlyRefusal(client.query("delete from books"));
    await client.query("insert into renditions values (7)");
    await client.query("rollback");
    client.release();
    await readOnlyRefusal(pool.writer.query("delete from books"));
    await readOnlyRefusal(pool.writer.query("select rate(1)"));
    expect(await idsOf("renditions")).toEqual([]);
  });

  it("tells the caller of a transaction that could not be opened, though BEGIN was answered", async () => {
    const pool = readOnlyPool({ allowWritesTo, failoverTimeout: 200 });
    const client = await pool.connect();
    await client.query("begin");
    local.cluster.writer.refuse();
    try {
      await expect(client.query("insert into renditions values (8)")).rejects.toThrow();
      await expect(client.query("insert into renditions values (9)")).rejects.toMatchObject({
        code: "TRANSACTION_LOST",
      });
    } finally {
      await local.cluster.writer.heal();
    }
    client.release();
    expect(await idsOf("renditions")).toEqual([]);
  });

  it("begins a transaction whose BEGIN was answered, though that is aborted behind its answer", async () => {
    const pool = readOnlyPool({ allowWritesTo });
    const client = await pool.connect();
    const abort = new AbortController();
    await client.query({ text: "begin", signal: abort.signal });
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    abort.abort();
    await client.query("insert into renditions values (10)");
    await client.query("commit");
    client.release();
    expect(await idsOf("renditions")).toEqual([10]);
    await pool.query("delete from renditions");
  });

  describe("while no connection to the writer is free,", () => {
    async function exhausted(): Promise<readonly [Pool, () => void]> {
      const pool = readOnlyPool({ allowWritesTo, max: 1 });
      return [pool, await hold(pool.writer)];
    }
    const write = (id: number) => ({
      text: `insert into renditions values (${id})`,
      query_timeout: 20,
    });

    it("gives up a transaction whose first statement is given up", async () => {
      const [pool] = await exhausted();
      await expect(pool.transaction((tx) => tx.query(write(11)))).rejects.toThrow(timedOut);
    });

    it("leaves it open where it belongs is to be seen by what comes behind", async () => {
      const [pool, free] = await exhausted();
      const client = await pool.connect();
      await client.query("begin");
      await client.query("set transaction isolation level repeatable read");
      await expect(client.query(write(12))).rejects.toThrow(timedOut);
      expect(client.getTransactionStatus()).toBe("T");
      const behind = [rejection(client.query(write(13))), serverOf(client as unknown as Pool)];
      expect(await behind[0]).toMatchObject({ message: timedOut });
      expect(await behind[1]).toBe("reader1");
      await client.query("commit");
      await client.query("begin");
      await client.query("savepoint a");
      await expect(client.query(write(14))).rejects.toThrow(timedOut);
      free();
      await client.query("insert into renditions values (15)");
      await client.query("rollback to a");
      await client.query("insert into renditions values (16)");
      await client.query("commit");
      client.release();
      expect(await idsOf("renditions")).toEqual([16]);
      await until("nothing is held", () => pool.idleCount === pool.totalCount);
      await pool.query("delete from renditions");
    });
  });

  it("means nothing where the pool is not read-only", async () => {
    const pool = local.pool({ allowWritesTo });
    await pool.query("insert into sessions values (1)");
    await pool.query("delete from sessions where id = 1");
  });
});

describe("the configuration of a read-only pool", () => {
  it.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["", false],
    ["false", false],
  ])("takes DATABASE_READ_ONLY=%s", (value, expected) => {
    expect(resolveConfig({}, { DATABASE_READ_ONLY: value }).readOnly).toBe(expected);
    expect(resolveConfig({ readOnly: false }, { DATABASE_READ_ONLY: value }).readOnly).toBe(false);
  });

  it.each<[string, PoolOptions, string]>([
    ["maxLag", { maxLag: "1s" }, "Leave maxLag out where the pool is read-only."],
    ["maxStaleness", { maxStaleness: "1s" }, "Leave maxStaleness out"],
    ["consistency", { consistency: "strong" }, "Leave consistency out"],
    ["topology", { topology: "dns" }, "Leave topology out"],
    ["shadow", { shadow: true }, "Leave one of them out."],
    ["allowWritesTo", { allowWritesTo: ["renditions"] }, "nothing says where the writer is"],
    ["allowWritesTo[0]", { allowWritesTo: ["a b"] }, "names no table"],
    ["allowWritesTo", { allowWritesTo: "x" as never }, "must be a list of tables"],
  ])("refuses %s, which it could not keep", (option, options, message) => {
    const given = { readOnly: true, reader: "postgres://app@localhost/shop", ...options };
    let error: unknown;
    try {
      resolveConfig(given, {});
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ option, message: expect.stringContaining(message) });
  });
});
