import { describe, expect, it } from "vitest";
import { classify } from "../../src/statements/classify.ts";
import type { Classification, SessionState } from "../../src/statements/types.ts";
import { type Verdict, verdicts } from "../../src/statements/verdicts.ts";
import { emptyTexts, readOnlyTransactions, reads, writes } from "./cases.ts";

describe("texts that only read may go to a reader", () => {
  for (const [title, texts] of Object.entries(reads)) {
    it.each(texts.map((sql) => [sql]))(`${title}: %s`, (sql) => {
      expect(gist(sql)).toEqual({ effect: "read", verdict: "plain-read", reader: true });
      expect(classify(sql).repeatable).toBe(true);
    });
  }
});

describe("texts that belong on the writer say why", () => {
  for (const [title, cases] of Object.entries(writes)) {
    it.each(cases)(`${title}: %j`, (sql, verdict, effect) => {
      expect(gist(sql)).toEqual({ effect, verdict, reader: false });
    });
  }

  it("gives every verdict in some case", () => {
    const seen = new Set<Verdict>(["plain-read", "read-only-transaction", "empty", "too-long"]);
    // These take a database that was asked.
    const asked = ["writing-object", "unknown-object", "unlogged-table", "foreign-table"] as const;
    for (const verdict of asked) seen.add(verdict);
    for (const [, verdict] of Object.values(writes).flat()) seen.add(verdict);
    expect([...seen].sort()).toEqual(Object.keys(verdicts).sort());
  });
});

describe("R5: what only one server can answer goes to the writer by name", () => {
  it.each([
    ["select setseed(0)"],
    ["select pg_stat_reset()"],
    ["select pg_stat_reset_single_table_counters(1)"],
    ["table pg_locks"],
    ["table pg_stat_activity"],
    ["table pg_stat_replication"],
    ["table pg_stat_wal_receiver"],
    ["table pg_prepared_xacts"],
    ["table pg_sequences"],
    ["show in_hot_standby"],
    ["show transaction_read_only"],
    ["select current_setting('in_hot_standby')"],
    ["select current_setting('transaction_read_only')"],
    ["select current_setting($1)"],
  ])("%s", (sql) => {
    expect(classify(sql).reader).toBe(false);
  });

  it.each([
    ["select pg_database_size('x'), pg_relation_size('t')"],
    ["table pg_stat_user_tables"],
    ["table pg_stat_all_indexes"],
    ["table pg_statio_user_tables"],
    ["select pg_stat_get_numscans('t'::regclass)"],
  ])("sizes and statistics of tables may be read anywhere: %s", (sql) => {
    expect(classify(sql).reader).toBe(true);
  });
});

describe("transactions", () => {
  it.each(readOnlyTransactions.map((sql) => [sql]))("%s may be opened on a reader", (sql) => {
    const { effect, verdict, reader, transaction } = classify(sql);
    expect({ effect, verdict, reader }).toEqual({
      effect: "transaction",
      verdict: "read-only-transaction",
      reader: true,
    });
    expect(transaction).toMatchObject({ kind: "begin", readOnly: true });
  });

  it.each([
    ["begin", { kind: "begin" }],
    ["start transaction read write", { kind: "begin", readOnly: false }],
    [
      "begin isolation level serializable, read only, deferrable",
      { kind: "begin", isolation: "serializable", readOnly: true, deferrable: true },
    ],
    [
      "start transaction isolation level read uncommitted not deferrable",
      { kind: "begin", isolation: "read uncommitted", deferrable: false },
    ],
    ["begin read write, read only", { kind: "begin", readOnly: true }],
    ["commit and chain", { kind: "commit", chain: true }],
    ["rollback and no chain", { kind: "rollback" }],
    ["end transaction", { kind: "commit" }],
    ["abort", { kind: "rollback" }],
    ["savepoint a", { kind: "savepoint" }],
    ["release a", { kind: "release" }],
    ["rollback to savepoint a", { kind: "rollback-to" }],
    ["prepare transaction 'a'", { kind: "prepare" }],
    ["commit prepared 'a'", { kind: "commit-prepared" }],
    ["rollback prepared 'a'", { kind: "rollback-prepared" }],
    [
      "set transaction isolation level repeatable read, read only",
      { kind: "set", isolation: "repeatable read", readOnly: true },
    ],
    [
      "set session characteristics as transaction read only",
      { kind: "set-default", readOnly: true },
    ],
  ])("%s is told in full", (sql, transaction) => {
    expect(classify(sql).transaction).toEqual(transaction);
  });

  it("names no transaction for a text that is more than one statement", () => {
    expect(classify("begin; select 1").transaction).toBeUndefined();
  });
});

