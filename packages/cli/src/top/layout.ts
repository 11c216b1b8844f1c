import type { Format } from "../terminal.ts";
import type { Figures, ShareFigures, SideFigures, SlowFigures } from "./figures.ts";
import { type Column, gridOf } from "./grid.ts";
import { headLines } from "./head.ts";
import { type Line, lineOf } from "./line.ts";
import { roomFor } from "./room.ts";
import { lagsMuch, mustBeSeen, type ServerFigures } from "./server-figures.ts";
import type { Surroundings } from "./surroundings.ts";
import { bar, countText, durationText, quantileText, shareText, unknown } from "./units.ts";

/** Where reasons and freshness stand side by side. */
const besides = 76;

/**
 * The screen, as lines of exactly this width; no more of them than its height.
 *
 * @param height - infinite: all there is to tell, within reason
 */
export function screenOf(
  figures: Figures,
  surroundings: Surroundings,
  { width, height }: { readonly width: number; readonly height: number },
): readonly Line[] {
  const head = headLines(figures, surroundings, width);
  const foot = surroundings.intervalMillis === undefined ? [] : [footer(surroundings, width)];
  const blank = height < 24 ? [] : [lineOf([], width)];
  const sides = gridOf(sideColumns, figures.sides, width);
  const isBeside = width >= besides;
  const shares = Math.max(figures.reasons.length, isBeside ? figures.freshness.length : 0);
  const fixed = head.length + foot.length + 4 * blank.length + sides.length + 3;
  const free = height - fixed - (isBeside ? 0 : 1);
  const room = roomFor(free, [
    // The others keep a row and what is said of the rest.
    {
      wanted: figures.servers.length,
      least: 3,
      first: Math.min(urgentRows(figures.servers), free - 4),
    },
    { wanted: wantedRows(shares, 10), least: 3 },
    { wanted: wantedRows(figures.slowest?.length ?? 0, 40), least: 3 },
  ]);
  const [servers = 0, reasons = 0, slowest = 0] = room;
  const body = [
    ...blank,
    ...cutGrid(serverColumns, figures.servers, servers, width, outText),
    ...blank,
    ...sides,
    ...blank,
    ...sharesLines(figures, width, reasons),
    ...blank,
    ...slowLines(figures, width, slowest),
  ];
  const above = [...head, ...body].slice(0, height - foot.length);
  const below = Number.isFinite(height) ? height - above.length - foot.length : 0;
  return [...above, ...Array.from({ length: below }, () => lineOf([], width)), ...foot];
}

/** Rows of a table that is never longer than so many, and a line for the rest. */
function wantedRows(count: number, most: number): number {
  return count > most ? most + 1 : count;
}

/** Rows for the servers that must be seen, and a line for the rest. */
function urgentRows(servers: readonly ServerFigures[]): number {
  return wantedRows(servers.length, servers.filter(mustBeSeen).length);
}

/** As much of a table as there is room for: how much is missing is said in place of its last row. */
function cutGrid<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room: number,
  width: number,
  remark: (missing: readonly Row[]) => string = () => "",
): readonly Line[] {
  if (rows.length <= room || room === 0) return gridOf(columns, rows.slice(0, room), width);
  const missing = rows.slice(room - 1);
  const remarked = remark(missing);
  const format: Format = remarked === "" ? "dim" : "yellow";
  const more = lineOf([{ text: `… ${missing.length} more${remarked}`, format }], width);
  return [...gridOf(columns, rows.slice(0, room - 1), width), more];
}

function outText(missing: readonly ServerFigures[]): string {
  const out = missing.filter(({ available }) => available === "no").length;
  return out === 0 ? "" : `, ${out} of them OUT`;
}

const serverColumns: readonly Column<ServerFigures>[] = [
  { title: "SERVER", of: ({ role }) => ({ text: role }), width: 6 },
  { title: "", of: ({ endpoint }) => ({ text: endpoint }), isFlexible: true, cut: "middle" },
  {
    title: "stmts/s",
    of: ({ perSecond }) => ({ text: countText(perSecond) }),
    align: "right",
  },
  { title: "", of: ({ share }) => ({ text: bar(share, 12), format: "cyan" }), width: 12, spare: 2 },
  { title: "share", of: ({ share }) => ({ text: shareText(share) }), align: "right" },
  {
    title: "lag",
    of: ({ lagMs }) => ({
      text: durationText(lagMs),
      format: lagsMuch({ lagMs }) ? "yellow" : undefined,
    }),
    align: "right",
    width: 7,
  },
  { title: "state", of: stateOf, width: 5 },
];

function stateOf({ available }: ServerFigures): { text: string; format?: Format } {
  if (available === undefined) return { text: unknown };
  if (available === "yes") return { text: "ok", format: "green" };
  return available === "some"
    ? { text: "part", format: "yellow" }
    : { text: "OUT", format: ["red", "bold"] };
}

const alarming = (count: number | undefined): Format | undefined =>
  (count ?? 0) > 0 ? "yellow" : undefined;

