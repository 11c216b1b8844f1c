import { describe, expect, it } from "vitest";
import { maskedText } from "../../src/statements/masked-text.ts";

describe("maskedText", () => {
  it.each([
    ["select 1", "select ?"],
    ["select * from t where a = 'x' and b = $1", "select * from t where a = ? and b = $1"],
    ["select 'it''s', E'it\\'s', N'x', $$x$$, $tag$x$tag$", "select ?, ?, N?, ?, ?"],
    ["select 1.5, 1e9, -7, B'01', X'1f'", "select ?, ?, -?, ?, ?"],
    ['select "x 1" from t1', 'select "x 1" from t1'],
    ["alter user ada password 'secret'", "alter user ada password ?"],
    ["do $$ begin perform secret(1); end $$", "do ?"],
    ["-- of ada@example.com\nselect /* 7 */ 1", "select  ?"],
    ["select 'x'\n 'y'", "select ?\n ?"],
    ["  select true, null; ", "select true, null;"],
    ["", ""],
  ])("of %j is %j", (text, masked) => {
    expect(maskedText(text)).toBe(masked);
  });

  it.each([
    ["a string that never ends", "select 'secret"],
    ["a string that ends elsewhere without standard strings", "select 'it\\' or 'secret'"],
    ["escapes of another kind", "select U&'\\0041' uescape '!'"],
    ["escapes by number", "select E'\\x41'"],
    ["digits that run into a word", "select 1a"],
    ["a character that is in no SQL", "select 'x' \\ 'secret'"],
  ])("of a text with %s is not known", (_what, text) => {
    expect(maskedText(text)).toBeUndefined();
  });

  it("of a long text is its beginning, never a part of a literal", () => {
    const literal = `'${"secret".repeat(10_000)}'`;
    expect(maskedText(`insert into t values (${literal}, 2)`)).toBe("insert into t values (?…");
    const masked = maskedText(`select ${"a, ".repeat(100_000)} 1`);
    expect(masked?.length).toBeLessThan(8_300);
    expect(masked?.endsWith("…")).toBe(true);
  });
});