describe("the state that is left on the connection", () => {
  it.each<[string, SessionState[]]>([
    ["set work_mem = '1MB'", ["setting"]],
    ["set session work_mem = '1MB'", ["setting"]],
    ["reset all", ["setting"]],
    ["set local work_mem = '1MB'", []],
    ["set transaction read only", []],
    ["set transaction_isolation = 'serializable'", []],
    ["set session characteristics as transaction read only", ["setting"]],
    ["set role clerk", ["role"]],
    ["set local role clerk", []],
    ["set session authorization clerk", ["role"]],
    ["select set_config('a.b', 'c', false)", ["setting"]],
    ["select set_config('a.b', 'c', $1)", ["setting"]],
    ["select set_config('a.b', 'c', true)", []],
    ["select set_config('a.b', 'c', true), set_config('a.b', 'c', false)", ["setting"]],
    ["select set_config(is_local => true, setting_name => 'a.b', new_value => 'c')", ["setting"]],
    ["select setseed(0.5)", ["setting"]],
    ["listen c", ["listening"]],
    ["unlisten c", ["listening"]],
    ["notify c", []],
    ["prepare q as select pg_advisory_lock(1)", ["prepared"]],
    ["deallocate all", ["prepared"]],
    ["create temporary table x (i int)", ["temporary"]],
    ["select 1 as a into temporary x", ["temporary"]],
    ["create temp table x as select 1", ["temporary"]],
    ["create type pg_temp.x as (i int)", ["temporary"]],
    ["declare c cursor with hold for select 1", ["cursor"]],
    ["declare c cursor for select 1", []],
    ["select pg_advisory_lock(1)", ["lock"]],
    ["select pg_advisory_unlock_all()", ["lock"]],
    ["select pg_advisory_xact_lock(1)", []],
    ["insert into t select 1 where pg_try_advisory_lock(1)", ["lock"]],
    ["load 'x'", ["library"]],
    ["discard all", ["discard"]],
    ["set work_mem = '1MB'; listen c; set a.b = 1", ["setting", "listening"]],
    ["select 1", []],
  ])("%s: %j", (sql, session) => {
    expect(classify(sql).session).toEqual(session);
  });
});

describe("R7: what may be sent a second time", () => {
  it.each([
    ["select 1"],
    ["insert into t values (1)"],
    ["select * from t for update"],
    ["with x as (delete from t returning *) select * from x"],
    ["select nextval('s')"],
    ["select pg_is_in_recovery()"],
    ["create table x (i int)"],
    ["create index on t (a)"],
    ["drop index t_a_idx"],
    ["truncate t"],
    ["reindex index t_pkey"],
    ["refresh materialized view m"],
    ["copy t from '/file'"],
    [""],
  ])("may: %s", (sql) => {
    expect(classify(sql).repeatable).toBe(true);
  });

  it.each([
    ["call p()"],
    ["do 'begin end'"],
    ["begin"],
    ["commit"],
    ["begin; insert into t values (1); commit"],
    ["select 1; select 2"],
    ["vacuum t"],
    ["analyze t"],
    ["create database x"],
    ["drop database x"],
    ["create tablespace x location '/x'"],
    ["alter database x set tablespace y"],
    ["create index concurrently on t (a)"],
    ["drop index concurrently x"],
    ["reindex table concurrently t"],
    ["reindex (concurrently) table t"],
    ["reindex schema public"],
    ["reindex database x"],
    ["cluster"],
    ["alter table t detach partition x concurrently"],
    ["create subscription x connection '' publication y"],
    ["alter system set work_mem = '1MB'"],
    ["checkpoint"],
    ["copy t from stdin"],
    ["copy t from program 'x'"],
    ["copy t to '/file'"],
    ["execute q"],
    ["explain analyze execute q"],
    ["set work_mem = '1MB'"],
    ["select pg_cancel_backend(1)"],
    ["select pg_terminate_backend(1)"],
    ["insert into t select pg_terminate_backend(1)::int"],
    ["select lo_export(1, '/file')"],
    ["select pg_read_file('/file')"],
    ["select pg_logical_emit_message(false, 'a', 'b')"],
    ["select dblink_exec('x', 'y')"],
    ["select f(1)"],
    ["selec 1"],
  ])("may not: %s", (sql) => {
    expect(classify(sql).repeatable).toBe(false);
  });
});

