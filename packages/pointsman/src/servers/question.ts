import type { Connection, Submittable } from "pg";

/** The columns of a row, as PostgreSQL writes them. */
export type Row = readonly (string | null)[];

/**
 * A query of this library's own, as light as can be: one row, as text. It is never prepared, so
 * that nothing that a session forgets can break it.
 */
export class Question implements Submittable {
  readonly text: string;
  #answered: ((error: Error | undefined, row: Row | undefined) => void) | undefined;
  #row: Row | undefined;
  #error: Error | undefined;

  /** @param answered - called once, when the server is ready for the next */
  constructor(text: string, answered: (error: Error | undefined, row: Row | undefined) => void) {
    this.text = text;
    this.#answered = answered;
  }

  submit(connection: Connection): void {
    (connection as unknown as { query(text: string): void }).query(this.text);
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: Row }): void {
    this.#row = fields;
  }

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleReadyForQuery(): void {
    this.#answer();
  }

  /** After an error of the server nothing else is said to the question. */
  handleError(error: Error): void {
    this.#error = error;
    this.#row = undefined;
    this.#answer();
  }

  #answer(): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(this.#error, this.#row);
  }
}

/** A row of parsed values as PostgreSQL writes them; `undefined` for what is no row. */
export function asRow(row: unknown): Row | undefined {
  if (!Array.isArray(row)) return undefined;
  return row.map((value: unknown) => {
    if (typeof value === "boolean") return value ? "t" : "f";
    return value === null || value === undefined ? null : String(value);
  });
}
