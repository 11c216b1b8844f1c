import { describe, expect, test } from "vitest";
import { figuresOf } from "../../src/top/figures.ts";
import { History } from "../../src/top/history.ts";
import { increaseOf } from "../../src/top/increase.ts";
import { quantileOf } from "../../src/top/quantile.ts";
import type { Part, Reading, Sample } from "../../src/top/reading.ts";

const sample = (name: string, value: number, labels: Sample["labels"] = {}): Sample => ({
  name: `pointsman_${name}`,
  labels,
  value,
});

const part = (id: string, uptimeMs: number, samples: readonly Sample[]): Part => ({
  id,
  pid: Number(id),
  pool: "w:1/shop",
  uptimeMs,
  samples,
});

const reading = (at: number, ...parts: readonly Part[]): Reading => ({
  at,
  parts,
  silent: [],
  leftOut: [],
});

describe("quantiles", () => {
  const buckets = (counts: Record<string, number>): Sample[] =>
    Object.entries(counts).map(([le, value]) => sample("x_bucket", value, { le }));

  test.each([
    ["nothing", {}, 0.5, undefined],
    ["no value", { "1": 0, "+Inf": 0 }, 0.5, undefined],
    [
      "the middle of the first bucket",
      { "1": 10, "+Inf": 10 },
      0.5,
      { seconds: 0.5, isMore: false },
    ],
    ["inside a bucket", { "1": 0, "3": 10, "+Inf": 10 }, 0.5, { seconds: 2, isMore: false }],
    ["the end of a bucket", { "1": 5, "3": 10, "+Inf": 10 }, 0.5, { seconds: 1, isMore: false }],
    ["above all bounds", { "1": 1, "3": 1, "+Inf": 10 }, 0.95, { seconds: 3, isMore: true }],
    ["bounds in any order", { "+Inf": 4, "3": 4, "1": 2 }, 0.75, { seconds: 2, isMore: false }],
    ["without a bucket for all", { "1": 10 }, 0.5, { seconds: 0.5, isMore: false }],
  ])("%s", (_, counts, share, expected) => {
    expect(quantileOf(buckets(counts), share)).toEqual(expected);
  });

  test("of several processes are those of all their values", () => {
    const both = [
      ...buckets({ "1": 1, "2": 1, "+Inf": 1 }),
      ...buckets({ "1": 0, "2": 3, "+Inf": 3 }),
    ];
    expect(quantileOf(both, 0.25)).toEqual({ seconds: 1, isMore: false });
  });
});

