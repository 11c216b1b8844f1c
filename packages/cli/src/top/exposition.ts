import type { Sample } from "./reading.ts";

/** What Prometheus's text format has, as far as it is looked at here. */
export interface Exposition {
  /** The names that have a type. */
  readonly families: ReadonlySet<string>;
  readonly samples: readonly Sample[];
}

/** A line that the format does not have. */
export class ExpositionError extends Error {}

const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelName = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const labelValue = /"((?:[^"\\]|\\.)*)"/y;
const blanks = /[ \t]*/y;
const rest = /([^ \t{},]+)(?:[ \t]+-?\d+(?:\.\d+)?)?[ \t]*(?:#.*)?$/y;
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const escapes: Readonly<Record<string, string>> = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/**
 * Reads Prometheus's text format, version 0.0.4, and that of OpenMetrics.
 *
 * @throws ExpositionError for the first line that is not of it
 */
export function parseExposition(text: string): Exposition {
  const families = new Set<string>();
  const samples: Sample[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    if (line.startsWith("#")) {
      const [, family] = /^#[ \t]+TYPE[ \t]+([^ \t]+)[ \t]/.exec(line) ?? [];
      if (family !== undefined) families.add(family);
      continue;
    }
    const sample = parseSample(line);
    if (sample === undefined) {
      throw new ExpositionError(
        `line ${at + 1} is none of it: ${JSON.stringify(line.slice(0, 60))}`,
      );
    }
    samples.push(sample);
  }
  return { families, samples };
}

/** Takes what is next in a line, piece by piece. */
class Pieces {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  /** @returns `undefined`: what is next is something else */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#line) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }

  takeSign(sign: string): boolean {
    this.take(blanks);
    if (this.#line[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }
}

function parseSample(line: string): Sample | undefined {
  const pieces = new Pieces(line);
  const metric = pieces.take(name)?.[0];
  if (metric === undefined) return undefined;
  const labels = pieces.takeSign("{") ? parseLabels(pieces) : {};
  pieces.take(blanks);
  const value = numberOf(pieces.take(rest)?.[1]);
  if (labels === undefined || value === undefined) return undefined;
  return { name: metric, labels, value };
}

function parseLabels(pieces: Pieces): Record<string, string> | undefined {
  const labels = new Map<string, string>();
  while (!pieces.takeSign("}")) {
    const label = pieces.take(labelName)?.[0];
    if (label === undefined || labels.has(label) || !pieces.takeSign("=")) return undefined;
    pieces.take(blanks);
    const value = pieces.take(labelValue)?.[1];
    if (value === undefined) return undefined;
    labels.set(
      label,
      value.replaceAll(/\\[\s\S]/g, (pair) => escapes[pair] ?? pair),
    );
    if (pieces.takeSign(",")) continue;
    return pieces.takeSign("}") ? Object.fromEntries(labels) : undefined;
  }
  return Object.fromEntries(labels);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[+-]?inf$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  return number.test(text) ? Number(text) : undefined;
}
