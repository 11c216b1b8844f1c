import { describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { append, at, has, set, Told } from "./told.ts";
import { formatViolation } from "./violation.ts";

/** The guarantees that a history breaks, by how often. */
function broken(told: Told): Record<string, number> {
  const { counts } = check(told.operations);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

const fine = {};

describe("read-your-writes", () => {
  it("holds when a session sees its version, or a later one", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .read(1, [at("r", 1)])
      .write(2, [set("r", 2)])
      .read(1, [at("r", 2)]);
    expect(broken(told)).toEqual(fine);
  });

  it("is broken by a version from before", () => {
    const told = new Told().write(1, [set("r", 1)]).read(1, [at("r", 0)]);
    expect(broken(told)).toEqual({ "read-your-writes": 1 });
  });

  it("is broken by a list without the session's element", () => {
    const told = new Told().write(1, [append("l", 10)]).read(1, [has("l")]);
    expect(broken(told)).toEqual({ "read-your-writes": 1 });
  });

  it("says nothing of other sessions", () => {
    const told = new Told()
      .write(1, [set("r", 1), append("l", 10)])
      .read(2, [at("r", 0), has("l")]);
    expect(broken(told)).toEqual(fine);
  });

  it("says nothing of reads that were sent before the write was acknowledged", () => {
    const told = new Told().write(1, [set("r", 1)]).during((told) => told.read(1, [at("r", 0)]));
    expect(broken(told)).toEqual(fine);
  });

  it("says nothing of writes that failed, and of those whose outcome is unknown", () => {
    const told = new Told()
      .write(1, [append("l", 10)], "failed")
      .write(1, [append("l", 11)], "unknown")
      .read(1, [has("l")]);
    expect(broken(told)).toEqual(fine);
  });

  it("is broken inside a transaction that does not see what it has written", () => {
    const told = new Told()
      .read(1, [at("r", 0)], [set("r", 1)])
      .read(1, [has("l", 1)], [append("l", 1), append("l", 2)]);
    expect(broken(told)).toEqual({ "read-your-writes": 2 });
  });

  it("does not hold a session to what a transaction saw of itself and rolled back", () => {
    const told = new Told()
      .read(1, [at("r", 1)], [set("r", 1)])
      .read(1, [has("l", 1)], [append("l", 1)])
      .write(1, [set("r", 1), append("l", 1)], "failed")
      .read(1, [at("r", 0)])
      .read(1, [has("l")]);
    expect(broken(told)).toEqual(fine);
  });

  it("goes along with a token", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .handoff(1, 2)
      .read(2, [at("r", 0)]);
    expect(broken(told)).toEqual({ "read-your-writes": 1 });
  });

  it("does not go along with a token that is older than the write", () => {
    const told = new Told()
      .handoff(1, 2)
      .during((told) => told.write(1, [set("r", 1)]))
      .read(2, [at("r", 0)]);
    expect(broken(told)).toEqual(fine);
  });
});

describe("monotonic-reads", () => {
  const written = () => new Told().write(1, [set("r", 1), append("l", 10)]);

  it("holds when a session goes on seeing what it has seen", () => {
    const told = written()
      .read(2, [at("r", 1), has("l", 10)])
      .read(2, [at("r", 1), has("l", 10)]);
    expect(broken(told)).toEqual(fine);
  });

  it("is broken by a version that is older than one seen before", () => {
    const told = written()
      .read(2, [at("r", 1)])
      .read(2, [at("r", 0)]);
    expect(broken(told)).toEqual({ "monotonic-reads": 1 });
  });

  it("is broken by an element that is gone", () => {
    const told = written()
      .read(2, [has("l", 10)])
      .read(2, [has("l")]);
    expect(broken(told)).toEqual({ "monotonic-reads": 1 });
  });

  it("says nothing of two sessions that see one after the other", () => {
    const told = written()
      .read(2, [at("r", 1)])
      .read(3, [at("r", 0)]);
    expect(broken(told)).toEqual(fine);
  });

  it("says nothing of reads that overlap", () => {
    const told = written().read(2, [at("r", 1)]);
    told.during((told) => told.read(2, [at("r", 0)]));
    expect(broken(told)).toEqual(fine);
  });

  it("goes along with a token", () => {
    const told = written()
      .read(2, [at("r", 1)])
      .handoff(2, 3)
      .read(3, [at("r", 0)]);
    expect(broken(told)).toEqual({ "monotonic-reads": 1 });
  });

  it("is not made up for by a token that knows less", () => {
    const told = written()
      .read(2, [at("r", 1)])
      .handoff(3, 2)
      .read(2, [at("r", 0)]);
    expect(broken(told)).toEqual({ "monotonic-reads": 1 });
  });
});