describe("what was added", () => {
  const added = (now: Reading, then: Reading) =>
    increaseOf(now, then).samples.map(({ value }) => value);

  test.each([
    [
      "is the difference",
      [part("1", 9000, [sample("a", 7)])],
      [part("1", 8000, [sample("a", 4)])],
      [3],
    ],
    [
      "is all of a counter that was not there",
      [part("1", 9000, [sample("a", 7)])],
      [part("1", 8000, [])],
      [7],
    ],
    [
      "is all of a counter that has begun anew",
      [part("1", 9000, [sample("a", 2)])],
      [part("1", 8000, [sample("a", 4)])],
      [2],
    ],
    [
      "is all of a process that has begun anew",
      [part("1", 500, [sample("a", 9)])],
      [part("1", 8000, [sample("a", 4)])],
      [9],
    ],
    [
      "is all of a process that has begun since",
      [part("2", 500, [sample("a", 9)])],
      [part("1", 8000, [])],
      [9],
    ],
    [
      "is unknown of one that was there before",
      [part("2", 60_000, [sample("a", 9)])],
      [part("1", 8000, [])],
      [],
    ],
    [
      "is nothing of one that is gone",
      [part("1", 9000, [])],
      [part("2", 8000, [sample("a", 4)])],
      [],
    ],
  ])("%s", (_, now, then, expected) => {
    expect(added(reading(2000, ...now), reading(1000, ...then))).toEqual(expected);
  });

  test("goes by the labels, in whatever order", () => {
    const now = part("1", 9000, [sample("a", 5, { x: "1", y: "2" }), sample("a", 9, { x: "2" })]);
    const then = part("1", 8000, [sample("a", 4, { y: "2", x: "1" }), sample("a", 1, { x: "2" })]);
    expect(added(reading(2000, now), reading(1000, then))).toEqual([1, 8]);
  });

  describe("of a text", () => {
    const row = { text: "select ?", role: "reader", reason: "plain-read", maxMs: 5 };
    const told = (slowest: Part["slowest"], others?: Part["others"]): Part => ({
      ...part("1", 9000, []),
      ...(slowest === undefined ? {} : { slowest }),
      ...(others === undefined ? {} : { others }),
    });

    test.each<[string, Part, Part, { count: number; totalMs: number } | undefined]>([
      [
        "is the difference",
        told([{ ...row, id: 1, count: 5, totalMs: 50 }], []),
        told([{ ...row, id: 1, count: 2, totalMs: 20 }], []),
        { count: 3, totalMs: 30 },
      ],
      [
        "is the difference where it was too far down to be told with its text",
        told([{ ...row, id: 1, count: 100_001, totalMs: 500_005 }], []),
        told([], [[1, 100_000, 500_000]]),
        { count: 1, totalMs: 5 },
      ],
      [
        "is all that it has where it was not there",
        told([{ ...row, id: 2, count: 2, totalMs: 6 }], []),
        told([], [[1, 100_000, 500_000]]),
        { count: 2, totalMs: 6 },
      ],
      [
        "is all that it has where it was forgotten meanwhile",
        told([{ ...row, id: 7, count: 9, totalMs: 60 }], []),
        told([{ ...row, id: 1, count: 2, totalMs: 6 }], []),
        { count: 9, totalMs: 60 },
      ],
      [
        "is nothing where it was not called",
        told([{ ...row, id: 1, count: 2, totalMs: 20 }], []),
        told([{ ...row, id: 1, count: 2, totalMs: 20 }], []),
        undefined,
      ],
      [
        "is not known where a pool does not tell all texts, and has not told this one",
        told([{ ...row, count: 100_001, totalMs: 500_005 }]),
        told([]),
        undefined,
      ],
      [
        "is the difference where a pool does not tell all texts, and has told this one",
        told([{ ...row, count: 5, totalMs: 50 }]),
        told([{ ...row, count: 2, totalMs: 20 }]),
        { count: 3, totalMs: 30 },
      ],
      [
        "is all that it has where a pool tells no numbers of rows, and it has begun anew",
        told([{ ...row, count: 2, totalMs: 6 }]),
        told([{ ...row, count: 9, totalMs: 60 }]),
        { count: 2, totalMs: 6 },
      ],
    ])("%s", (_, now, then, expected) => {
      const { slowest } = increaseOf(reading(2000, now), reading(1000, then));
      expect(slowest).toMatchObject(expected === undefined ? [] : [expected]);
      expect(slowest).toHaveLength(expected === undefined ? 0 : 1);
    });
  });
});

