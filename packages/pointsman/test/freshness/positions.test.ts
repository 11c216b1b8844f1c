import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endOfLastRecord, parseLsn } from "../../src/consistency/lsn.ts";
import { covers, later, type Position } from "../../src/consistency/position.ts";

const position = (fields: Partial<Position> = {}): Position => ({
  maker: "wal",
  system: "7",
  timeline: 1,
  at: 100,
  ...fields,
});

describe("a position in the WAL", () => {
  it("is compared as a number, over the boundary of 4 GB too", () => {
    const before = parseLsn("0/FFFFFFF8") as number;
    const behind = parseLsn("1/8") as number;
    expect(behind - before).toBe(16);
    expect("1/8" > "0/FFFFFFF8" && "A/0" > "10/0").toBe(true); // as texts they would not be
    expect((parseLsn("10/0") as number) > (parseLsn("A/0") as number)).toBe(true);
  });

  it("is the number of bytes that PostgreSQL counts", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 21 - 1), fc.nat(2 ** 32 - 1), (high, low) => {
        const text = `${high.toString(16).toUpperCase()}/${low.toString(16).toUpperCase()}`;
        expect(BigInt(parseLsn(text) as number)).toBe((BigInt(high) << 32n) + BigInt(low));
      }),
    );
  });

  it.each([null, undefined, "", "0", "/", "0/", "0/G", "123456789/0", "FFFFFFFF/FFFFFFFF"])(
    "is none in %o",
    (text) => {
      expect(parseLsn(text)).toBeUndefined();
    },
  );

  it.each([
    ["in the middle of a page", 3 * 8192 + 100, 3 * 8192 + 100],
    ["behind the header of a page", 3 * 8192 + 24, 3 * 8192],
    ["behind the header of a segment", 16 * 2 ** 20 + 40, 16 * 2 ** 20],
    ["behind a short record on a page", 3 * 8192 + 40, 3 * 8192 + 40],
    ["behind 24 bytes of a segment", 16 * 2 ** 20 + 24, 16 * 2 ** 20 + 24],
  ])("%s ends where the last record ends", (_where, at, end) => {
    expect(endOfLastRecord(at, 16 * 2 ** 20)).toBe(end);
  });
});

describe("R13: a position", () => {
  it.each([
    ["of another maker", { maker: "xid" }],
    ["of another system", { system: "8" }],
    ["of an older timeline", { timeline: 0 }],
    ["of a newer timeline", { timeline: 2 }],
  ] as const)("proves nothing for one %s", (_name, fields) => {
    expect(covers(position({ at: 1000, ...fields }), position())).toBe(false);
  });

  it("proves what is before it, and itself", () => {
    expect(covers(position(), position({ at: 100 }))).toBe(true);
    expect(covers(position(), position({ at: 101 }))).toBe(false);
    expect(covers(undefined, position())).toBe(false);
  });

  it("of a newer timeline is later, wherever it is", () => {
    const newer = position({ timeline: 2, at: 1 });
    expect(later(position(), newer)).toBe(newer);
    expect(later(newer, position())).toBe(newer);
  });

  it("is not comparable with one of another maker or system", () => {
    expect(later(position(), position({ system: "8" }))).toBeUndefined();
    expect(later(position(), position({ maker: "xid" }))).toBeUndefined();
  });
});
