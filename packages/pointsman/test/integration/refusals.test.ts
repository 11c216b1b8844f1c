import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isReaderRefusal } from "../../src/servers/refusal.ts";
import { rejection } from "../support/waiting.ts";

const schema = `
  create table books (id int primary key, title text);
  insert into books values (1, 'Dune');
  create table spans (id int);
  create index spans_range on spans using brin (id);
  create table tags (names int[]);
  create index tags_names on tags using gin (names);
  create unlogged table scratch (id int);
  create sequence tickets;
  create view next_ticket as select nextval('tickets') as ticket;
  create materialized view unpopulated as select 1 as one with no data;
  create function inserts() returns int language plpgsql as $$
    begin insert into books values (9, ''); return 1; end $$;
  create function raises() returns int language plpgsql as $$
    begin raise exception using errcode = '25006', message = 'cannot execute INSERT during recovery';
    end $$;
  create function raises_55000() returns int language plpgsql as $$
    begin raise exception using errcode = '55000', message = 'recovery is in progress'; end $$;
  select lo_create(4242);
  create extension pg_surgery;
  create extension amcheck;
  create extension pg_visibility;`;

/** What a reader refuses for being one. */
const refused = [
  "insert into books values (2, '')",
  "update books set title = ''",
  "delete from books",
  "truncate books",
  "select * from books for update",
  "select * from books for key share",
  "with n as (insert into books values (3, '') returning id) select * from n",
  "explain analyze insert into books values (4, '')",
  "explain analyze create table more as select 1",
  "select 1 as one into more",
  "create table more (id int)",
  "create table more as select 1",
  "create temp table more (id int)",
  "create view more as select 1",
  "create index on books (title)",
  "create index concurrently on books (title)",
  "create function more() returns int language sql as 'select 1'",
  "create extension hstore",
  "create role more",
  "create database more",
  "create publication more for table books",
  "alter table books add more int",
  "alter role app set work_mem = '4MB'",
  "alter sequence tickets restart",
  "comment on table books is ''",
  "grant select on books to public",
  "drop table books",
  "reassign owned by current_user to app",
  "copy books from stdin",
  "vacuum books",
  "analyze books",
  "reindex table books",
  "cluster books using books_pkey",
  "refresh materialized view unpopulated",
  "begin; lock table books",
  "begin; lock table books in share mode",
  "listen news",
  "notify news",
  "select pg_notify('news', '')",
  "prepare transaction 'x'",
  "commit prepared 'x'",
  "rollback prepared 'x'",
  "begin; savepoint a; insert into books values (5, '')",
  "prepare p as insert into books values (6, ''); execute p",
  "begin; declare c cursor for select * from books for update; fetch c",
  "do $$ begin insert into books values (7, ''); end $$",
  "select inserts()",
  "select nextval('tickets')",
  "select setval('tickets', 9)",
  "select * from next_ticket",
  "select txid_current()",
  "select pg_current_xact_id()",
  "select lo_create(0)",
  "select lo_creat(-1)",
  "select lo_unlink(4242)",
  "select lo_from_bytea(0, 'x')",
  "select lo_put(4242, 0, 'x')",
  "begin; select lowrite(lo_open(4242, 131072), 'x')",
  "select pg_logical_emit_message(true, 'a', 'b')",
  "select pg_logical_emit_message(false, 'a', 'b')",
  "select pg_current_wal_lsn()",
  "select pg_current_wal_insert_lsn()",
  "select pg_current_wal_flush_lsn()",
  "select pg_switch_wal()",
  "select pg_create_restore_point('x')",
  "select pg_walfile_name('0/1')",
  "select pg_walfile_name_offset('0/1')",
  "select brin_summarize_range('spans_range', 0)",
  "select brin_summarize_new_values('spans_range')",
  "select brin_desummarize_range('spans_range', 0)",
  "select gin_clean_pending_list('tags_names')",
  "select pg_replication_origin_create('o')",
  "select pg_replication_origin_drop('o')",
  "select pg_replication_origin_session_setup('o')",
  "select pg_import_system_collations('pg_catalog')",
  "select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')",
  "select * from scratch",
  "explain select * from scratch",
  "begin isolation level serializable",
  "begin; set transaction isolation level serializable",
  "start transaction read write",
  "begin; set transaction read write",
  "set transaction_read_only = off",
  "select heap_force_freeze('books', array['(0,1)']::tid[])",
  "select bt_index_parent_check('books_pkey')",
  "select pg_truncate_visibility_map('books')",
];

const refusedSince18 = [
  "merge into books using (select 1 as id) s on books.id = s.id when matched then delete",
  "select pg_log_standby_snapshot()",
  "select pg_clear_relation_stats('public', 'books')",
  "select pg_clear_attribute_stats('public', 'books', 'title', false)",
  "select pg_restore_relation_stats('schemaname', 'public', 'relname', 'books', 'relpages', 1)",
  "select pg_restore_attribute_stats('schemaname', 'public', 'relname', 'books', 'attname', 'title', 'inherited', false, 'null_frac', 0.1::real)",
];

const refusedUpTo14 = ["select pg_start_backup('x')"];

/** Errors of the same kinds that have nothing to do with recovery. */
const lookAlikes = [
  "select currval('tickets')",
  "select lastval()",
  "select * from unpopulated",
  "select raises()",
  "select raises_55000()",
  "select 1/0",
  "select * from nowhere",
  "selec 1",
  "begin; savepoint a; select pg_export_snapshot()",
  "select pg_replication_slot_advance('nothing', '0/1')",
  "select pg_create_logical_replication_slot('x', 'test_decoding')",
  "select pg_extension_config_dump('books', '')",
  "select query_to_xml('insert into books values (8, '''') returning 1', true, false, '')",
  "select 1 where 1 = any (select pg_terminate_backend(pg_backend_pid())::int)",
];