describe("monotonic-writes", () => {
  it("holds for a list that has a session's first elements only", () => {
    const told = new Told()
      .write(1, [append("l", 10)])
      .write(1, [append("l", 11)])
      .read(2, [has("l", 10)]);
    expect(broken(told)).toEqual(fine);
  });

  it("is broken by a list with a session's later element and without its earlier one", () => {
    const told = new Told()
      .write(1, [append("l", 10)])
      .write(1, [append("l", 11)])
      .read(2, [has("l", 11)]);
    expect(broken(told)).toEqual({ "monotonic-writes": 1 });
  });

  it("is broken by a snapshot of two keys with a session's later write alone", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .write(1, [append("l", 10)])
      .read(2, [at("r", 0), has("l", 10)]);
    expect(broken(told)).toEqual({ "monotonic-writes": 1 });
  });

  it("is broken by two reads, the second of which lacks the earlier write", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .write(1, [set("q", 1)])
      .read(2, [at("q", 1)])
      .read(2, [at("r", 0)]);
    expect(broken(told)).toEqual({ "monotonic-writes": 1 });
  });

  it("says nothing of a key that was read before the later write was seen", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .write(1, [set("q", 1)])
      .read(2, [at("r", 0)])
      .read(2, [at("q", 1)]);
    expect(broken(told)).toEqual(fine);
  });

  it("says nothing of writes that overlap", () => {
    const told = new Told().write(1, [append("l", 10)]);
    told.during((told) => told.write(1, [append("l", 11)])).read(2, [has("l", 11)]);
    expect(broken(told)).toEqual(fine);
  });
});

describe("writes-follow-reads", () => {
  const answered = () =>
    new Told()
      .write(1, [append("l", 10)])
      .read(2, [has("l", 10)])
      .write(2, [append("l", 20), set("r", 1)]);

  it("holds for a list that has the answer together with what it answers", () => {
    expect(broken(answered().read(3, [has("l", 10, 20)]))).toEqual(fine);
  });

  it("is broken by a list that has an answer without what it answers", () => {
    expect(broken(answered().read(3, [has("l", 20)]))).toEqual({ "writes-follow-reads": 1 });
  });

  it("is broken by a snapshot of two keys", () => {
    const told = answered().read(3, [at("r", 1), has("l")]);
    expect(broken(told)).toEqual({ "writes-follow-reads": 1 });
  });

  it("is broken by a version of a register that was read as a later one", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .write(1, [set("r", 2)])
      .read(2, [at("r", 2)])
      .write(2, [set("q", 1)])
      .read(3, [at("q", 1), at("r", 1)]);
    expect(broken(told)).toEqual({ "writes-follow-reads": 1 });
  });
});

