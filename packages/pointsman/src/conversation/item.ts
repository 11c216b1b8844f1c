import type { Call } from "../call.ts";
import type { Target } from "../routing/route.ts";
import { abortReason } from "../servers/abortable-query.ts";
import type { QueryCallback } from "../servers/query-input.ts";
import type { Replayable } from "../servers/replayable.ts";
import type { Classification } from "../statements/types.ts";

/** One statement of a conversation, from its call to its answer. */
export interface Item extends Call {
  readonly asked: Target | undefined;
  readonly scope: boolean;
  /** What the `route` hook has chosen, where it was asked. */
  readonly hook: Target | undefined;
  /** Sent by a `connect` listener: it goes with the first real statement, on the same track. */
  readonly setUp: boolean;
  readonly signal: AbortSignal | undefined;
  /** Listens to the signal. */
  abandon?: () => void;
  readonly callback: QueryCallback | undefined;
  /** Submitted in its place, when it is a cursor or a stream that a reader may refuse. */
  movable?: Replayable | undefined;
  /** What it has heard, when it is a cursor or a stream that has failed. */
  failure?: Error | undefined;
  /** How often a server has ended it with a word, and it was sent again. */
  farewells?: number;
  /** It takes a transaction away from the writer, where nothing was done in it, or to a reader. */
  readonly moving?: "away" | "in";
}

/** What a statement rejects with whose signal was aborted. */
export function reasonOf({ signal }: Item): Error {
  return abortReason(signal as AbortSignal);
}

/** Its caller has an answer: nobody can give it up any more. */
export function heedNoLonger({ signal, abandon }: Item): void {
  if (abandon !== undefined) signal?.removeEventListener("abort", abandon);
}

/** Whether what waits behind a statement counts on it to have opened a transaction. */
export function opensTransaction({ facts }: Item): boolean {
  return facts.transaction?.kind === "begin";
}

/** Whether nobody has said where the transaction that it opens belongs. */
export function isUndecided({ facts, asked, scope }: Item): boolean {
  return facts.transaction?.readOnly === undefined && !scope && (asked ?? facts.hint) === undefined;
}

/** What statements fail with that wait on a conversation which is ended. */
export function terminated(): Error {
  return new Error("Connection terminated");
}

/** What ends a transaction in which nothing was done, and which is opened elsewhere. */
export function closing(rollback: Call): Item {
  return {
    ...rollback,
    // Nobody has called it.
    ...{
      trace: undefined,
      asked: undefined,
      scope: false,
      hook: undefined,
      setUp: false,
      signal: undefined,
    },
    moving: "away",
    callback: undefined,
  };
}

/** What opens a transaction anew which a statement has declared READ ONLY, and answers for that. */
export function reopening(item: Item, text: string, facts: Classification): Item {
  const { signal, callback } = item;
  const query = signal === undefined ? text : { text, signal };
  return {
    ...item,
    ...{ query, text, facts, values: undefined, habit: undefined },
    moving: "in",
    callback:
      callback &&
      ((error, result) =>
        callback(error, result && Object.assign(result as object, { command: "SET" }))),
  };
}
