import type { Outcome } from "./asker.ts";

/** What was seen of a statement on a server. */
export interface Seen {
  readonly outcome: Outcome;
  /** State of the connection or the server that is another than before. */
  readonly changed: readonly string[];
  /** For a statement that leaves a transaction open: what became of a read and a write inside it. */
  readonly inside?: string;
  /** The folder for files is not empty any more. */
  readonly wroteFile: boolean;
}

/** What was seen of a statement on readers, which take nothing of it. */
export interface SeenOnReaders extends Seen {
  /** The answer, asked again on the same reader, was the same. */
  readonly stable: boolean;
  /** Another reader has answered the same. */
  readonly sameElsewhere: boolean;
  /** It waits for, or is denied, an advisory lock that somebody else holds. */
  readonly locks: boolean;
  /** It exports a snapshot while its transaction lasts. */
  readonly exports: boolean;
  /** It leaves a large object open while its transaction lasts. */
  readonly opens: boolean;
  /** The writer has moved while a reader ran it. */
  readonly reachedOut: boolean;
  /** After it, random() gives the same number each time. */
  readonly seeds: boolean;
}

export interface SeenOnWriter extends Seen {
  /** Its answer is that of the reader, given when both were asked at the same moment. */
  readonly sameAnswer: boolean;
  /** It has changed data. */
  readonly wrote: boolean;
}

/** All that is known of a statement; of one that a reader refuses, only whether the writer takes it. */
export interface Evidence {
  readonly readers: SeenOnReaders;
  readonly writer: SeenOnWriter;
}