describe("never-back-in-time", () => {
  const unrelated = () => new Told().write(1, [set("r", 1)]).write(2, [set("q", 1)]);

  it("is broken by who has seen a write, and then lacks one that nobody ties to it", () => {
    const told = unrelated()
      .read(3, [at("q", 1)])
      .read(3, [at("r", 0)]);
    expect(broken(told)).toEqual({ "never-back-in-time": 1 });
  });

  it("is broken by who has written itself, and then lacks what was acknowledged before", () => {
    const told = unrelated().read(2, [at("r", 0)]);
    expect(broken(told)).toEqual({ "never-back-in-time": 1 });
  });

  it("counts from when a write was sent, also one below the version that was seen", () => {
    const told = new Told().write(1, [set("q", 2)]);
    told.during((told) => told.write(2, [set("r", 1)]).write(3, [set("q", 1)]));
    told.read(4, [at("q", 2)]).read(4, [at("r", 0)]);
    expect(broken(told)).toEqual({ "never-back-in-time": 1 });
  });

  it("says nothing of a write that was sent before the other was acknowledged", () => {
    const told = new Told().write(2, [set("q", 1)]);
    told.during((told) => told.write(1, [set("r", 1)]));
    told.read(3, [at("q", 1)]).read(3, [at("r", 0)]);
    expect(broken(told)).toEqual(fine);
  });

  it("goes along with a token", () => {
    const told = unrelated()
      .read(3, [at("q", 1)])
      .handoff(3, 4)
      .read(4, [at("r", 0)]);
    expect(broken(told)).toEqual({ "never-back-in-time": 1 });
  });
});

describe("single-copy", () => {
  it("is broken by what nobody has written", () => {
    const told = new Told().read(1, [at("r", 1), has("l", 10)]);
    expect(broken(told)).toEqual({ "single-copy": 2 });
  });

  it("is broken by what was rolled back", () => {
    const told = new Told().write(1, [append("l", 10)], "failed").read(2, [has("l", 10)]);
    expect(broken(told)).toEqual({ "single-copy": 1 });
  });

  it("is broken by a version that two writes were given", () => {
    const told = new Told().write(1, [set("r", 1)]).write(2, [set("r", 1)]);
    expect(broken(told)).toEqual({ "single-copy": 1 });
  });

  it("lets writes whose outcome is unknown have been done", () => {
    const unknown = { kind: "set", key: "r", version: undefined } as const;
    const told = new Told()
      .write(1, [unknown, append("l", 10)], "unknown")
      .read(2, [at("r", 1), has("l", 10)]);
    expect(broken(told)).toEqual(fine);
  });
});

describe("a verdict", () => {
  const stale = () => new Told().write(1, [set("r", 1)]).read(1, [at("r", 0)]);

  it("tells a violation in words, with the operations that show it", () => {
    const [violation] = check(stale().operations).violations;
    expect(violation && formatViolation(violation)).toBe(
      [
        "read-your-writes: session 1 did not see r version 1, which it had written before.",
        "    1-2  session 1 in process 0 wrote r version 1 (acknowledged)",
        "    3-4  session 1 in process 0 read r version 0",
      ].join("\n"),
    );
  });

  it("tells by what the session had seen what it should not have seen yet", () => {
    const told = new Told()
      .write(1, [set("r", 1)])
      .write(1, [set("q", 1)])
      .read(2, [at("q", 1)])
      .read(2, [at("r", 0)]);
    expect(check(told.operations).violations[0]?.operations).toEqual(told.operations);
  });

  it("counts all violations, and tells the first of them", () => {
    const told = stale()
      .read(1, [at("r", 0)])
      .read(1, [at("r", 0)]);
    const { counts, violations } = check(told.operations, 2);
    expect([counts["read-your-writes"], violations.length]).toEqual([3, 2]);
  });

  it("does not depend on the order in which a history is written down", () => {
    const { operations } = stale();
    expect(check(operations.toReversed()).counts).toEqual(check(operations).counts);
  });

  it("has the numbers of operations and sessions", () => {
    const told = stale().read(2, [at("r", 0)]);
    expect(check(told.operations)).toMatchObject({ operations: 3, sessions: 2 });
  });
});
