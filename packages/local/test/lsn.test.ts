import { expect, test } from "vitest";
import { parseLsn } from "../src/lsn.ts";

test.each([
  ["0/0", 0n],
  ["0/16B3748", 0x16b3748n],
  ["1/0", 1n << 32n],
  ["16/B374D848", 0x16b374d848n],
  ["FFFFFFFF/FFFFFFFF", 2n ** 64n - 1n],
])("%s is position %d", (text, position) => {
  expect(parseLsn(text)).toBe(position);
});

test("positions compare as numbers where their texts compare the other way round", () => {
  expect(parseLsn("10/0") > parseLsn("9/0")).toBe(true);
  expect(parseLsn("0/10000000") > parseLsn("0/9FFFFFF")).toBe(true);
});

test.each(["", "0", "0/", "/0", "0/G", "0/0/0", "0x0/0"])("%j is no position", (text) => {
  expect(() => parseLsn(text)).toThrow(RangeError);
});
