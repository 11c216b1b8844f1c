import type { Format } from "../terminal.ts";
import { type Line, lineOf, type Piece } from "./line.ts";
import { fitted, printable, widthOf } from "./text-width.ts";

export interface Cell {
  readonly text: string;
  readonly format?: Format | undefined;
}

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => Cell;
  readonly align?: "left" | "right";
  /** Where what is too long is cut. */
  readonly cut?: "end" | "middle";
  /** Exactly as wide, whatever is in it: it does not jump about. */
  readonly width?: number;
  /** Has the room that is left, as far as it needs it; one column is so. */
  readonly isFlexible?: true;
  /** Whether it is left out where there is no room: the greatest first. */
  readonly spare?: number;
}

const gap = "  ";
/** What is narrower cannot be read. */
const leastFlexible = 24;
/** Where there is room, a table does not become narrower than with this. */
const usualFlexible = 26;

/** A table: its header, and a line for each row. */
export function gridOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly Line[] {
  const sized = columns.map((column) => sizedColumn(column, rows));
  const kept = fitting(sized, width);
  const fixed = kept.filter(({ column }) => column.isFlexible !== true);
  const used = fixed.reduce((sum, one) => sum + one.width, 0) + gap.length * (kept.length - 1);
  const natural = kept.find(({ column }) => column.isFlexible === true)?.natural ?? 0;
  const flexible = Math.min(Math.max(0, width - used), Math.max(natural, usualFlexible));
  const lineWith = (cellOf: (column: Column<Row>) => Cell): Line => {
    const pieces = kept.flatMap(({ column, width: own }, at): Piece[] => {
      const { text, format } = cellOf(column);
      const columns = column.isFlexible === true ? flexible : own;
      const shown = fitted(text, columns, column.align, column.cut);
      return [...(at === 0 ? [] : [{ text: gap }]), { text: shown, format }];
    });
    return lineOf(pieces, width);
  };
  return [
    lineWith(({ title }) => ({ text: title, format: "bold" })),
    ...rows.map((row) => lineWith(({ of }) => of(row))),
  ];
}

interface Sized<Row> {
  readonly column: Column<Row>;
  /** Of its widest cell. */
  readonly natural: number;
  readonly width: number;
}

function sizedColumn<Row>(column: Column<Row>, rows: readonly Row[]): Sized<Row> {
  const title = widthOf(column.title);
  const natural = Math.max(title, ...rows.map((row) => widthOf(printable(column.of(row).text))));
  const width =
    column.isFlexible === true
      ? Math.min(natural, leastFlexible)
      : Math.max(title, column.width ?? natural);
  return { column, natural, width };
}

/** The columns that there is room for. */
function fitting<Row>(columns: readonly Sized<Row>[], width: number): readonly Sized<Row>[] {
  const needed = columns.reduce((sum, one) => sum + one.width + gap.length, -gap.length);
  const spare = Math.max(...columns.map(({ column }) => column.spare ?? 0));
  if (needed <= width || spare === 0) return columns;
  return fitting(
    columns.filter(({ column }) => column.spare !== spare),
    width,
  );
}
