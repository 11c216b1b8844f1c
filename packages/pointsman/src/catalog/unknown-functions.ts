import type { Classification } from "../statements/types.ts";

/** A function that has kept statements from readers, since nobody knows what it does. */
export interface UnknownFunction {
  /** As statements spell it, with its schema where they write one. */
  readonly name: string;
  /** Statements that have gone to the writer for it. */
  readonly statements: number;
}

/** So many names are counted, and so many are told. */
const most = 1000;
const told = 20;

/** Counts which unknown functions keep how many statements from readers. */
export class UnknownFunctions {
  readonly #counts = new Map<string, number>();

  /** A statement was sent to the writer since its functions are not known. */
  count({ functions }: Classification): void {
    for (const { schema, name, knowledge } of functions) {
      if (knowledge !== "unknown") continue;
      const full = schema === undefined ? name : `${schema}.${name}`;
      const before = this.#counts.get(full);
      if (before !== undefined || this.#counts.size < most)
        this.#counts.set(full, (before ?? 0) + 1);
    }
  }

  /** Those that matter most first. */
  busiest(): readonly UnknownFunction[] {
    return [...this.#counts]
      .map(([name, statements]) => ({ name, statements }))
      .sort((a, b) => b.statements - a.statements)
      .slice(0, told);
  }
}
