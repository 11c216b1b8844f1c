import { classify } from "pointsman";
import { describe, expect, it } from "vitest";
import { visibleEffects } from "../../src/consistency/effects.ts";

const effectsOf = (sql: string, ...ignored: string[]) =>
  visibleEffects(classify(sql), new Set(ignored));

describe("what a statement does to what others see", () => {
  it.each([
    ["insert into t values (1)", { writes: true, commits: false, allOrNothing: true }],
    ["select nextval('s')", { writes: true, allOrNothing: true }],
    ["select my_function()", { writes: true, allOrNothing: true }],
    ["copy t from stdin", { writes: true }],
    ["create table t ()", { writes: true, allOrNothing: true }],
    ["create index concurrently on t (a)", { writes: true, allOrNothing: false }],
    ["vacuum t", { writes: true, allOrNothing: false }],
    ["call p()", { writes: true, commits: true, allOrNothing: false }],
    ["do $$ begin null; end $$", { writes: true, commits: true, allOrNothing: false }],
    ["commit", { writes: false, commits: true }],
    ["commit and chain", { writes: false, commits: true }],
    ["commit prepared 'x'", { writes: false, commits: true }],
    ["rollback", { writes: false, commits: false, rollsBack: true }],
    ["rollback and chain", { rollsBack: false }],
    ["begin", { writes: false, commits: false, begins: true }],
    [
      "begin; insert into t values (1); commit",
      { writes: true, commits: true, allOrNothing: false },
    ],
    ["insert into t values (1); insert into t values (2)", { writes: true, allOrNothing: false }],
    ["select 1", { writes: false, commits: false, reads: true }],
    ["select * from t for update", { writes: false, commits: false, reads: true }],
    ["select f() from t for update", { writes: true }],
    ["show timezone", { writes: false, commits: false }],
    ["listen news", { writes: false, listens: true }],
    ["select from from", { writes: true, commits: true, allOrNothing: false }],
    ["", { writes: false, commits: false }],
  ])("%s", (sql, expected) => {
    expect(effectsOf(sql)).toMatchObject(expected);
  });

  it("of a text that cannot be seen may be anything", () => {
    expect(visibleEffects(undefined, new Set())).toMatchObject({ writes: true, commits: true });
  });
});

describe("R18: a write to tables that need not be seen", () => {
  it.each([
    ["insert into log values (1)", true],
    ["insert into audit.log values (1)", true],
    ["update audit.events set n = 1", true],
    ["update events set n = 1", false],
    ["with i as (insert into log values (1) returning *) select * from i", false],
    ["insert into log select f()", false],
    ["insert into log select nextval('s')", false],
    ["insert into log values (1); insert into books values (1)", false],
    ["insert into log values (1); commit", false],
  ])("%s: %s", (sql, ignored) => {
    expect(effectsOf(sql, "log", "audit.events").writes).toBe(!ignored);
  });
});
