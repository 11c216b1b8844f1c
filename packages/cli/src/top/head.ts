import type { Format } from "../terminal.ts";
import type { Figures } from "./figures.ts";
import { type Line, lineOf, type Piece } from "./line.ts";
import type { Surroundings } from "./surroundings.ts";
import { fitted, printable, widthOf } from "./text-width.ts";
import { countText, durationText, uptimeText } from "./units.ts";

/** What is looked at, and what is out of the ordinary. */
export function headLines(
  figures: Figures,
  surroundings: Surroundings,
  width: number,
): readonly Line[] {
  return [title(figures, surroundings, width), ...alarms(figures, surroundings, width)];
}

function title(figures: Figures, { source, gone }: Surroundings, width: number): Line {
  const { processes, pools, silent, leftOut, uptimeMs } = figures;
  const facts = [
    ...(pools.length > 0 ? [poolsText(pools)] : []),
    ...(processes.length > 0 ? [plural(processes.length, "process", "processes")] : []),
    ...(gone.length > 0 ? [`${gone.length} gone`] : []),
    ...(silent.length > 0 ? [`${silent.length} silent`] : []),
    ...(leftOut.length > 0 ? [`${leftOut.length} left out`] : []),
    ...(uptimeMs === undefined ? [] : [`up ${uptimeText(uptimeMs)}`]),
  ].join(" · ");
  const name = "pointsman top  ";
  const right = printable(facts);
  const room = Math.max(0, width - widthOf(name) - widthOf(right) - 2);
  const pieces: Piece[] = [
    { text: name, format: ["inverse", "bold"] },
    { text: fitted(source, room, "left", "middle"), format: "inverse" },
    { text: "  ", format: "inverse" },
    { text: right, format: "inverse" },
  ];
  return lineOf(pieces, width);
}

/** The database, where it is one, and how many pools there are. */
function poolsText(pools: readonly string[]): string {
  const databases = new Set(pools.map((pool) => pool.slice(pool.lastIndexOf("/") + 1)));
  const [only = ""] = databases;
  const count = plural(pools.length, "pool", "pools");
  return databases.size === 1 && only !== "" ? `${only} · ${count}` : count;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function alarms(figures: Figures, { gone, trouble }: Surroundings, width: number): readonly Line[] {
  const lines: Line[] = [];
  if (trouble !== undefined) {
    const told = `GONE for ${durationText(trouble.millis)}, trying again: ${trouble.reason}`;
    lines.push(loud(told, width));
  }
  if (figures.searching) {
    const waiting = plural(figures.waitingForWriter, "caller waits", "callers wait");
    lines.push(loud(`SEARCHING FOR THE WRITER: ${waiting}`, width));
  }
  if (figures.waitingForClient > 0) {
    const waiting = plural(figures.waitingForClient, "caller waits", "callers wait");
    const told = `${waiting} for a client of connect(): all of them are in use`;
    lines.push(lineOf([{ text: told, format: "yellow" }], width));
  }
  const missing = [
    ...(gone.length > 0 ? [`gone: ${gone.join(", ")}`] : []),
    ...(figures.silent.length > 0 ? [`does not answer: ${figures.silent.join(", ")}`] : []),
  ];
  if (missing.length > 0)
    lines.push(lineOf([{ text: missing.join("   "), format: "yellow" }], width));
  const leftOut = leftOutText(figures.leftOut);
  if (leftOut !== undefined) lines.push(lineOf([{ text: leftOut, format: "yellow" }], width));
  return [...lines, rates(figures, width)];
}

/** How many cannot be read, and what is wrong with most of them. */
function leftOutText(leftOut: Figures["leftOut"]): string | undefined {
  const problems = [...new Set(leftOut.map(({ problem }) => problem))];
  const groups = problems.map((problem) => leftOut.filter((one) => one.problem === problem));
  const [most] = groups.sort((a, b) => b.length - a.length);
  if (most?.[0] === undefined) return undefined;
  const are = leftOut.length === 1 ? "is" : "are";
  const sockets = `${plural(leftOut.length, "socket", "sockets")} ${are} left out`;
  const some = most.length < leftOut.length ? `, ${most.length} of them` : "";
  return `${sockets}${some}: ${most[0].problem}: ${most.map(({ who }) => who).join(", ")}`;
}

function loud(text: string, width: number): Line {
  return [{ text: fitted(`!! ${text}`, width), format: ["red", "bold", "inverse"] }];
}

/** As many as fit, what matters most first. */
function rates(figures: Figures, width: number): Line {
  if (figures.rateMillis === undefined) {
    return lineOf([{ text: "Rates need a second look: shares are since the start." }], width);
  }
  const rows: readonly (readonly [name: string, count: number | undefined, unit: string])[] = [
    ["failovers", figures.failovers, ""],
    ["connects failing", figures.connectsFailing, "/s"],
    ["evictions", figures.evictions, "/s"],
    ["retries", figures.retries, "/s"],
    ["refusals", figures.refusals, ""],
    ["timeouts", figures.timeouts, "/s"],
  ];
  const pieces: Piece[] = [];
  let used = 0;
  for (const [name, count, unit] of rows) {
    const text = `${pieces.length === 0 ? "" : "   "}${name} ${countText(count)}${unit}`;
    used += widthOf(text);
    if (used > width) break;
    const format: Format | undefined = (count ?? 0) > 0 ? "yellow" : "dim";
    pieces.push({ text, format });
  }
  return lineOf(pieces, width);
}
