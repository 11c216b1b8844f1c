import { describe, expect, it } from "vitest";
import {
  commentOf,
  endsWithTags,
  type SqlTags,
  withComment,
} from "../../src/statements/sql-comment.ts";

describe("commentOf", () => {
  it.each<[string, SqlTags, string]>([
    ["one tag", { route: "/books" }, "/*route='%2Fbooks'*/"],
    ["several, sorted by name", { b: "2", a: "1", c: 3 }, "/*a='1',b='2',c='3'*/"],
    ["a boolean", { cached: false }, "/*cached='false'*/"],
    ["what is undefined is left out", { a: undefined, b: "1" }, "/*b='1'*/"],
    ["nothing", {}, ""],
    ["nothing but undefined", { a: undefined }, ""],
    ["a quote", { a: "it's" }, "/*a='it%27s'*/"],
    [
      "the end of a comment",
      { a: "*/ drop table t; --" },
      "/*a='%2A%2F%20drop%20table%20t%3B%20--'*/",
    ],
    ["the beginning of one", { a: "/*" }, "/*a='%2F%2A'*/"],
    ["the end of a line", { a: "x\ny" }, "/*a='x%0Ay'*/"],
    ["names that are none of SQL's", { "*/x='": "1" }, "/*%2A%2Fx%3D%27='1'*/"],
    ["half a character", { a: "x\ud800" }, "/*a='x%EF%BF%BD'*/"],
    ["the spec's example", { "route--*/": "/polls 1000" }, "/*route--%2A%2F='%2Fpolls%201000'*/"],
  ])("writes %s", (_what, tags, comment) => {
    expect(commentOf(tags)).toBe(comment);
  });

  it.each([null, [], "a", 1, () => ({}), new Date(), { a: {} }, { a: Number.NaN }, { "": "a" }])(
    "refuses %o",
    (tags) => {
      expect(() => commentOf(tags as unknown as SqlTags)).toThrow(TypeError);
    },
  );
});

describe("withComment", () => {
  it.each([
    ["select 1", "select 1 /*a='1'*/"],
    ["select 1;", "select 1; /*a='1'*/"],
    ["select 1 -- one", "select 1 -- one\n/*a='1'*/"],
    ["select '--'", "select '--'\n/*a='1'*/"],
    ["-- one\nselect 1", "-- one\nselect 1 /*a='1'*/"],
    ["select 1 -- one\r", "select 1 -- one\r /*a='1'*/"],
  ])("puts it behind %j", (sql, commented) => {
    expect(withComment(sql, "/*a='1'*/")).toBe(commented);
  });
});

describe("endsWithTags", () => {
  it.each([
    ["select 1 /*a='1'*/", true],
    ["select 1 /*a='1',b='x%27'*/  \n", true],
    ["select 1 /* a='1', b='it\\'s' */", true],
    ["/*a='1'*/ select 1", false],
    ["select 1 /* of Ann */", false],
    ["select 1 /* a='1' of Ann */", false],
    ["select 1 /**/", false],
    ["select 1", false],
  ])("tells of %j", (sql, expected) => {
    expect(endsWithTags(sql)).toBe(expected);
  });
});