describe("figures", () => {
  const statements = (role: string, endpoint: string, value: number, reason = "plain-read") =>
    sample("statements_total", value, { role, reason, endpoint });

  test("are summed over processes, and their rates are of the last interval", () => {
    const then = reading(
      0,
      part("1", 60_000, [statements("reader", "r:1", 100)]),
      part("2", 60_000, [statements("reader", "r:1", 50)]),
    );
    const now = reading(
      2000,
      part("1", 62_000, [
        statements("reader", "r:1", 130),
        statements("writer", "w:1", 10, "data-change"),
      ]),
      part("2", 62_000, [statements("reader", "r:1", 70)]),
    );
    const figures = figuresOf(now, then);
    expect(figures.processes).toEqual([1, 2]);
    expect(figures.uptimeMs).toBe(62_000);
    expect(figures.servers).toMatchObject([
      { role: "writer", endpoint: "w:1", perSecond: 5, share: 10 / 60 },
      { role: "reader", endpoint: "r:1", perSecond: 25, share: 50 / 60 },
    ]);
    expect(figures.reasons).toEqual([
      { name: "plain-read", role: "reader", share: 50 / 60 },
      { name: "data-change", role: "writer", share: 10 / 60 },
    ]);
  });

  test("have shares since the start, and no rates, where there is one reading", () => {
    const figures = figuresOf(reading(0, part("1", 60_000, [statements("reader", "r:1", 3)])));
    expect(figures.rateMillis).toBeUndefined();
    expect(figures.servers).toMatchObject([{ perSecond: undefined, share: 1 }]);
  });

  test("have each reader that is known, also one that serves nothing", () => {
    const available = (value: number, endpoint: string) =>
      sample("reader_available", value, { endpoint });
    const one = part("1", 1, [available(1, "r:1"), available(1, "r:2"), available(0, "r:3")]);
    const lag = sample("reader_lag_seconds", 0.25, { endpoint: "r:1" });
    const two = part("2", 1, [available(1, "r:1"), available(0, "r:2"), available(0, "r:3"), lag]);
    expect(figuresOf(reading(0, one, two)).servers).toMatchObject([
      { endpoint: "r:3", available: "no" },
      { endpoint: "r:2", available: "some", lagMs: undefined },
      { endpoint: "r:1", available: "yes", lagMs: 250 },
    ]);
  });

  const available = (endpoint: string, value = 1) =>
    sample("reader_available", value, { endpoint });
  const lag = (endpoint: string, seconds: number) =>
    sample("reader_lag_seconds", seconds, { endpoint });
  const endpointsOf = (now: Reading, last?: Reading) =>
    figuresOf(now, last).servers.map(({ endpoint }) => endpoint);

  test("have the writer first, then readers that need to be looked at, most of all those that are out", () => {
    const now = part("1", 60_000, [
      ...["r:1", "r:2", "r:3", "r:4", "r:5"].map((endpoint) =>
        available(endpoint, Number(endpoint !== "r:5")),
      ),
      ...[lag("r:1", 0.9), lag("r:2", 1), lag("r:3", 4)],
      statements("reader", "r:1", 100),
      statements("reader", "", 1),
      statements("writer", "w:1", 1),
    ]);
    const some = part("2", 60_000, [available("r:4", 0), available("r:1")]);
    expect(endpointsOf(reading(0, now, some))).toEqual([
      ...["w:1", "(none was reached)", "r:5", "r:4", "r:2", "r:3", "r:1"],
    ]);
  });

  test("leave out a reader that nobody tells of any more, once it answers nothing", () => {
    const then = reading(
      0,
      part("1", 9000, [
        ...[statements("reader", "old:1", 5), statements("reader", "last:1", 5)],
        ...[statements("writer", "w:1", 5), available("r:1")],
      ]),
    );
    const now = reading(
      1000,
      part("1", 10_000, [
        ...[statements("reader", "old:1", 5), statements("reader", "last:1", 6)],
        ...[statements("writer", "w:1", 5), available("r:1")],
      ]),
    );
    expect(endpointsOf(now, then)).toEqual(["w:1", "last:1", "r:1"]);
  });

  test("leave out a former writer, once another one answers", () => {
    const told = (old: number, now: number) =>
      part("1", 9000 + old + now, [
        ...[statements("writer", "old:1", old), statements("writer", "w:1", now)],
      ]);
    expect(endpointsOf(reading(1000, told(5, 6)), reading(0, told(5, 5)))).toEqual(["w:1"]);
    expect(endpointsOf(reading(1000, told(6, 6)), reading(0, told(5, 5)))).toEqual([
      ...["old:1", "w:1"],
    ]);
    expect(endpointsOf(reading(1000, told(5, 5)), reading(0, told(5, 5)))).toEqual([
      ...["old:1", "w:1"],
    ]);
  });

  test("keep a former writer that callers could not reach", () => {
    const told = (none: number) =>
      part("1", 9000 + none, [...[statements("writer", "w:1", 5), statements("writer", "", none)]]);
    expect(endpointsOf(reading(1000, told(6)), reading(0, told(5)))).toEqual([
      ...["(none was reached)", "w:1"],
    ]);
  });

  test("tell errors by side, and connections", () => {
    const count = (value: number, error: string) =>
      sample("statement_duration_seconds_count", value, {
        role: "writer",
        operation: "SELECT",
        error,
      });
    const gauges = [
      sample("connections", 3, { role: "writer", state: "used" }),
      sample("connections", 2, { role: "writer", state: "idle" }),
      sample("connections_max", 10, { role: "writer" }),
      sample("connections_waiting", 1, { role: "writer" }),
    ];
    const then = reading(0, part("1", 9000, [count(10, ""), count(1, "42P01"), ...gauges]));
    const now = reading(1000, part("1", 9999, [count(14, ""), count(3, "42P01"), ...gauges]));
    expect(figuresOf(now, then).sides).toMatchObject([
      { role: "writer", perSecond: 6, errorsPerSecond: 2, used: 3, idle: 2, max: 10, waiting: 1 },
    ]);
  });

  test("tell that the writer is searched for, and who waits", () => {
    const searching = [sample("writer_searching", 1), sample("writer_waiting", 7)];
    const figures = figuresOf(reading(0, part("1", 1, []), part("2", 1, searching)));
    expect(figures).toMatchObject({ searching: true, waitingForWriter: 7 });
  });
});

