import type { Call } from "../call.ts";
import type { Target } from "../routing/route.ts";
import { abortReason } from "../servers/abortable-query.ts";
import type { QueryCallback } from "../servers/query-input.ts";
import type { Replayable } from "../servers/replayable.ts";

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
}

/** What a statement rejects with whose signal was aborted. */
export function reasonOf({ signal }: Item): Error {
  return abortReason(signal as AbortSignal);
}

/** Whether what waits behind a statement counts on it to have opened a transaction. */
export function opensTransaction({ facts }: Item): boolean {
  return facts.transaction?.kind === "begin";
}

/** What statements fail with that wait on a conversation which is ended. */
export function terminated(): Error {
  return new Error("Connection terminated");
}
