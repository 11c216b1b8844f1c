import pg, { type Connection, type QueryResult, type Submittable } from "pg";
import type { QueryCallback } from "../query-input.ts";
import type { QueryPlan } from "./query-plan.ts";

/** What pg has besides its documented surface, and what it does with values. */
const { Result, utils } = pg as unknown as {
  Result: new (rowMode: unknown, types: unknown) => PgResult;
  utils: { prepareValue(value: unknown): unknown };
};

/** pg's result while it is filled. */
interface PgResult extends QueryResult {
  _types: unknown;
  addFields(fields: unknown): void;
  parseRow(fields: unknown): never;
  addRow(row: never): void;
  addCommandComplete(message: unknown): void;
}

/** pg's connection as a query writes to it. */
interface Wire {
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  query(text: string): void;
  parse(message: { text: string; name: string | undefined }): void;
  bind(message: { statement: string | undefined; values: readonly unknown[] }): void;
  sendCopyFail(message: string): void;
  _send(bytes: Buffer): void;
}

/** Describe and Execute of the portal without a name, and Sync. */
const rest = Buffer.from([
  0x44, 0, 0, 0, 6, 0x50, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4,
]);

/**
 * A query as light as can be, with pg's own results. It is sent as a whole or not at all, so that
 * what goes wrong with it is nobody else's.
 */
export class LaneQuery implements Submittable {
  readonly text: string;
  readonly name: string | undefined;
  /** By this name pg's client gives it the types of the connection. */
  readonly _result: PgResult;
  callback: QueryCallback;
  readonly #values: readonly unknown[] | undefined;
  #error: Error | undefined;

  /** @throws what values throw that cannot be written */
  constructor(
    { text, values, rowMode, types }: QueryPlan,
    name: string | undefined,
    callback: QueryCallback,
  ) {
    this.text = text;
    this.name = name;
    this.callback = callback;
    if (name !== undefined || (values !== undefined && values.length > 0)) {
      this.#values = values?.map((value) => utils.prepareValue(value)) ?? [];
    }
    this._result = new Result(rowMode, types);
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire;
    const { text, name } = this;
    const values = this.#values;
    if (values === undefined) {
      wire.query(text);
      return;
    }
    if (name === undefined) wire.parse({ text, name });
    else if (
      wire.parsedStatements[name] === undefined &&
      wire.submittedNamedStatements[name] === undefined
    ) {
      wire.parse({ text, name });
      wire.submittedNamedStatements[name] = text;
    }
    wire.bind({ statement: name, values });
    wire._send(rest);
  }

  handleRowDescription({ fields }: { readonly fields: unknown }): void {
    this._result.addFields(fields);
  }

  handleDataRow({ fields }: { readonly fields: unknown }): void {
    if (this.#error !== undefined) return;
    try {
      this._result.addRow(this._result.parseRow(fields));
    } catch (error) {
      this.#error = error as Error;
    }
  }

  handleCommandComplete(message: unknown): void {
    this._result.addCommandComplete(message);
  }

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: Wire): void {
    connection.sendCopyFail("No source stream defined");
  }

  handleCopyData(): void {}

  handleReadyForQuery(): void {
    if (this.#error === undefined) this.callback(undefined, this._result);
    else this.callback(this.#error);
  }

  handleError(error: Error): void {
    this.callback(error);
  }
}
