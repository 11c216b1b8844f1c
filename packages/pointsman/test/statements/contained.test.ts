import { describe, expect, it } from "vitest";
import { classify } from "../../src/statements/classify.ts";
import { mayLeaveState } from "../../src/statements/session-state.ts";

const block = (body: string): string => `do $$ begin ${body} end $$`;

/** What Sequelize sends for findOrCreate, with another body and another end. */
const temporary = (
  body = "insert into t values (1) returning * into answer;",
  end = "drop function if exists pg_temp.f()",
): string =>
  `create or replace function pg_temp.f(out answer t, out problem text) returns record as $f$
   begin ${body} exception when unique_violation then
   get stacked diagnostics problem = pg_exception_detail; end $f$ language plpgsql;
   select (f.answer).id, f.problem from pg_temp.f(); ${end}`;

describe("code that can be looked into", () => {
  it.each([
    [block("create type mood as enum ('sad'); exception when duplicate_object then null;")],
    [block("if not exists (select from t) then insert into t values (1); end if;")],
    [block("set local work_mem = '1MB'; perform set_config('a.b', 'c', true);")],
    [block("perform pg_advisory_xact_lock(1);")],
    ["do language plpgsql 'begin delete from t; end'"],
    [`select 1; ${block("delete from t;")}; update t set a = 1`],
    [temporary()],
    [temporary(undefined, "drop function pg_temp.f")],
    [temporary(undefined, "drop function pg_temp.g(), pg_temp.f()")],
  ])("leaves nothing on its connection: %s", (sql) => {
    expect(mayLeaveState(classify(sql))).toBe(false);
    expect(classify(sql)).toMatchObject({ reader: false, session: [] });
  });

  it.each([
    ["makes its text", block("execute 'set a.b = 1';")],
    ["sets", block("set a.b = 'c';")],
    ["sets by a function", block("perform set_config('a.b', 'c', false);")],
    ["sets where it tests", block("if set_config('a.b', 'c', false) = 'c' then null; end if;")],
    ["locks", block("perform pg_advisory_lock(1);")],
    ["makes a temporary table", block("create temp table x ();")],
    ["listens", block("listen x;")],
    ["calls a procedure", block("call p();")],
    ["commits", block("commit;")],
    ["cannot be parsed", block("nonsense here;")],
    ["has a statement that cannot be parsed", block("create nonsense;")],
    ["is in another language", "do language plpython3u 'import os'"],
    ["stands beside what sets", `${block("delete from t;")}; set a.b = 'c'`],
    ["stands beside a block that sets", `${block("null;")}; ${block("set a.b = 'c';")}`],
    ["stands in a transaction of its text", `begin; ${block("delete from t;")}; commit`],
    ["holds a block that sets", block(`do $a$ begin set a.b = 'c'; end $a$;`)],
    ["is not dropped", temporary(undefined, "")],
    ["is another function's drop", temporary(undefined, "drop function pg_temp.g()")],
    ["is a drop elsewhere", temporary(undefined, "drop function public.f()")],
    ["is a drop of other arguments", temporary(undefined, "drop function pg_temp.f(int)")],
    ["is a temporary function that sets", temporary("set a.b = 'c';")],
    ["may be brought back", `savepoint a; ${temporary()}; rollback to a`],
    ["is dropped before", `drop function if exists pg_temp.f(); ${temporary(undefined, "")}`],
    ["has arguments", temporary().replace("(out answer", "(x int, out answer")],
    [
      "is in SQL",
      "create function pg_temp.f() returns int language sql as 'select 1'; drop function pg_temp.f()",
    ],
    ["is a call of a procedure", "call p()"],
    ["is unparsable", "nonsense"],
  ])("may leave something where it %s", (_what, sql) => {
    expect(mayLeaveState(classify(sql))).toBe(true);
  });

  it("stays what it is: a procedure that may write, and that is not sent twice", () => {
    expect(classify(block("delete from t;"))).toMatchObject({
      effect: "write",
      verdict: "procedure",
      repeatable: false,
    });
    expect(classify(block("delete from t;"))).not.toHaveProperty("contained");
  });
});
