import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { type Operation, shows, type Write } from "./history.ts";
import { type Deed, simulate, type Turn } from "./simulated-run.ts";
import { totalOf } from "./violation.ts";

const register = fc.constantFrom("r1", "r2");
const list = fc.constantFrom("l1", "l2");
const keys = fc.uniqueArray(fc.oneof(register, list), { minLength: 1, maxLength: 3 });

const deeds = (largestLag: number): fc.Arbitrary<Deed> =>
  fc.oneof(
    fc.record({ kind: fc.constant("set" as const), key: register }),
    fc.record({ kind: fc.constant("append" as const), key: list }),
    {
      arbitrary: fc.record({ kind: fc.constant("read" as const), keys, lag: fc.nat(largestLag) }),
      weight: 3,
    },
    fc.record({ kind: fc.constant("handoff" as const), from: fc.nat(2) }),
  );

const turns = (largestLag: number, minLength = 0): fc.Arbitrary<Turn[]> =>
  fc.array(fc.record({ lane: fc.nat(5), deed: deeds(largestLag) }), {
    minLength,
    maxLength: 240,
    size: "max",
  });

/** Reads-your-writes as one would write it down, in the square of the time. */
function staleReads(history: readonly Operation[]): number {
  const writes = history.filter((one) => one.kind === "write");
  return history
    .flatMap((read) => (read.kind === "read" ? read.sights.map((sight) => ({ read, sight })) : []))
    .filter(({ read, sight }) =>
      writes.some(
        (write: Write) =>
          write.session === read.session &&
          write.completed < read.invoked &&
          write.changes.some((change) => change.key === sight.key && !shows(sight, change)),
      ),
    ).length;
}

const withoutHandoffs = (all: readonly Turn[]): Turn[] =>
  all.filter(({ deed }) => deed.kind !== "handoff");

describe("the checker", () => {
  it("finds nothing wrong with a single copy", () => {
    fc.assert(
      fc.property(turns(0), (all) => {
        expect(check(simulate(all, false)).violations).toEqual([]);
      }),
    );
  });

  it("finds nothing wrong with lagging copies that are only read when they have enough", () => {
    fc.assert(
      fc.property(turns(20), (all) => {
        expect(check(simulate(all, true)).violations).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("finds each read that lacks a write of its own session", () => {
    fc.assert(
      fc.property(turns(5), (all) => {
        const history = simulate(withoutHandoffs(all), false);
        expect(check(history).counts["read-your-writes"]).toBe(staleReads(history));
      }),
      { numRuns: 150 },
    );
  });

  it("finds violations in nearly every long run on lagging copies without a guard", () => {
    const runs = fc.sample(turns(20, 200), { numRuns: 100, seed: 1 });
    const guilty = runs.filter((all) => totalOf(check(simulate(all, false))) > 0);
    expect(guilty.length).toBeGreaterThan(95);
  });
});