describe("R8: what a reader would accept, and should not", () => {
  it.each([
    ["select pg_advisory_lock(1)", "pg_advisory_lock"],
    ["select pg_advisory_lock_shared(1)", "pg_advisory_lock_shared"],
    ["select pg_try_advisory_lock(1)", "pg_try_advisory_lock"],
    ["select pg_advisory_xact_lock(1)", "pg_advisory_xact_lock"],
    ["select pg_try_advisory_xact_lock_shared(1)", "pg_try_advisory_xact_lock_shared"],
    ["select pg_advisory_unlock(1)", "pg_advisory_unlock"],
    ["select pg_advisory_unlock_all()", "pg_advisory_unlock_all"],
    ["select pg_export_snapshot()", "pg_export_snapshot"],
    ["select setseed(0.1)", "setseed"],
    ["select set_config('a.b', 'c', false)", "set_config"],
    ["select pg_stat_reset()", "pg_stat_reset"],
    ["select pg_terminate_backend(1)", "pg_terminate_backend"],
    ["prepare q as select pg_advisory_lock(1)", "pg_advisory_lock"],
    ["select 1; select pg_advisory_lock(1)", "pg_advisory_lock"],
  ])("%s", (sql, name) => {
    expect(classify(sql).meaninglessOnReader).toBe(name);
  });

  it.each([
    ["select set_config('a.b', 'c', true)"],
    ["set local work_mem = '1MB'"],
    ["select pg_is_in_recovery()"],
    ["select currval('s')"],
    ["select 1"],
  ])("not %s", (sql) => {
    expect(classify(sql).meaninglessOnReader).toBeUndefined();
  });
});

