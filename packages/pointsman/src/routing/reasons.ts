import { verdicts } from "../statements/verdicts.ts";

/**
 * Every reason that a route can have, and what it means. The verdicts of `statements` are reasons
 * too: where nothing else applies, the text itself is the reason.
 */
export const reasons = {
  ...verdicts,
  "open-transaction": "A transaction is open, and stays on one server until it ends.",
  conversation: "The checked-out client has done more than read, and stays on the writer.",
  scope: "It runs inside `withWriter` or `onWriter`.",
  asked: "The query's `target` option asked for it.",
  hint: "A leading comment in the text asked for it.",
  mode: "`mode` keeps it on the writer.",
  "read-only-mode": "The pool is read-only: what would go to the writer stays on a reader.",
  shadow: "`shadow` keeps it on the writer: a reader would have got it.",
  "route-hook": "The `route` hook chose so.",
  "table-policy": "A rule of `tables` for a table that it reads says so.",
  refused: "A reader has refused this text before.",
  "after-refusal": "A reader refused it just now, and it was repeated on the writer.",
  "reader-unavailable": "No reader could be reached.",
  "transactions-on-writer": "READ ONLY transactions are kept on the writer by option.",
  "migration-table":
    "It reads a table in which an ORM keeps its migrations, or `information_schema.tables`, where ORMs look whether it is there.",
  strong: '`consistency: "strong"` sends all reads to the writer.',
  "write-pending": "A write that it must see is under way, and its position is not known yet.",
  "position-unknown":
    "Nobody knows which position it must see: that of a write was lost, or the writer was not asked recently enough for `maxStaleness`.",
  "time-window":
    "There are no positions here, and something that it must see was written a moment ago.",
  "reader-behind": "No reader had replayed what it must see, and it went to the writer.",
  "fresher-reader": "A reader had not replayed what it must see, and another one had.",
  waited: "It waited until a reader had replayed what it must see.",
  "session-moved":
    "Its session was served by another reader before, and nobody knows how far that had come.",
  "schema-behind":
    "A reader did not know an object that it names, and it was repeated on the writer, which may.",
  "after-loss":
    "Its connection was lost, and it was sent again: it only reads, or had certainly not been begun.",
  "replay-conflict":
    "A reader has cancelled it in favour of replay, and it was repeated on the writer.",
  "writer-moved":
    "Its server refused it, being no longer the writer, and it was sent to the one that is.",
  direct: "It was sent to `pool.writer` or `pool.reader` by hand.",
} as const satisfies Record<string, string>;

/** Why a statement goes where it goes. */
export type Reason = keyof typeof reasons;

/** Reasons for which a read is on the writer, since no reader could be shown to be fresh enough. */
export const freshnessReasons: ReadonlySet<Reason> = new Set([
  "write-pending",
  "position-unknown",
  "time-window",
  "reader-behind",
  "session-moved",
]);
