import { describe, expect, it } from "vitest";
import { Line } from "../../src/consistency/line.ts";
import type { Position } from "../../src/consistency/position.ts";

const at = (lsn: number, fields: Partial<Position> = {}): Position => ({
  maker: "wal",
  system: "7",
  timeline: 1,
  at: lsn,
  ...fields,
});

describe("R14: a line", () => {
  it("waits from the moment a write is sent until its position is known", () => {
    const line = new Line();
    const mark = line.begin();
    expect(line.pending).toBe(true);
    line.settle(at(100), mark);
    expect([line.pending, line.position]).toEqual([false, at(100)]);
  });

  it("waits for all writes that are under way", () => {
    const line = new Line();
    const [first, second] = [line.begin(), line.begin()];
    line.settle(at(200), second);
    expect(line.pending).toBe(true);
    line.settle(at(100), first);
    expect([line.pending, line.position]).toEqual([false, at(200)]);
  });

  it("is as before behind a write that has changed nothing", () => {
    const line = new Line();
    line.settle("nothing", line.begin());
    expect([line.pending, line.unknown, line.position, line.writes]).toEqual([
      false,
      false,
      undefined,
      0,
    ]);
  });

  it("tells those who wait when nothing is under way any more", async () => {
    const line = new Line();
    const mark = line.begin();
    let settled = false;
    const waiting = line.settled().then(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBe(false);
    line.settle(at(1), mark);
    await waiting;
    expect(settled).toBe(true);
  });
});

describe("a position that was lost", () => {
  it("leaves the line to the writer until one is known that was asked later", () => {
    const line = new Line();
    const asked = line.begin();
    const lost = line.begin();
    line.settle("lost", lost);
    line.settle(at(100), asked); // asked before the other one was lost: it may not cover it
    expect(line.unknown).toBe(true);
    line.settle(at(150), line.begin());
    expect([line.unknown, line.position]).toEqual([false, at(150)]);
  });

  it("is covered by a question that is no write", () => {
    const line = new Line();
    line.lose();
    line.cover(at(10), line.mark);
    expect(line.unknown).toBe(false);
  });
});

describe("a line that must see several things", () => {
  it("must see the later one", () => {
    const line = new Line();
    line.raise(at(100));
    line.raise(at(50));
    expect(line.position).toEqual(at(100));
    line.raise(at(10, { timeline: 2 }));
    expect(line.position).toEqual(at(10, { timeline: 2 }));
  });

  it("must see what the writer tells now, where that is of another kind than before", () => {
    const line = new Line();
    line.raise(at(100));
    const xid = at(7, { maker: "xid" });
    line.settle(xid, line.begin());
    expect([line.unknown, line.position]).toEqual([false, xid]);
  });

  it("asks the writer where they cannot be compared", () => {
    const line = new Line();
    line.raise(at(100));
    line.raise(at(100, { system: "8" }));
    expect([line.unknown, line.position]).toEqual([true, at(100)]);
  });

  it("keeps the longest window where there are no positions", () => {
    const line = new Line();
    line.openWindow(60_000);
    line.openWindow(10);
    expect(line.windowMillis).toBeGreaterThan(50_000);
  });
});