describe("relations and functions that are named", () => {
  it.each([
    ["select * from t, s.u", "s.u t", ""],
    ["with x as (select * from t) select * from x, x y, x.x", "t x.x", ""],
    ["with a as (select * from b), b as (select * from a) select * from b", "b", ""],
    ["with recursive a as (select * from b), b as (select * from a) select * from b", "", ""],
    ["select * from (with a as (select 1) select * from a) z, a", "a", ""],
    ['select * from "T" where "T".id = 1', "T", ""],
    ["insert into t select * from u", "u", "t"],
    ["with t as (select 1) insert into t select * from t", "", "t"],
    ["update t set a = x.a from u x where exists (select 1 from v)", "u v", "t"],
    ["delete from t using u", "u", "t"],
    ["merge into t using u on true when matched then delete", "u", "t"],
    ["with x as (delete from a.t returning *) select * from x, u", "u", "a.t"],
    ["truncate a, b.c", "", "a b.c"],
    ["select * into n from t", "t", "n"],
    ["create table n as select * from t", "t", "n"],
    ["create view n as select * from t", "", "n"],
    ["create table n (id int references t)", "", "n"],
    ["create foreign table n (id int) server x", "", "n"],
    ["drop table a.b, c", "", "a.b c"],
    ["drop trigger x on a.b", "", "a.b"],
    ["drop function f(int)", "", ""],
    ["alter table a.b add c int", "", "a.b"],
    ["alter table t rename to x", "", "t"],
    ["create index on t (a)", "", "t"],
    ["comment on column a.b.c is 'x'", "", "a.b"],
    ["comment on table t is 'x'", "", "t"],
    ["grant select on t, u to x", "", "t u"],
    ["vacuum t, a.u", "", "a.u t"],
    ["refresh materialized view m", "", "m"],
    ["lock table t, u", "", "t u"],
    ["copy t to stdout", "t", ""],
    ["copy t from stdin", "", "t"],
    ["explain insert into t select * from u", "t u", ""],
    ["explain analyze insert into t select * from u", "u", "t"],
    ["select 1 from t for update of t", "t", ""],
    ["select * from t; delete from u; select * from t", "t", "u"],
  ])("%s reads %j, writes %j", (sql, read, written) => {
    const { reads, writes } = classify(sql);
    expect([spelled(reads), spelled(writes)]).toEqual([read, written]);
  });

  it("names each function once, as it is spelled, with what is known of it", () => {
    const sql = "select lower('a'), lower('b'), pg_catalog.lower('c'), nextval('s'), a.f(g())";
    expect(classify(sql).functions).toEqual([
      { name: "lower", knowledge: "harmless", argumentCounts: [1] },
      { schema: "pg_catalog", name: "lower", knowledge: "harmless", argumentCounts: [1] },
      { name: "nextval", knowledge: "writes", argumentCounts: [1] },
      { schema: "a", name: "f", knowledge: "unknown", argumentCounts: [1] },
      { name: "g", knowledge: "unknown", argumentCounts: [0] },
    ]);
  });

  it.each<[sql: string, counts: readonly number[] | undefined]>([
    ["select f()", [0]],
    ["select f(1, 2), f(b => 3)", [2, 1]],
    ["select f(*) from t", [0]],
    ["select f(1), f(variadic array[1])", undefined],
    ["select f(variadic array[1]), f(1)", undefined],
    ["select f(0.5) within group (order by a) from t", undefined],
  ])("tells how many arguments functions are given: %s", (sql, counts) => {
    expect(classify(sql).functions[0]?.argumentCounts).toEqual(counts);
  });

  it("names an operator that is spelled with a schema, and no other", () => {
    expect(classify("select 1 operator(public.##) 2, 1 <-> 2").functions).toEqual([
      { schema: "public", name: "##", knowledge: "unknown" },
    ]);
  });

  it("reports a setting that belongs to a server though another does not", () => {
    const one = "current_setting('work_mem')";
    const other = "current_setting('in_hot_standby')";
    for (const sql of [`select ${one}, ${other}`, `select ${other}, ${one}`]) {
      expect(classify(sql).functions).toEqual([
        { name: "current_setting", knowledge: "server-bound", argumentCounts: [1] },
      ]);
    }
  });

  it("counts a statement as a write when one of its functions is unknown, whatever else it has", () => {
    const { effect, verdict } = classify("select pg_is_in_recovery(), f(1)");
    expect({ effect, verdict }).toEqual({ effect: "write", verdict: "server-bound" });
  });
});

describe("texts", () => {
  it.each(emptyTexts.map((sql) => [sql]))("without a statement may go anywhere: %j", (sql) => {
    expect(gist(sql)).toEqual({ effect: "read", verdict: "empty", reader: true });
  });

  it("of reads alone may go to a reader together", () => {
    expect(gist("select 1; select * from t; show work_mem")).toEqual({
      effect: "read",
      verdict: "plain-read",
      reader: true,
    });
  });

  it("tell their statements by name", () => {
    const { statements } = classify("start transaction; drop view v; select 1; values (1)");
    expect(statements.map(({ command }) => command)).toEqual([
      "START TRANSACTION",
      "DROP VIEW",
      "SELECT",
      "VALUES",
    ]);
    expect(statements[1]?.node).toBe("DropStmt");
  });

  it("that are not strings are a mistake of the caller", () => {
    for (const wrong of [null, undefined, 1, {}, ["select 1"]]) {
      expect(() => classify(wrong as string)).toThrow(TypeError);
    }
    expect(() => classify(null as unknown as string)).toThrow(
      "classify needs the text of a statement, not null.",
    );
  });

  it("are answered with something that nobody can change", () => {
    const { statements, functions, reads } = classify("select lower(b) from t");
    for (const value of [statements, statements[0], functions, functions[0], reads, reads[0]]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
    expect(Object.isFrozen(classify("select 1; select 2"))).toBe(true);
  });
});

function gist(sql: string): Pick<Classification, "effect" | "verdict" | "reader"> {
  const { effect, verdict, reader } = classify(sql);
  return { effect, verdict, reader };
}

function spelled(relations: Classification["reads"]): string {
  const names = relations.map(({ schema, name }) => (schema ? `${schema}.${name}` : name));
  return names.sort().join(" ");
}
