import { describe, expect, test } from "vitest";
import { fitted, printable, widthOf } from "../../src/top/text-width.ts";
import {
  bar,
  countText,
  durationText,
  quantileText,
  shareText,
  uptimeText,
} from "../../src/top/units.ts";

describe("text", () => {
  test.each([
    ["abc", 3],
    ["表の", 4],
    ["e\u0301", 1],
    ["한국", 4],
    ["🚂", 2],
    ["ＡＢ", 4],
    ["…█▏", 3],
  ])("%s takes %i columns", (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test("is printable when it steers nothing", () => {
    expect(printable("a\x1b[31mb\x00\x9bc\u202ed\ne \ud800f\ufe0f")).toBe("a [31mb c d e f");
  });

  test.each([
    ["abc", 5, "left", "end", "abc  "],
    ["abc", 5, "right", "end", "  abc"],
    ["abcdef", 4, "left", "end", "abc…"],
    ["abcdefghij", 7, "left", "middle", "abcd…ij"],
    ["表の名", 4, "left", "end", "表… "],
    ["abc", 0, "left", "end", ""],
    ["abc", 1, "left", "middle", "…"],
  ] as const)("%s in %i columns (%s, %s)", (text, width, align, cut, expected) => {
    expect(fitted(text, width, align, cut)).toBe(expected);
  });
});

describe("units", () => {
  test.each([
    [undefined, "-"],
    [0, "0"],
    [0.01, "<0.1"],
    [0.44, "0.4"],
    [9.94, "9.9"],
    [9.96, "10"],
    [1234, "1234"],
    [12_345, "12k"],
    [999_499, "999k"],
    [1_234_567, "1.2M"],
  ])("a count of %s", (count, text) => {
    expect(countText(count)).toBe(text);
  });

  test.each([
    [undefined, "-"],
    [0, "0 ms"],
    [0.42, "0.42 ms"],
    [4.21, "4.2 ms"],
    [421, "421 ms"],
    [4210, "4.2 s"],
    [42_100, "42 s"],
    [420_000, "7 min"],
    [36_000_000, "10 h"],
  ])("a duration of %s ms", (millis, text) => {
    expect(durationText(millis)).toBe(text);
  });

  test("a quantile above all bounds is more than the last", () => {
    expect(quantileText({ seconds: 30, isMore: true })).toBe(">30 s");
  });

  test.each([
    [0, "0 %"],
    [0.001, "<1 %"],
    [0.006, "1 %"],
    [1, "100 %"],
  ])("a share of %s", (share, text) => {
    expect(shareText(share)).toBe(text);
  });

  test.each([
    [0, "0 s"],
    [59_999, "59 s"],
    [61_000, "1 min 1 s"],
    [3_600_000, "1 h"],
    [90_061_000, "1 d 1 h"],
    [86_460_000, "1 d"],
  ])("%i ms there", (millis, text) => {
    expect(uptimeText(millis)).toBe(text);
  });

  test.each([
    [0, ""],
    [0.0001, "▏"],
    [0.5, "██"],
    [0.59, "██▍"],
    [2, "████"],
  ])("a bar of %s in 4 columns", (share, text) => {
    expect(bar(share, 4)).toBe(text);
  });
});
