import { type Format, paint } from "../terminal.ts";
import { wrap } from "../wrap.ts";
import type { Line } from "./examine.ts";
import type { Mark } from "./finding.ts";

const marks = {
  ok: { sign: "✓", colour: "green" },
  look: { sign: "!", colour: "yellow" },
  bad: { sign: "✗", colour: "red" },
  skipped: { sign: "-", colour: "gray" },
} as const satisfies Record<Mark, { sign: string; colour: string }>;

const wordWidth = 7;
const nameWidth = 13;
/** Rows that are longer, or much shorter, cannot be read well. */
const widths = { least: 60, most: 120 };
/** Where what was found begins. */
const indent = 2 + 2 + wordWidth + 2 + nameWidth + 2;

/** Writes findings for people, as text of this width, with colours or without. */
export class Table {
  readonly #width: number;
  readonly #coloured: boolean;

  constructor(width: number, coloured: boolean) {
    this.#width = Math.min(Math.max(width, widths.least), widths.most);
    this.#coloured = coloured;
  }

  heading(title: string, note: string): string {
    return `\n${this.#style("bold", title)}${note === "" ? "" : `  ${this.#style("dim", note)}`}\n`;
  }

  line({ mark, check, found, remedy }: Line): string {
    const { sign, colour } = marks[mark];
    const head = `${this.#style(colour, `${sign} ${mark.padEnd(wordWidth)}`)}  ${check.padEnd(nameWidth)}  `;
    const rows = wrap(found, this.#width - indent);
    const advice = (remedy === undefined ? [] : items(remedy))
      .flatMap((item) => wrap(item, this.#width - indent - 2))
      .map((row, at) => `${at === 0 ? "→" : " "} ${row}`);
    const [first = "", ...rest] =
      mark === "skipped" ? rows.map((row) => this.#style("dim", row)) : rows;
    return [
      `  ${head}${first}`.trimEnd(),
      ...[...rest, ...advice].map((row) => " ".repeat(indent) + row),
      "",
    ].join("\n");
  }

  summary(lines: readonly Line[]): string {
    const parts = (Object.keys(marks) as Mark[])
      .map((mark) => ({ mark, count: lines.filter((line) => line.mark === mark).length }))
      .filter(({ count }) => count > 0)
      .map(({ mark, count }) => this.#style(marks[mark].colour, `${count} ${mark}`));
    return `\n${parts.join(", ")}\n`;
  }

  #style(format: Format, text: string): string {
    return paint(this.#coloured, format, text);
  }
}

/** The items of a list, "(1) this; (2) that", each for rows of its own; what has no list is one. */
function items(text: string): string[] {
  return text.split(/ (?=\(\d\) )/);
}
