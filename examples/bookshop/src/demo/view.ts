import { bar, count, ms, shorten, shortenSql, wrap } from "./format.ts";
import type { Ink, Screen } from "./screen.ts";
import type { Totals } from "./totals.ts";
import type { TracedRequest, TracedStatement } from "./trace.ts";

const inks: readonly Ink[] = ["magenta", "cyan", "green", "blue"];

/** The colour of a server: the writer's is always the same, the readers' differ from it. */
function inkOf(server: string): Ink {
  const [, number] = /^reader(\d+)$/.exec(server) ?? [];
  return inks[number === undefined ? 0 : 1 + ((Number(number) - 1) % 3)] ?? "blue";
}

/** A request, and the statements that it took. */
export function requestLines(screen: Screen, request: TracedRequest): string[] {
  const right = `${request.status} ${`${ms(request.durationMs)} ms`.padStart(9)}`;
  const left = `${request.method} ${request.path}`;
  const room = screen.width - right.length - 1;
  const ink = request.status < 400 ? "green" : request.status < 500 ? "yellow" : "red";
  return [
    `${screen.paint("bold", shorten(left, room).padEnd(room))} ${screen.paint(ink, right)}`,
    ...request.statements.map((statement) => statementLine(screen, statement)),
  ];
}

function statementLine(screen: Screen, statement: TracedStatement): string {
  const { paint } = screen;
  const ink = inkOf(statement.server);
  const server = shorten(statement.server, 7).padEnd(7);
  const duration = `${ms(statement.durationMs)} ms`.padStart(9);
  const room = screen.width - 15 - statement.reason.length - duration.length;
  const sql = shortenSql(statement.text, room).padEnd(room);
  const text = statement.failed ? paint("red", sql) : sql;
  return `  ${paint(ink, `→ ${server}`)}  ${text}  ${paint(ink, statement.reason)}${paint("dim", duration)}`;
}

/** How far the play is, and what went where so far. */
export function runningTotals(
  screen: Screen,
  totals: Totals,
  seconds: { done: number; all: number },
): string[] {
  const room = screen.width - 31;
  const bars = totals.counts().map(([server, statements]) => {
    const share = totals.statements === 0 ? 0 : statements / totals.statements;
    const ink = inkOf(server);
    const name = shorten(server, 8).padEnd(8);
    const numbers = `${count(statements).padStart(8)} ${`${Math.round(share * 100)} %`.padStart(6)}`;
    return `  ${screen.paint(ink, `${name} ${bar(share, room)}`)} ${numbers}`;
  });
  const status = [
    `${Math.min(seconds.done, seconds.all)} of ${seconds.all} s`,
    `${count(totals.requests)} requests`,
    `${count(totals.statements)} statements`,
    "Ctrl-C ends it",
  ].join(" · ");
  return [
    screen.paint("dim", "─".repeat(screen.width)),
    ...bars,
    `  ${screen.paint("dim", shorten(status, screen.width - 2))}`,
  ];
}

/** A line that says how far something is. */
export function progressLine(screen: Screen, label: string, share: number, note: string): string {
  const percent = `${Math.round(share * 100)} %`.padStart(5);
  const room = screen.width - label.length - percent.length - 18;
  return `${label}  ${screen.paint("green", bar(share, room, "█", "░"))} ${percent}  ${note}`;
}

/** What went where, and why. */
export function summary(
  screen: Screen,
  totals: Totals,
  endpoints: ReadonlyMap<string, string>,
  meanings: Readonly<Record<string, string>>,
): string[] {
  return [
    "",
    screen.paint("bold", "Where the statements went"),
    "",
    ...serverTable(screen, totals, endpoints),
    "",
    screen.paint("bold", "Why they went there"),
    "",
    ...reasonTable(screen, totals, meanings),
    "",
  ];
}

function serverTable(
  screen: Screen,
  totals: Totals,
  endpoints: ReadonlyMap<string, string>,
): string[] {
  const row = (name: string, endpoint: string, ...numbers: [string, string, string, string]) =>
    `  ${name.padEnd(8)} ${endpoint.padEnd(17)}${numbers.map((n) => n.padStart(11)).join("")}`;
  const cells = (total: { statements: number; permille: number; p50Ms: number; p99Ms: number }) =>
    [
      count(total.statements),
      `${(total.permille / 10).toFixed(1)} %`,
      ms(total.p50Ms),
      ms(total.p99Ms),
    ] as [string, string, string, string];
  return [
    screen.paint("dim", row("server", "endpoint", "statements", "share", "p50 ms", "p99 ms")),
    ...totals
      .servers()
      .map((total) =>
        screen.paint(
          inkOf(total.server),
          row(total.server, endpoints.get(total.server) ?? "", ...cells(total)),
        ),
      ),
    row("all", "", ...cells(totals.all())),
  ];
}

function reasonTable(
  screen: Screen,
  totals: Totals,
  meanings: Readonly<Record<string, string>>,
): string[] {
  const row = (reason: string, writer: string, readers: string) =>
    `  ${reason.padEnd(22)}${writer.padStart(7)}${readers.padStart(9)}  `;
  const indent = row("", "", "");
  const room = screen.width - indent.length;
  const lines = totals.reasons().flatMap(({ reason, writer, readers }) => {
    const [first = "", ...more] = wrap(meanings[reason] ?? "", room);
    const counts = row(reason, writer ? count(writer) : "–", readers ? count(readers) : "–");
    return [counts + first, ...more.map((line) => indent + line)];
  });
  return [screen.paint("dim", `${row("reason", "writer", "readers")}meaning`), ...lines];
}
