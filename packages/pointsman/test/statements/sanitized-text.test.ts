import { describe, expect, test } from "vitest";
import { sanitizedText } from "../../src/statements/sanitized-text.ts";

test.each([
  ["select 1", "select ?"],
  [
    "select * from t where a = 'x' and b = 1.5 and c = $1",
    "select * from t where a = ? and b = ? and c = $1",
  ],
  ["select 'it''s', E'a\\'b', B'01', X'1f', $$a 'b'$$, $q$c$q$", "select ?, ?, ?, ?, ?, ?"],
  ["insert into t values (1, -2, 3e5)", "insert into t values (?, -?, ?)"],
  ['select "a 1", t1.c2 from "T" limit 10', 'select "a 1", t1.c2 from "T" limit ?'],
  ["create role app password 'secret'", "create role app password ?"],
  ["/* user 7 */ select 1 -- for Ada\n", "select ?"],
  ["select a/* secret */from t", "select a from t"],
  ["select a /* secret */ from t", "select a  from t"],
  ["select N'x'", "select N?"],
  ["do $$ begin perform secret(1); end $$", "do ?"],
  ["  select true, null; ", "select true, null;"],
  ["begin", "begin"],
  ["", ""],
])("%s is shown as %s", (sql, shown) => {
  expect(sanitizedText(sql)).toBe(shown);
});

describe("of what is not read with certainty nothing is shown:", () => {
  test.each([
    ["a string that never ends", "select 'secret"],
    ["a comment that never ends", "select 1 /* secret"],
    ["a string that goes on in the next line", "select E'a'\n'b\\'secret'"],
    ["a string with a comment in its middle", "select 'a' -- b\n'c'"],
    ["a string that ends elsewhere by an older setting", "select 'a\\' || secret || 'b'"],
    ["a string with escapes of its own", "select U&'\\0061secret'"],
    ["a number that drivers do not spell", "select 0x1f"],
    ["digits that run into a word", "select 1a"],
    ["a character that is in no SQL", "select 'x' \\ 'secret'"],
    ["a text that is very long", `select '${"x".repeat(70_000)}'`],
  ])("%s", (_, sql) => {
    expect(sanitizedText(sql)).toBeUndefined();
  });
});