test("figures tell who waits for a client of connect(), and on no side yet", () => {
  const gauges = ["writer", "reader"].flatMap((role) => [
    sample("connections_max", 10, { role }),
    sample("connections_waiting", 0, { role }),
  ]);
  const clients = sample("connections_waiting", 250, { role: "client" });
  const one = part("1", 1, [...gauges, clients]);
  const figures = figuresOf(reading(0, one, part("2", 1, [...gauges, clients])));
  expect(figures.waitingForClient).toBe(500);
  expect(figures.sides.map(({ role, waiting }) => [role, waiting])).toEqual([
    ["writer", 0],
    ["reader", 0],
  ]);
});

describe("the history", () => {
  test("tells for half a minute who is gone", () => {
    const history = new History();
    history.add(reading(0, part("1", 1, []), part("2", 1, [])));
    history.add(reading(1000, part("1", 1, [])));
    expect(history.gone).toEqual(["2"]);
    history.add(reading(30_999, part("1", 1, [])));
    expect(history.gone).toEqual(["2"]);
    history.add(reading(31_001, part("1", 1, [])));
    expect(history.gone).toEqual([]);
  });

  test("takes nobody for gone who does not answer, nor who is back", () => {
    const history = new History();
    history.add(reading(0, part("1", 1, []), part("2", 1, [])));
    history.add({ ...reading(1000, part("1", 1, [])), silent: ["2"] });
    expect(history.gone).toEqual([]);
    history.add(reading(2000, part("1", 1, [])));
    history.add(reading(3000, part("1", 1, []), part("2", 1, [])));
    expect(history.gone).toEqual([]);
  });

  test("looks back ten seconds for latencies, or one interval if that is longer", () => {
    const history = new History();
    for (let at = 0; at <= 30_000; at += 1000) history.add(reading(at, part("1", at, [])));
    expect(history.figures()).toMatchObject({ rateMillis: 1000, windowMillis: 10_000 });
    history.add(reading(90_000, part("1", 90_000, [])));
    expect(history.figures()).toMatchObject({ rateMillis: 60_000, windowMillis: 60_000 });
  });
});
