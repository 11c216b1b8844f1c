import { describe, expect, it } from "vitest";
import { classify } from "../../src/statements/classify.ts";

describe("R1: a hint", () => {
  it.each([
    ["/* pointsman:writer */ select 1", "writer"],
    ["/*pointsman:reader*/select 1", "reader"],
    [" \n\t/*\n pointsman:writer\n*/ select 1", "writer"],
    ["-- pointsman:reader\nselect 1", "reader"],
    ["--pointsman:writer\r\nselect 1", "writer"],
    ["/* pointsman:writer */ insert into t values (1); select 1", "writer"],
    ["/* traceparent='00-1-2-01' */ /* pointsman:writer */ select 1", "writer"],
    ["/* pointsman:reader */ /* action='x' */ select 1", "reader"],
    ["/* pointsman:reader */ /* pointsman:writer */ select 1", "writer"],
    ["/* pointsman:writer */ -- pointsman:reader\nselect 1", "writer"],
    ["/* a /* nested */ comment */ /* pointsman:reader */ select 1", "reader"],
  ])("is the whole of a leading comment: %j", (sql, hint) => {
    expect(classify(sql).hint).toBe(hint);
  });

  it.each([
    ["select 1 /* pointsman:writer */"],
    ["select /* pointsman:writer */ 1"],
    ["select 1 -- pointsman:writer"],
    ["/* foo pointsman:writer */ select 1"],
    ["/* pointsman:writer foo */ select 1"],
    ["/* /* pointsman:writer */ */ select 1"],
    ["/*/* pointsman:writer */*/ select 1"],
    ["-- x pointsman:writer\nselect 1"],
    ["-- /* pointsman:writer */\nselect 1"],
    ["select '/* pointsman:writer */'"],
    ["'/* pointsman:writer */'"],
    ["; /* pointsman:writer */ select 1"],
    ["/* pointsman:nowhere */ select 1"],
    ["/* constructor */ select 1"],
    ["/* Pointsman:Writer */ select 1"],
    ["/* pointsman:writer"],
    ["select 1"],
    [""],
  ])("is nothing else: %j", (sql) => {
    expect(classify(sql).hint).toBeUndefined();
  });

  it("changes no verdict", () => {
    const { hint, verdict, reader } = classify("/* pointsman:reader */ insert into t values (1)");
    expect({ hint, verdict, reader }).toEqual({
      hint: "reader",
      verdict: "data-change",
      reader: false,
    });
  });
});
