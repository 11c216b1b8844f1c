import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { Figures } from "../../src/top/figures.ts";
import { keysIn } from "../../src/top/keys.ts";
import { screenOf } from "../../src/top/layout.ts";
import { painted } from "../../src/top/line.ts";
import { roomFor } from "../../src/top/room.ts";
import { widthOf } from "../../src/top/text-width.ts";

const nasty =
  "select '\x1b[2J\x9b31m\u202e' as \"表の名前\", '👩‍👩‍👧 ❤️ e\u0301'\r\n\tfrom t \ud800 where x = ?";

const figures: Figures = {
  processes: [11, 12],
  pools: ["db:5432/shop", "db:5432/shop"],
  silent: [],
  leftOut: [],
  uptimeMs: 3_720_000,
  rateMillis: 1000,
  windowMillis: 10_000,
  servers: [
    {
      role: "writer",
      endpoint: "shop.cluster-c1a2b3c4d5e6.eu-west-2.rds.amazonaws.com:5432",
      perSecond: 312,
      share: 0.24,
    },
    ...[1, 2, 3, 4].map((n) => ({
      role: "reader",
      endpoint: `reader-${n}.c1a2b3c4d5e6.eu-west-2.rds.amazonaws.com:5432`,
      perSecond: 12_345,
      share: 0.19,
      lagMs: 10 * n ** 5,
      available: (["yes", "some", "no"] as const)[n % 3],
    })),
  ],
  sides: ["writer", "reader"].map((role) => ({
    role,
    perSecond: 98_765,
    errorsPerSecond: 0.4,
    p50: { seconds: 0.0004, isMore: false },
    p95: { seconds: 0.1234, isMore: false },
    p99: { seconds: 30, isMore: true },
    used: 100,
    idle: 20,
    max: 120,
    waiting: 12,
    lanes: { open: 3, riders: 140 },
  })),
  reasons: Array.from({ length: 12 }, (_, n) => ({
    name: `reason-${n}`,
    role: n % 2 === 0 ? "reader" : "writer",
    share: 0.3 / (n + 1),
  })),
  freshness: [
    { name: "known", share: 0.6 },
    { name: "proved", share: 0.396 },
    { name: "writer", share: 0.004 },
  ],
  searching: false,
  waitingForWriter: 0,
  waitingForClient: 0,
  failovers: 0,
  refusals: 0,
  connectsFailing: 0,
  evictions: 0,
  retries: 0,
  timeouts: 0,
  slowest: Array.from({ length: 60 }, () => ({
    text: nasty,
    role: "reader",
    reason: "plain-read",
    share: 0.1,
    perSecond: 10,
    meanMs: 4,
    maxMs: 1234,
  })),
};

const around = { source: "/run/shop", gone: [], intervalMillis: 1000 };

function rowsOf(
  size: { width: number; height: number },
  changes: Partial<Figures> = {},
  more = {},
) {
  return screenOf({ ...figures, ...changes }, { ...around, ...more }, size);
}

const textOf = (line: ReturnType<typeof rowsOf>[number]): string =>
  line.map(({ text }) => text).join("");

