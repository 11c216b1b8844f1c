import type { WriteStream } from "node:tty";

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

export type Ink = keyof typeof codes;

/** Where the demo is shown: a terminal, or a file or pipe. */
export interface Screen {
  /** How many characters fit on a line. */
  readonly width: number;
  /** Whether {@link footer} is shown. */
  readonly live: boolean;
  /** Colours a text, where colours are wanted. */
  paint(ink: Ink, text: string): string;
  /** Writes lines, above the footer. */
  print(...lines: string[]): void;
  /** Lines that stay at the bottom and change in place; on a terminal only. */
  footer(lines: readonly string[]): void;
  /** Leaves the terminal as it was found. */
  close(): void;
}

/** The screen that this output and environment allow for. */
export function screenFor(output: WriteStream, environment = process.env): Screen {
  const { TERM, NO_COLOR, FORCE_COLOR } = environment;
  const live = output.isTTY === true && TERM !== "dumb";
  const colours = FORCE_COLOR ? FORCE_COLOR !== "0" : live && !NO_COLOR;
  const paint = (ink: Ink, text: string): string =>
    colours ? `\x1b[${codes[ink][0]}m${text}\x1b[${codes[ink][1]}m` : text;
  return live ? new LiveScreen(output, paint) : new PlainScreen(output, paint);
}

class PlainScreen implements Screen {
  readonly width = 100;
  readonly live = false;
  readonly paint: Screen["paint"];
  readonly #output: WriteStream;

  constructor(output: WriteStream, paint: Screen["paint"]) {
    this.#output = output;
    this.paint = paint;
  }

  print(...lines: string[]): void {
    this.#output.write(lines.map((line) => `${line.trimEnd()}\n`).join(""));
  }

  footer(): void {}

  close(): void {}
}

class LiveScreen implements Screen {
  readonly live = true;
  readonly paint: Screen["paint"];
  readonly #output: WriteStream;
  #footer: readonly string[] = [];

  constructor(output: WriteStream, paint: Screen["paint"]) {
    this.#output = output;
    this.paint = paint;
    this.#output.write("\x1b[?25l");
  }

  /** One less than the terminal has: in its last column some terminals break the line. */
  get width(): number {
    return Math.max(60, (this.#output.columns ?? 80) - 1);
  }

  print(...lines: string[]): void {
    this.#draw(lines, this.#footer);
  }

  footer(lines: readonly string[]): void {
    this.#draw([], lines);
  }

  close(): void {
    this.#draw([], []);
    this.#output.write("\x1b[?25h");
  }

  /** Everything in one write, as one update: nothing is ever seen half drawn. */
  #draw(lines: readonly string[], footer: readonly string[]): void {
    const up = this.#footer.length > 0 ? `\x1b[${this.#footer.length}A` : "";
    const text = [...lines, ...footer].map((line) => `\x1b[2K${line}\n`).join("");
    this.#output.write(`\x1b[?2026h\r${up}${text}\x1b[J\x1b[?2026l`);
    this.#footer = footer;
  }
}
