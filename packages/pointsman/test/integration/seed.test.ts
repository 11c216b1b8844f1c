import { onWriter, withWriter } from "pointsman";
import { describe, expect, it } from "vitest";
import { isReaderRefusal } from "../../src/servers/refusal.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { serverMajor } from "../support/server-major.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  schema: `
    create table books (id int primary key, title text);
    insert into books select id, 'Book ' || id from generate_series(1, 100) as id;
    create sequence tickets;
    create view next_ticket as select nextval('tickets') as ticket;
    create function insert_book() returns int language plpgsql as $$
      begin insert into books values (1000, ''); return 1; end $$;`,
});

const server = `select ${here} as server`;
const whereRan = async (on: {
  query(text: string): Promise<{ rows: { server: string }[] }>;
}): Promise<string | undefined> => (await on.query(server)).rows[0]?.server;

describe("the router", () => {
  it("sends a read to the reader", async () => {
    expect(await whereRan(local.pool())).toBe("reader1");
  });

  it("sends a read with parameters to the reader", async () => {
    const text = `select title, ${here} as server from books where id = $1`;
    const { rows } = await local.pool().query(text, [1]);
    expect(rows).toEqual([{ title: "Book 1", server: "reader1" }]);
  });

  it("sends a write to the writer", async () => {
    const mark = newMark();
    await local.pool().query(`${mark} update books set title = title where id = $1`, [1]);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("sends a read in a transaction to the writer", async () => {
    const pool = local.pool();
    expect(await pool.transaction((tx) => whereRan(tx))).toBe("writer");
  });

  it("sends a read in a nested transaction to the writer", async () => {
    const pool = local.pool();
    const place = await pool.transaction(() => pool.transaction(() => whereRan(pool)));
    expect(place).toBe("writer");
  });

  it("sends a read to the writer after a savepoint was rolled back", async () => {
    const pool = local.pool();
    const place = await pool.transaction(async () => {
      await pool.transaction(() => Promise.reject(new Error("no"))).catch(() => undefined);
      return whereRan(pool);
    });
    expect(place).toBe("writer");
  });

  it("sends a read to the writer after ROLLBACK TO on a client of its own", async () => {
    const client = await local.pool().connect();
    await client.query("begin");
    await client.query("savepoint a");
    await client.query("select 1/0").catch(() => undefined);
    await client.query("rollback to savepoint a");
    const place = await whereRan(client);
    await client.query("commit");
    client.release();
    expect(place).toBe("writer");
  });

  it("sends a read to the reader again after the commit", async () => {
    const pool = local.pool();
    await pool.transaction((tx) => tx.query("update books set title = title where id = 1"));
    expect(await whereRan(pool)).toBe("reader1");
  });

  it("sends a read to the reader again after a rollback", async () => {
    const pool = local.pool();
    await pool.transaction(() => Promise.reject(new Error("no"))).catch(() => undefined);
    expect(await whereRan(pool)).toBe("reader1");
  });
});

describe("a forced block", () => {
  it("reads from the writer", async () => {
    const pool = local.pool();
    expect(await withWriter(() => whereRan(pool))).toBe("writer");
  });

  it("reads from the writer in functions that it calls", async () => {
    const pool = local.pool();
    const repository = { where: () => whereRan(pool) };
    const place = await withWriter(async () => {
      await Promise.resolve();
      return repository.where();
    });
    expect(place).toBe("writer");
  });

  it("nests, and holds until the outermost is over", async () => {
    const pool = local.pool();
    const places = await withWriter(async () => [
      await withWriter(() => whereRan(pool)),
      await whereRan(pool),
    ]);
    expect([...places, await whereRan(pool)]).toEqual(["writer", "writer", "reader1"]);
  });

  it("ends when its function throws", async () => {
    const pool = local.pool();
    await withWriter(() => Promise.reject(new Error("no"))).catch(() => undefined);
    expect(await whereRan(pool)).toBe("reader1");
  });

  it("does not touch what runs beside it", async () => {
    const pool = local.pool();
    const places = await Promise.all([withWriter(() => whereRan(pool)), whereRan(pool)]);
    expect(places).toEqual(["writer", "reader1"]);
  });

  it("holds for checked-out clients", async () => {
    const client = await local.pool().connect();
    const places = [await withWriter(() => whereRan(client)), await whereRan(client)];
    client.release();
    expect(places).toEqual(["writer", "reader1"]);
  });
});

describe("a forced function", () => {
  it("reads from the writer as a wrapper, with its arguments and its answer", async () => {
    const pool = local.pool();
    const find = onWriter(async (id: number) => {
      const text = `select id, ${here} as server from books where id = $1`;
      return (await pool.query(text, [id])).rows[0];
    });
    expect(await find(7)).toEqual({ id: 7, server: "writer" });
  });

  it("keeps its name", () => {
    expect(onWriter(function findBook() {}).name).toBe("findBook");
  });

  it("reads from the writer as a method decorator of the standard's form", async () => {
    class Books {
      readonly pool = local.pool();
      async where(): Promise<string | undefined> {
        return whereRan(this.pool);
      }
    }
    const context = { kind: "method", name: "where", static: false, private: false };
    Books.prototype.where = onWriter(Books.prototype.where, context as never);
    expect(await new Books().where()).toBe("writer");
  });

  it("reads from the writer as a method decorator of TypeScript's older form", async () => {
    class Books {
      readonly pool = local.pool();
      async where(): Promise<string | undefined> {
        return whereRan(this.pool);
      }
    }
    const before = Object.getOwnPropertyDescriptor(Books.prototype, "where") as PropertyDescriptor;
    Object.defineProperty(Books.prototype, "where", onWriter(Books.prototype, "where", before));
    expect(await new Books().where()).toBe("writer");
  });
});

describe("a forced query", () => {
  it("reads from the writer by its target", async () => {
    const { rows } = await local.pool().query({ text: server, target: "writer" });
    expect(rows).toEqual([{ server: "writer" }]);
  });

  it("leaves the next query alone", async () => {
    const pool = local.pool();
    await pool.query({ text: server, target: "writer" });
    expect(await whereRan(pool)).toBe("reader1");
  });

  it("reads from the writer by its target on a checked-out client", async () => {
    const client = await local.pool().connect();
    const { rows } = await client.query({ text: server, target: "writer" } as { text: string });
    client.release();
    expect(rows).toEqual([{ server: "writer" }]);
  });
});

describe("objects and pools", () => {
  it("delete through the pool what was read from a reader", async () => {
    const pool = local.pool();
    const { rows } = await pool.query(`select id, ${here} as server from books where id = 50`);
    const { rowCount } = await pool.query("delete from books where id = $1", [rows[0].id]);
    expect([rows[0].server, rowCount]).toEqual(["reader1", 1]);
  });

  it("refuse a raw write on pool.reader by the server", async () => {
    const error = await rejection(local.pool().reader.query("insert into books values (200, '')"));
    expect(error.code).toBe("25006");
  });

  it("do not repeat what was sent to pool.reader by hand", async () => {
    const mark = newMark();
    await rejection(local.pool().reader.query(`${mark} insert into books values (200, '')`));
    expect(local.reached(mark)).toEqual(["reader1"]);
  });

  it("run a migration through pool.writer, all of it on the writer", async () => {
    const mark = newMark();
    const pool = local.pool();
    await pool.writer.query(`${mark} create table if not exists migrations (version int)`);
    const client = await pool.writer.connect();
    await client.query(`${mark} begin`);
    await client.query(`${mark} select max(version) from migrations`);
    await client.query(`${mark} insert into migrations values (1)`);
    await client.query(`${mark} commit`);
    client.release();
    await pool.writer.query(`${mark} select * from migrations`);
    expect(local.runs(mark)).toEqual({ writer: 6 });
  });

  it("count what was sent by hand with a reason of its own", async () => {
    const pool = local.pool();
    await pool.writer.query("select 1");
    await pool.reader.query("select 1");
    expect(pool.stats()).toMatchObject({
      reasons: { direct: 2 },
      targets: { writer: 1, reader: 1 },
    });
  });
});

describe("one server under two names", () => {
  it("goes through the same router", async () => {
    const pool = local.pool({ reader: local.cluster.writer.url });
    await pool.query("select * from books");
    await pool.query("update books set title = title where id = 1");
    expect(pool.stats()).toMatchObject({
      targets: { reader: 1, writer: 1 },
      reader: { total: 1 },
      writer: { total: 1 },
    });
  });

  it("is not restricted", async () => {
    const pool = local.pool({ reader: local.cluster.writer.url });
    const { rowCount } = await pool.reader.query("update books set title = title where id = 1");
    expect(rowCount).toBe(1);
  });
});

describe("one server alone", () => {
  it("runs everything, and counts where it would have gone", async () => {
    const pool = local.pool({ reader: undefined });
    await pool.query("select * from books");
    await pool.query("update books set title = title where id = 1");
    expect(pool.stats().targets).toEqual({ reader: 1, writer: 1 });
  });

  it("is both pool.writer and pool.reader", () => {
    const pool = local.pool({ reader: undefined });
    expect([pool.writer === pool, pool.reader === pool]).toEqual([true, true]);
  });
});

describe("a mirror", () => {
  const both = () => [local.pool().reader, local.pool({ mirror: true }).reader] as const;
  const refusals = (sql: string) =>
    Promise.all(both().map(async (pool) => isReaderRefusal(await rejection(pool.query(sql)))));

  it("reads on a connection of the reader's side", async () => {
    const pool = local.pool({ mirror: true });
    await pool.query("select * from books");
    expect(pool.stats()).toMatchObject({ reader: { total: 1 }, writer: { total: 0 } });
  });

  it("writes through the pool", async () => {
    const pool = local.pool({ mirror: true });
    const { rowCount } = await pool.query("update books set title = title where id = 1");
    expect(rowCount).toBe(1);
  });

  it("puts right what its reader side refuses", async () => {
    const pool = local.pool({ mirror: true, catalog: false });
    await pool.query("select * from next_ticket");
    const { refusals, refusedTexts } = pool.stats();
    expect([refusals, refusedTexts]).toEqual([1, 1]);
  });

  it.skipIf(serverMajor < 15)(
    "refuses as a real reader does: merge (PostgreSQL 15 on)",
    async () => {
      const sql =
        "merge into books using (select 1 as id) s on books.id = s.id when matched then delete";
      expect(await refusals(sql)).toEqual([true, true]);
    },
  );

  it.each([
    "insert into books values (300, '')",
    "update books set title = ''",
    "select * from books for update",
    "with d as (delete from books returning id) select * from d",
    "copy books from stdin",
    "truncate books",
    "create table more (id int)",
    "create temp table more (id int)",
    "drop table books",
    "listen news",
    "notify news",
    "select pg_notify('news', '')",
    "select txid_current()",
    "select pg_current_xact_id()",
    "select nextval('tickets')",
    "select lo_create(0)",
    "begin isolation level serializable",
    "begin; set transaction isolation level serializable",
    "begin; set transaction_isolation = 'serializable'",
    "begin read write",
    "start transaction read write",
    "begin; set transaction read write",
    "begin; lock table books",
    "vacuum books",
    "analyze books",
    "reindex table books",
    "refresh materialized view nothing",
    "set default_transaction_read_only = off; insert into books values (301, '')",
    "prepare p as insert into books values (302, ''); execute p",
    "do $$ begin insert into books values (303, ''); end $$",
    "select insert_book()",
    "explain analyze insert into books values (304, '')",
  ])("refuses as a real reader does: %s", async (sql) => {
    expect(await refusals(sql)).toEqual([true, true]);
  });

  it.each([
    ["set default_transaction_read_only = off", "insert into books values (310, '')"],
    ["set session characteristics as transaction read only", "select insert_book()"],
    ["discard all", "select insert_book()"],
    ["reset all", "select insert_book()"],
    ["prepare q as insert into books values (311, '')", "execute q"],
    ["begin", "insert into books values (312, '')"],
  ])("refuses as a real reader does after %s: %s", async (before, sql) => {
    const outcomes = both().map(async (pool) => {
      const client = await pool.connect();
      await client.query(before);
      const error = await rejection(client.query(sql));
      client.release(true);
      return isReaderRefusal(error);
    });
    expect(await Promise.all(outcomes)).toEqual([true, true]);
  });

  it.each([
    "select * from books",
    "set work_mem = '5MB'",
    "begin isolation level repeatable read",
    "begin read only deferrable",
    "begin",
    "explain insert into books values (320, '')",
    "prepare r as insert into books values (321, '')",
    "select pg_advisory_lock(900), pg_advisory_unlock(900)",
    "checkpoint",
    "unlisten news",
    "discard all",
    "copy books to stdout",
    "load 'plpgsql'",
  ])("accepts as a real reader does: %s", async (sql) => {
    const outcomes = both().map(async (pool) => (await pool.query(sql)) !== undefined);
    expect(await Promise.all(outcomes)).toEqual([true, true]);
  });

  it("refuses SERIALIZABLE as the session's default, where a reader refuses what follows", async () => {
    const set = "set default_transaction_isolation = 'serializable'";
    const [real, mirror] = await Promise.all(both().map((pool) => pool.connect()));
    await real?.query(set);
    const refused = [
      await rejection(real?.query("select 1") as Promise<unknown>),
      await rejection(mirror?.query(set) as Promise<unknown>),
    ];
    for (const client of [real, mirror]) client?.release(true);
    expect(refused.map(isReaderRefusal)).toEqual([true, true]);
  });

  it("aborts an open transaction with its refusal, as a real reader does", async () => {
    const codes = both().map(async (pool) => {
      const client = await pool.connect();
      await client.query("begin");
      await rejection(client.query("listen news"));
      const error = await rejection(client.query("select 1"));
      client.release(true);
      return error.code;
    });
    expect(await Promise.all(codes)).toEqual(["25P02", "25P02"]);
  });

  it("has written nothing by all that", async () => {
    const { rows } = await (await local.connect()).query("select from books where id >= 300");
    expect(rows).toEqual([]);
  });
});
