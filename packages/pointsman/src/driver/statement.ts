import type { AsyncResource } from "node:async_hooks";
import {
  failSubmittable,
  isSubmittable,
  type QueryCallback,
  type QueryInput,
} from "../servers/query-input.ts";
import type { Classification } from "../statements/types.ts";

/** A statement as a Client was called with it. */
export interface Called {
  readonly query: QueryInput;
  readonly values: unknown;
  /** Absent for a cursor or a stream, which hears of its answer itself. */
  readonly callback: QueryCallback | undefined;
  /** Its caller's. */
  readonly context: AsyncResource;
}

/** One statement of a Client, from its call to its answer. */
export interface DriverStatement extends Called {
  readonly text: string | undefined;
  readonly facts: Classification;
}

/** Answers a statement that was not sent, as `pg` does: later, and in the context of its caller. */
export function failLater({ query, callback, context }: Called, error: Error): void {
  process.nextTick(() => {
    context.runInAsyncScope(() => {
      if (callback !== undefined) callback(error);
      else if (isSubmittable(query)) failSubmittable(query, error);
    });
  });
}
