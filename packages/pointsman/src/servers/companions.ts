import type { TransactionStatus } from "pg";
import type { Row } from "./question.ts";

/** What leaves together with a statement, in the same flight on the same connection. */
export interface Companions {
  /** Asked in front. Where it does not hold, the statement's answer is dropped. */
  readonly proof?: Proof | undefined;
  /** Asked behind. The statement's success is not told before this is answered. */
  readonly behind?: Behind | undefined;
}

/** A question in front of a statement, whose answer decides whether the statement's counts. */
export interface Proof {
  readonly text: string;
  /** The statement is sent only when it holds: what it does cannot be dropped. */
  readonly first: boolean;
  holds(row: Row | undefined): boolean;
}

/** A question behind a statement. */
export interface Behind {
  /** `undefined`: there is nothing to ask, but somebody wants to know when the statement is over. */
  readonly text: string | undefined;
  /** Whether the statement's failure, too, waits for the answer. */
  readonly afterFailure: boolean;
  /**
   * Called once, with the answer.
   *
   * @param failed - the statement has failed
   * @param status - of the connection, behind the question
   */
  answered(row: Row | undefined, failed: boolean, status: TransactionStatus): void;
}

/** What looks after one connection for as long as it lives. */
export interface ConnectionCare {
  /** The id of the open transaction, or of the last one, where it was asked. */
  readonly transactionId?: string | undefined;
  /** The server that it leads to, once that is known: one object for each start of each server. */
  readonly server?: { readonly timeline: number } | undefined;
  /** A statement is over; nothing of its caller's has been called yet. */
  ready(status: TransactionStatus): void;
  /** Something was notified; `emit` tells the listeners, now or later, in order. */
  notified(emit: () => void): void;
}

/** What a statement "fails" with whose server was not far enough: it is to be sent elsewhere. */
export const readerBehind: Error = Object.freeze(
  new Error("The reader has not replayed what this read must see."),
);