const sideColumns: readonly Column<SideFigures>[] = [
  { title: "SIDE", of: ({ role }) => ({ text: role }), width: 6 },
  {
    title: "stmts/s",
    of: (side) => ({ text: countText(side.perSecond) }),
    align: "right",
    spare: 1,
  },
  {
    title: "err/s",
    of: ({ errorsPerSecond: errors }) => ({ text: countText(errors), format: alarming(errors) }),
    align: "right",
  },
  { title: "p50", of: ({ p50 }) => ({ text: quantileText(p50) }), align: "right", width: 7 },
  { title: "p95", of: ({ p95 }) => ({ text: quantileText(p95) }), align: "right", width: 7 },
  {
    title: "p99",
    of: ({ p99 }) => ({ text: quantileText(p99) }),
    align: "right",
    width: 7,
    spare: 3,
  },
  {
    title: "used/idle/max",
    of: ({ used, idle, max }) => ({
      text: `${countText(used)}/${countText(idle)}/${countText(max)}`,
      format: used >= max && max > 0 ? "yellow" : undefined,
    }),
    align: "right",
  },
  {
    title: "wait",
    of: ({ waiting }) => ({ text: countText(waiting), format: alarming(waiting) }),
    align: "right",
  },
  {
    title: "lanes",
    of: ({ lanes }) => ({ text: lanes === undefined ? unknown : countText(lanes.open) }),
    align: "right",
    spare: 2,
  },
  {
    title: "riders",
    of: ({ lanes }) => ({ text: lanes === undefined ? unknown : countText(lanes.riders) }),
    align: "right",
    spare: 4,
  },
];

const reasonColumns: readonly Column<ShareFigures>[] = [
  { title: "WHY", of: ({ name }) => ({ text: name }), isFlexible: true },
  { title: "to", of: ({ role = "" }) => ({ text: role }), width: 6 },
  { title: "", of: ({ share }) => ({ text: bar(share, 12), format: "cyan" }), width: 12 },
  { title: "share", of: ({ share }) => ({ text: shareText(share) }), align: "right" },
];

const freshnessColumns: readonly Column<ShareFigures>[] = [
  { title: "FRESHNESS", of: ({ name }) => ({ text: name }), isFlexible: true },
  { title: "", of: ({ share }) => ({ text: bar(share, 6), format: "cyan" }), width: 6 },
  { title: "share", of: ({ share }) => ({ text: shareText(share) }), align: "right" },
];

function sharesLines(
  { reasons, freshness }: Figures,
  width: number,
  rows: number,
): readonly Line[] {
  if (width < besides) {
    const told = freshness.map(({ name, share }) => `${name} ${shareText(share)}`).join(", ");
    return [
      ...cutGrid(reasonColumns, reasons, rows, width),
      lineOf([{ text: "FRESHNESS", format: "bold" }, { text: `  ${told || unknown}` }], width),
    ];
  }
  const gap = "   ";
  const left = Math.floor((width - gap.length) * 0.6);
  const right = width - gap.length - left;
  const why = cutGrid(reasonColumns, reasons, rows, left);
  const fresh = cutGrid(freshnessColumns, freshness, rows, right);
  return Array.from({ length: Math.max(why.length, fresh.length) }, (_, at) => [
    ...(why[at] ?? lineOf([], left)),
    { text: gap },
    ...(fresh[at] ?? lineOf([], right)),
  ]);
}

function slowLines(
  { slowest, windowMillis }: Figures,
  width: number,
  rows: number,
): readonly Line[] {
  if (slowest === undefined) {
    const told = "metrics have no texts: a stats socket does (DATABASE_STATS_SOCKET)";
    return [lineOf([{ text: "SLOWEST", format: "bold" }, { text: `  ${told}` }], width)];
  }
  const since = windowMillis === undefined ? "since the start" : `in ${durationText(windowMillis)}`;
  const columns: readonly Column<SlowFigures>[] = [
    { title: "TIME", of: ({ share }) => ({ text: shareText(share) }), align: "right", width: 5 },
    { title: "calls/s", of: (row) => ({ text: countText(row.perSecond) }), align: "right" },
    {
      title: "mean",
      of: ({ meanMs }) => ({ text: durationText(meanMs) }),
      align: "right",
      width: 7,
    },
    {
      title: "max",
      of: ({ maxMs }) => ({ text: durationText(maxMs) }),
      align: "right",
      width: 7,
      spare: 1,
    },
    { title: "to", of: ({ role }) => ({ text: role }), width: 6, spare: 2 },
    {
      title: `statement, most time ${since} first`,
      of: ({ text }) => ({ text }),
      isFlexible: true,
    },
  ];
  return cutGrid(columns, slowest, rows, width);
}

function footer({ isPaused, intervalMillis = 0 }: Surroundings, width: number): Line {
  const every = `every ${intervalMillis / 1000} s`;
  return lineOf(
    [
      { text: isPaused ? "PAUSED" : every, format: isPaused ? ["yellow", "bold"] : "dim" },
      { text: `   q quit   p ${isPaused ? "go on" : "pause"}`, format: "dim" },
    ],
    width,
  );
}