describe.each([
  ["18", refusedSince18],
  ["14", refusedUpTo14],
])("PostgreSQL %s", (version, own) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ version, readers: 1 });
    const writer = new Client(cluster.writer.url);
    await writer.connect();
    await writer.query(schema);
    await writer.end();
    await cluster.waitForReplay();
  });

  afterAll(() => cluster.stop());

  async function errorOn(url: string, ...texts: string[]): Promise<Error & { code?: string }> {
    const client = new Client(url);
    client.on("error", () => {});
    await client.connect();
    try {
      return await rejection(
        texts.reduce<Promise<unknown>>(
          (before, text) => before.then(() => client.query(text)),
          Promise.resolve(),
        ),
      );
    } finally {
      await client.end();
    }
  }

  it.each([...refused, ...own])("R6: a reader's refusal is recognised: %s", async (sql) => {
    const error = await errorOn(cluster.reader.url, sql);
    expect(error).toSatisfy(isReaderRefusal);
  });

  it("R6: a default of SERIALIZABLE is recognised when the first query runs", async () => {
    const error = await errorOn(
      cluster.reader.url,
      "set default_transaction_isolation = 'serializable'",
      "select 1",
    );
    expect(error).toSatisfy(isReaderRefusal);
  });

  it.each(lookAlikes)("R6: this error of a reader is no refusal: %s", async (sql) => {
    const error = await errorOn(cluster.reader.url, sql);
    expect(error).not.toSatisfy(isReaderRefusal);
  });

  it.each([
    "select currval('tickets')",
    "select * from unpopulated",
    "select raises()",
    "select raises_55000()",
  ])("R6: this error of the writer is no refusal: %s", async (sql) => {
    const error = await errorOn(cluster.writer.url, sql);
    expect(error).not.toSatisfy(isReaderRefusal);
  });

  it("R6: a cached plan whose result type has changed is no refusal", async () => {
    const reader = new Client(cluster.reader.url);
    const writer = new Client(cluster.writer.url);
    await Promise.all([reader.connect(), writer.connect()]);
    await reader.query({ name: "all", text: "select * from spans" });
    await writer.query("alter table spans add more int");
    await cluster.waitForReplay();
    const error = await rejection(reader.query({ name: "all", text: "select * from spans" }));
    await Promise.all([reader.end(), writer.end()]);
    expect({ code: error.code, refusal: isReaderRefusal(error) }).toEqual({
      code: "0A000",
      refusal: false,
    });
  });

  it("R6: an INSERT in the caller's own READ ONLY transaction on the writer is not repeated", async () => {
    const pool = createPool({
      writer: cluster.writer.url,
      reader: cluster.reader.url,
      readOnlyTransactions: "writer",
    });
    const client = await pool.connect();
    await client.query("begin read only");
    const error = await rejection(client.query("insert into books values (50, '')"));
    await client.query("rollback");
    client.release();
    const { refusals, refusedTexts } = pool.stats();
    await pool.end();
    expect({ code: error.code, refusals, refusedTexts }).toEqual({
      code: "25006",
      refusals: 0,
      refusedTexts: 0,
    });
  });

  it("R6: the writer's connection is kept after such an INSERT", async () => {
    const pool = createPool({
      writer: cluster.writer.url,
      reader: cluster.reader.url,
      readOnlyTransactions: "writer",
      max: 1,
    });
    const pidOf = async (): Promise<number> =>
      (await pool.query("select pg_backend_pid() as pid")).rows[0].pid;
    const before = await pidOf();
    const client = await pool.connect();
    await client.query("begin read only");
    await rejection(client.query("insert into books values (50, '')"));
    await client.query("rollback");
    client.release();
    const after = await pidOf();
    await pool.end();
    expect(after).toBe(before);
  });

  it("R6: an unlogged table is read from the writer in the end, and learned", async () => {
    const pool = createPool({
      writer: cluster.writer.url,
      reader: cluster.reader.url,
      catalog: false,
    });
    const { rows } = await pool.query("select count(*)::int from scratch");
    const { refusals, refusedTexts } = pool.stats();
    await pool.end();
    expect({ rows, refusals, refusedTexts }).toEqual({
      rows: [{ count: 0 }],
      refusals: 1,
      refusedTexts: 1,
    });
  });
});

describe("without a server", () => {
  const refusal = { code: "25006", routine: "PreventCommandIfReadOnly" };

  it("R6: a refusal is recognised whatever its message says", () => {
    expect(
      [
        { ...refusal, message: "cannot execute INSERT in a read-only transaction" },
        {
          ...refusal,
          message: "INSERT kann nicht in einer Read-Only-Transaktion ausgeführt werden",
        },
        { ...refusal, message: "" },
      ].map(isReaderRefusal),
    ).toEqual([true, true, true]);
  });

  it("R6: a message alone is no refusal", () => {
    const message = "cannot execute INSERT during recovery";
    expect(
      [new Error(message), { code: "25006", message }, { code: "P0001", message }].map(
        isReaderRefusal,
      ),
    ).toEqual([false, false, false]);
  });

  it("R6: a routine under another SQLSTATE is no refusal", () => {
    expect(isReaderRefusal({ ...refusal, code: "0A000" })).toBe(false);
  });

  it.each([undefined, null, "25006", 25006, {}])("R6: %o is no refusal", (thing) => {
    expect(isReaderRefusal(thing)).toBe(false);
  });
});
