import { describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { serverMajor } from "../support/server-major.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Dune'), (2, 'Emma');
    create sequence tickets;
    create materialized view titles as select title from books;
    create function guess() returns int language sql as 'select 1';
    create procedure noop() language sql as 'select 1';
    select lo_create(4242);`,
});

const onReader: Record<string, string> = {
  SELECT: "select * from books",
  "SELECT without a table": "select 1",
  VALUES: "values (1), (2)",
  TABLE: "table books",
  "WITH … SELECT": "with b as (select * from books) select * from b",
  "a UNION": "select 1 union select 2",
  SHOW: "show work_mem",
  "COPY … TO STDOUT": "copy books to stdout",
  "COPY (SELECT …) TO STDOUT": "copy (select * from books) to stdout",
  "EXPLAIN of a read": "explain select * from books",
  "EXPLAIN ANALYZE of a read": "explain analyze select * from books",
  "EXPLAIN of a write": "explain insert into books values (3, 'Ulysses')",
  "a read of the catalog": "select * from pg_catalog.pg_class",
  "a read of the information schema": "select * from information_schema.views",
  "several reads in one text": "select 1; select 2",
  random: "select random()",
  gen_random_uuid: "select gen_random_uuid()",
  clock_timestamp: "select clock_timestamp()",
  now: "select now()",
  timeofday: "select timeofday()",
  pg_sleep: "select pg_sleep(0)",
  "the size of a table": "select pg_total_relation_size('books')",
  "the size of a database": "select pg_database_size(current_database())",
  uuidv7: "select uuidv7()",
};

// What older servers do not know fails there, and is sent to the same place.
const newerThan14: Record<string, number> = { "select uuidv7()": 18 };

const onWriter: Record<string, string> = {
  nextval: "select nextval('tickets')",
  setval: "select setval('tickets', 7)",
  currval: "select currval('tickets')",
  lastval: "select lastval()",
  pg_advisory_lock: "select pg_advisory_lock(1)",
  pg_advisory_xact_lock: "select pg_advisory_xact_lock(1)",
  pg_try_advisory_lock: "select pg_try_advisory_lock(2)",
  "an advisory lock called like a column": "select (4::bigint).pg_try_advisory_lock",
  pg_notify: "select pg_notify('news', 'x')",
  lo_create: "select lo_create(0)",
  lo_get: "select lo_get(4242)",
  set_config: "select set_config('work_mem', '5MB', false)",
  txid_current: "select txid_current()",
  pg_current_xact_id: "select pg_current_xact_id()",
  pg_is_in_recovery: "select pg_is_in_recovery()",
  pg_current_wal_lsn: "select pg_current_wal_lsn()",
  pg_export_snapshot: "select pg_export_snapshot()",
  pg_backend_pid: "select pg_backend_pid()",
  pg_terminate_backend: "select pg_terminate_backend(0)",
  pg_stat_activity: "select * from pg_stat_activity",
  "a function of the user's": "select guess()",
  "a function of the user's in COPY": "copy (select guess()) to stdout",
  "SELECT … FOR UPDATE": "select * from books for update",
  "SELECT … FOR SHARE": "select * from books for share",
  "FOR NO KEY UPDATE in a subquery": "select * from (select * from books for no key update) b",
  "SELECT INTO": "select 1 as x into copied_books",
  "a writing CTE": "with n as (insert into books values (10, '') returning id) select * from n",
  "WITH … INSERT": "with n as (select 11 as id) insert into books select id, '' from n",
  "EXPLAIN ANALYZE of a write": "explain analyze insert into books values (12, '')",
  "COPY (INSERT … RETURNING) TO STDOUT":
    "copy (insert into books values (13, '') returning id) to stdout",
  INSERT: "insert into books values (14, '')",
  UPDATE: "update books set title = title where id = 1",
  DELETE: "delete from books where id = 0",
  MERGE:
    "merge into books using (select 1 as id) s on books.id = s.id when matched then do nothing",
  TRUNCATE: "truncate books",
  "COPY … FROM STDIN": "copy books from stdin",
  CALL: "call noop()",
  DO: "do 'begin end'",
  "CREATE TABLE": "create table shelves (id int)",
  "ALTER TABLE": "alter table shelves add place text",
  "CREATE INDEX": "create index on books (title)",
  "DROP TABLE": "drop table shelves",
  "CREATE VIEW": "create view all_books as select * from books",
  GRANT: "grant select on books to public",
  REVOKE: "revoke select on books from public",
  COMMENT: "comment on table books is 'to be read'",
  VACUUM: "vacuum books",
  ANALYZE: "analyze books",
  REINDEX: "reindex table books",
  CLUSTER: "cluster books using books_pkey",
  "REFRESH MATERIALIZED VIEW": "refresh materialized view titles",
  CHECKPOINT: "checkpoint",
  "ALTER SYSTEM": "alter system reset work_mem",
  LOCK: "lock table books",
  NOTIFY: "notify news",
  BEGIN: "begin",
  "START TRANSACTION": "start transaction",
  "BEGIN … READ ONLY, SERIALIZABLE": "begin isolation level serializable read only",
  "BEGIN … READ ONLY DEFERRABLE": "begin read only deferrable",
  "BEGIN … READ WRITE": "begin read write",
  SET: "set work_mem = '5MB'",
  RESET: "reset work_mem",
  "SET ROLE": "set role app",
  LISTEN: "listen news",
  UNLISTEN: "unlisten news",
  PREPARE: "prepare all_of_them as select * from books",
  EXECUTE: "execute all_of_them",
  DEALLOCATE: "deallocate all",
  "DECLARE … WITH HOLD": "declare c cursor with hold for select * from books",
  "CREATE TEMP TABLE": "create temp table scratch (id int)",
  LOAD: "load 'plpgsql'",
  DISCARD: "discard temp",
  "a read and a write in one text": "select 1; insert into books values (20, '')",
  "a write and a read in one text": "insert into books values (21, ''); select 1",
  "a transaction in one text": "begin; insert into books values (22, ''); commit",
  "a text that does not parse": "selec * from books",
};

describe("a statement by itself", () => {
  it.each(Object.entries(onReader))("goes to a reader: %s", async (_name, sql) => {
    const mark = newMark();
    const ran = local.pool().query(`${mark} ${sql}`);
    const missing = serverMajor < (newerThan14[sql] ?? 0);
    await (missing ? rejection(ran) : ran);
    // What a reader does not know may be too young for it: the writer is asked, too.
    expect(local.reached(mark)).toEqual(missing ? ["writer", "reader1"] : ["reader1"]);
  });

  // Some of these fail on the writer too; where they arrive is what is asked here.
  it.each(Object.entries(onWriter))("goes to the writer: %s", async (_name, sql) => {
    const mark = newMark();
    await local
      .pool()
      .query(`${mark} ${sql}`)
      .catch(() => undefined);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("goes to the writer, unparsed, when it is longer than maxParseBytes", async () => {
    const pool = local.pool({ maxParseBytes: 1000 });
    const long = `select ${here} as server ${"-".repeat(1000)}`;
    const { rows } = await pool.query(long);
    expect(rows).toEqual([{ server: "writer" }]);
    expect(pool.stats().reasons["too-long"]).toBe(1);
  });

  it("goes where explain() says, for every row of the table", async () => {
    const pool = local.pool({ catalog: false });
    const said = async (texts: Record<string, string>) =>
      Promise.all(
        Object.entries(texts).map(async ([name, sql]) => [name, (await pool.explain(sql)).target]),
      );
    expect((await said(onReader)).filter(([, target]) => target !== "reader")).toEqual([]);
    expect((await said(onWriter)).filter(([, target]) => target !== "writer")).toEqual([]);
  });

  it("gets PostgreSQL's own error when its text does not parse", async () => {
    const error = await rejection(local.pool().query("selec 1"));
    expect(error).toMatchObject({ code: "42601", message: 'syntax error at or near "selec"' });
  });
});

describe("a transaction on a checked-out client", () => {
  const server = `select ${here} as server`;

  it("that is declared READ ONLY runs on a reader until it ends", async () => {
    const client = await local.pool().connect();
    await client.query("begin read only");
    const inside = await client.query(server);
    await client.query("commit");
    client.release();
    expect(inside.rows).toEqual([{ server: "reader1" }]);
  });

  it("that is declared READ ONLY, REPEATABLE READ, runs on a reader", async () => {
    const client = await local.pool().connect();
    await client.query("start transaction isolation level repeatable read, read only");
    const inside = await client.query(server);
    await client.query("commit");
    client.release();
    expect(inside.rows).toEqual([{ server: "reader1" }]);
  });

  it("that is declared READ ONLY runs on the writer by option", async () => {
    const client = await local.pool({ readOnlyTransactions: "writer" }).connect();
    await client.query("begin read only");
    const inside = await client.query(server);
    await client.query("commit");
    client.release();
    expect(inside.rows).toEqual([{ server: "writer" }]);
  });

  it("that declares nothing runs on the writer, reads included", async () => {
    const client = await local.pool().connect();
    await client.query("begin");
    const inside = await client.query(server);
    await client.query("commit");
    client.release();
    expect(inside.rows).toEqual([{ server: "writer" }]);
  });
});

describe("a checked-out client", () => {
  const server = `select ${here} as server`;

  it("reads from a reader while it only reads", async () => {
    const client = await local.pool().connect();
    const answers = [await client.query(server), await client.query(server)];
    client.release();
    expect(answers.map(({ rows }) => rows[0].server)).toEqual(["reader1", "reader1"]);
  });

  it.each([
    ["a write", "update books set title = title where id = 0"],
    ["SET", "set work_mem = '5MB'"],
    ["LISTEN", "listen news"],
    ["PREPARE", "prepare again as select 1"],
    ["CREATE TEMP TABLE", "create temp table scratch (id int)"],
    ["an advisory lock", "select pg_advisory_lock(3)"],
  ])("reads from the writer after %s", async (_name, sql) => {
    const client = await local.pool().connect();
    await client.query(sql);
    const { rows } = await client.query(server);
    client.release();
    expect(rows).toEqual([{ server: "writer" }]);
  });

  it("reads from a reader again after it was released and taken anew", async () => {
    const pool = local.pool({ max: 1 });
    const first = await pool.connect();
    await first.query("update books set title = title where id = 0");
    first.release();
    const second = await pool.connect();
    const { rows } = await second.query(server);
    second.release();
    expect(rows).toEqual([{ server: "reader1" }]);
  });
});
