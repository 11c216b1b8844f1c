import { withoutLeadingComments } from "../script/split-statements.ts";
import { oneLine, paint, shortened } from "../terminal.ts";
import { type Answer, colours, routeOf } from "./route.ts";

/** A column of its own, before what is told of every route. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
}

/** A text and where it goes; `undefined`: its text is not known. */
export interface Routed {
  readonly text: string | undefined;
  readonly answer: Answer | undefined;
}

/** A row for each text: where it goes, why, and its beginning. */
export function tableOf<Row extends Routed>(
  rows: readonly Row[],
  own: readonly Column<Row>[],
  columns: number,
  coloured: boolean,
): string {
  const cells = rows.map((row) => {
    const route = row.answer && routeOf(row.answer);
    return {
      own: own.map(({ of }) => of(row)),
      place: route?.place,
      reason: route?.reason ?? "",
      text: oneLine(withoutLeadingComments(row.text ?? noText)),
    };
  });
  const ownWidths = own.map(({ title }, at) =>
    widest(title, cells, (cell) => cell.own[at] as string),
  );
  const reasonWidth = widest("reason", cells, ({ reason }) => reason);
  const before = ownWidths.reduce((sum, width) => sum + width + 2, 0);
  const room = Math.max(columns - before - placeWidth - 2 - reasonWidth - 2, leastText);
  const ownRow = (values: readonly string[]): string =>
    values.map((value, at) => `${value.padStart(ownWidths[at] as number)}  `).join("");
  const titles = `${ownRow(own.map(({ title }) => title))}${"goes to".padEnd(placeWidth)}  ${"reason".padEnd(reasonWidth)}  text`;
  const lines = cells.map(({ own: values, place, reason, text }) => {
    const target = (place ?? "unknown").padEnd(placeWidth);
    return [
      `${ownRow(values)}${paint(coloured, place === undefined ? "dim" : colours[place], target)}`,
      reason.padEnd(reasonWidth),
      shortened(text, room),
    ]
      .join("  ")
      .trimEnd();
  });
  return `${[paint(coloured, "bold", titles), ...lines].join("\n")}\n`;
}

/** The width of a column. There may be more rows than a function takes arguments. */
function widest<Row>(title: string, rows: readonly Row[], of: (row: Row) => string): number {
  return rows.reduce((width, row) => Math.max(width, of(row).length), title.length);
}

const noText = "(not shown to this user, or lost)";
const placeWidth = "nowhere".length;
/** Less of a text says nothing. */
const leastText = 20;
