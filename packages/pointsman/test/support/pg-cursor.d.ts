declare module "pg-cursor" {
  import type { QueryResult, Submittable } from "pg";

  /** What the tests use of it; the package brings no types of its own. */
  export default class Cursor<R extends object> implements Submittable {
    constructor(text: string, values?: unknown[]);
    submit(connection: unknown): void;
    read(rows: number): Promise<R[]>;
    read(
      rows: number,
      callback: (error: Error | undefined, rows: R[], result: QueryResult<R>) => void,
    ): void;
    close(): Promise<void>;
  }
}