describe("the screen", () => {
  const sizes = [
    [80, 24],
    [60, 20],
    [60, 24],
    [76, 24],
    [120, 40],
    [200, 60],
    [40, 10],
    [20, 5],
    [1, 1],
  ] as const;

  test.each(sizes)("fills %i columns and %i rows to the character", (width, height) => {
    for (const more of [
      {},
      { gone: ["4711"], trouble: { reason: "Nobody is there.", millis: 5000 } },
    ]) {
      const rows = rowsOf(
        { width, height },
        { searching: true, silent: ["12"], leftOut: [{ who: nasty, problem: nasty }] },
        more,
      );
      expect(rows).toHaveLength(height);
      for (const row of rows) expect(widthOf(textOf(row)), textOf(row)).toBe(width);
    }
  });

  test.each(sizes)(
    "of %i columns and %i rows has nothing that steers the terminal",
    (width, height) => {
      for (const row of rowsOf({ width, height }))
        expect(textOf(row)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    },
  );

  test("of any width keeps it, and has nothing that steers, whatever labels say", () => {
    const shares = [{ name: nasty, role: nasty, share: 1 }];
    const servers = [{ role: nasty, endpoint: nasty, share: 1 }];
    const leftOut = [{ who: nasty, problem: nasty }];
    const changes = { freshness: shares, reasons: shares, servers, pools: [nasty], leftOut };
    for (let width = 1; width <= 200; width++) {
      const rows = rowsOf({ width, height: 24 }, changes, { source: nasty, gone: [nasty] });
      for (const row of rows.map(textOf)) {
        expect(row).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(widthOf(row), row).toBe(width);
      }
    }
  });

  test.each([
    [80, 24],
    [60, 20],
  ])("of %i columns and %i rows has something of everything", (width, height) => {
    const text = rowsOf({ width, height }).map(textOf).join("\n");
    for (const title of ["SERVER", "SIDE", "WHY", "FRESHNESS", "TIME", "q quit"]) {
      expect(text).toContain(title);
    }
    for (const told of ["writer  shop", "reader  reader-1", "reason-0", "known", "select"]) {
      expect(text).toContain(told);
    }
  });

  const serversOf = (states: readonly ("yes" | "some" | "no")[]): Figures["servers"] => [
    { role: "writer", endpoint: "w:1", share: 1 },
    ...states.map((available, n) => ({
      ...{ role: "reader", endpoint: `r:${n + 1}`, share: 0, available },
    })),
  ];
  const linesOf = (height: number, changes: Partial<Figures>): readonly string[] =>
    rowsOf({ width: 80, height }, changes).map((line) => textOf(line).trimEnd());

  test("says how many servers there are besides those that it has room for", () => {
    const text = linesOf(24, { servers: serversOf(["yes", "yes", "yes", "yes", "yes", "yes"]) });
    expect(text).toContainEqual("… 4 more");
    expect(text.filter((row) => row.startsWith("reader  r:"))).toHaveLength(2);
  });

  test("has room for all servers that need to be looked at, before others get more", () => {
    const text = linesOf(24, { servers: serversOf(["no", "no", "some", "no", "yes", "yes"]) });
    const states = text.filter((row) => row.startsWith("reader  r:")).map((row) => row.slice(-4));
    expect(states.map((state) => state.trim())).toEqual(["OUT", "OUT", "part", "OUT"]);
    expect(text).toContainEqual("… 2 more");
  });

  test("says how many of those that it has no room for are out", () => {
    const text = linesOf(20, { servers: serversOf(Array.from({ length: 15 }, () => "no")) });
    expect(text.find((row) => row.startsWith("… ") && row.includes("OUT"))).toMatch(
      /^… (\d+) more, \1 of them OUT$/,
    );
  });

  test("says how many reasons and statements there are besides, in the room of one", () => {
    const text = linesOf(24, {});
    const cut = text.filter((row) => row.includes("… ") && row.includes(" more"));
    const reasons = text.filter((row) => row.startsWith("reason-")).length;
    const statements = text.filter((row) => row.includes("select")).length;
    expect(cut.at(-2)).toMatch(new RegExp(`^… ${12 - reasons} more`));
    expect(cut.at(-1)).toBe(`… ${60 - statements} more`);
    expect(text.at(-1)).toContain("q quit");
  });

  test("says how many outcomes of freshness there are besides", () => {
    const freshness = Array.from({ length: 9 }, (_, n) => ({ name: `outcome-${n}`, share: 0.1 }));
    const text = linesOf(24, { freshness });
    const shown = text.filter((row) => row.includes("outcome-")).length;
    expect(text.find((row) => row.startsWith("… ") && row.includes("  … "))).toMatch(
      new RegExp(`… ${9 - shown} more$`),
    );
  });

  test("has no end where nobody has to see it at once", () => {
    const text = rowsOf({ width: 80, height: Infinity }, {}, { intervalMillis: undefined }).map(
      textOf,
    );
    expect(text.filter((row) => row.includes("select"))).toHaveLength(40);
    expect(text.filter((row) => row.startsWith("reason-"))).toHaveLength(10);
    const more = text.map((row) => row.trim()).filter((row) => row.startsWith("… "));
    expect(more).toEqual(["… 2 more", "… 20 more"]);
    expect(text.join()).toContain("reader-4");
    expect(text.join()).not.toContain("q quit");
  });

  test("says loudly that the writer is searched for, that a source is gone, and who is missing", () => {
    const more = { gone: ["4711"], trouble: { reason: "Nobody is there.", millis: 5000 } };
    const rows = rowsOf(
      { width: 80, height: 24 },
      { searching: true, waitingForWriter: 3, silent: ["12"] },
      more,
    );
    expect(rows.slice(1, 4).map((row) => textOf(row).trimEnd())).toEqual([
      "!! GONE for 5.0 s, trying again: Nobody is there.",
      "!! SEARCHING FOR THE WRITER: 3 callers wait",
      "gone: 4711   does not answer: 12",
    ]);
  });

  test("says that clients of connect() are waited for, where nobody waits for a connection", () => {
    const [, second = []] = rowsOf({ width: 80, height: 24 }, { waitingForClient: 500 });
    expect(textOf(second).trimEnd()).toBe(
      "500 callers wait for a client of connect(): all of them are in use",
    );
  });

  test.each([
    [["11"], [], "1 socket is left out: it is odd: 11"],
    [["11", "12"], [], "2 sockets are left out: it is odd: 11, 12"],
    [["11", "12"], ["13"], "3 sockets are left out, 2 of them: it is odd: 11, 12"],
    [["11"], ["12", "13"], "3 sockets are left out, 2 of them: it is even: 12, 13"],
  ])("says what is left out, and why most of it is: %j, %j", (odd, even, expected) => {
    const leftOut = [
      ...odd.map((who) => ({ who, problem: "it is odd" })),
      ...even.map((who) => ({ who, problem: "it is even" })),
    ];
    const rows = rowsOf({ width: 80, height: 24 }, { leftOut });
    const [title = "", line] = rows.map((row) => textOf(row).trimEnd());
    expect(title).toContain(`${leftOut.length} left out`);
    expect(line).toBe(expected);
  });

  test("says where there are no rates yet, no texts, and that it is paused", () => {
    const rows = rowsOf(
      { width: 80, height: 24 },
      { rateMillis: undefined, slowest: undefined },
      { isPaused: true },
    );
    const text = rows.map((row) => textOf(row).trimEnd());
    expect(text[1]).toBe("Rates need a second look: shares are since the start.");
    expect(text).toContainEqual(
      "SLOWEST  metrics have no texts: a stats socket does (DATABASE_STATS_SOCKET)",
    );
    expect(text.at(-1)).toBe("PAUSED   q quit   p go on");
  });

  test("means the same without colour", () => {
    for (const row of rowsOf({ width: 80, height: 24 }, { searching: true })) {
      const plain = painted(row, false);
      expect(plain).toBe(stripVTControlCharacters(plain));
      expect(stripVTControlCharacters(painted(row, true)).trimEnd()).toBe(plain);
    }
  });
});

test.each([
  [0, [0, 0]],
  [1, [1, 0]],
  [4, [2, 2]],
  [7, [4, 3]],
  [20, [9, 3]],
  [Infinity, [9, 3]],
])("%s rows are divided: first the least of each", (rows, given) => {
  const claims = [
    { wanted: 9, least: 2 },
    { wanted: 3, least: 2 },
  ];
  expect(roomFor(rows, claims)).toEqual(given);
});

test.each([
  ["q", ["quit"]],
  ["\x03", ["quit"]],
  ["\x1b", ["quit"]],
  ["p", ["pause"]],
  ["xpQ", ["pause", "quit"]],
  ["\x1b[A\x1b[1;5C\x1bOP", []],
  ["é", []],
])("the keys of %j", (data, keys) => {
  expect(keysIn(data)).toEqual(keys);
});

test("what is one's first is dealt before the least of the others", () => {
  const claims = [
    { wanted: 9, least: 2, first: 6 },
    { wanted: 3, least: 2 },
  ];
  expect(roomFor(5, claims)).toEqual([5, 0]);
  expect(roomFor(8, claims)).toEqual([6, 2]);
  expect(roomFor(20, claims)).toEqual([9, 3]);
});
