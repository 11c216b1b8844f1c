import { keyCount } from "./key-value-table.ts";

/** A statement as `query(text, values)` takes it. */
export interface DistinctText {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Reads of one row, as many different texts as there are numbers, by what they differ in. */
export const distinctTexts = {
  /** As query builders write them: no literal tells them apart. */
  "texts with a parameter": (n) => ({
    text: `select id, value as value_${n} from kv where id = $1`,
    values: [keyOf(n)],
  }),
  "texts with a parameter and a literal": (n) => ({
    text: `select * from kv where id = $1 and ${n} = ${n}`,
    values: [keyOf(n)],
  }),
  /** As it is where parameters are written into the text. */
  "literal texts": (n) => ({
    text: `select * from kv where id = ${keyOf(n)} and ${n} = ${n}`,
    values: [],
  }),
} as const satisfies Readonly<Record<string, (number: number) => DistinctText>>;

export type KindOfText = keyof typeof distinctTexts;

export const kindsOfText = Object.keys(distinctTexts) as KindOfText[];

function keyOf(n: number): number {
  return ((n * 337) % keyCount) + 1;
}
