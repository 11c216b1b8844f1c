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
  refused: "A reader has refused this text before.",
  "after-refusal": "A reader refused it just now, and it was repeated on the writer.",
  "reader-unavailable": "No reader could be reached.",
  "transactions-on-writer": "READ ONLY transactions are kept on the writer by option.",
  direct: "It was sent to `pool.writer` or `pool.reader` by hand.",
} as const satisfies Record<string, string>;

/** Why a statement goes where it goes. */
export type Reason = keyof typeof reasons;
