/**
 * Every reason that a text alone can give for where it belongs, and what it means. One source of
 * truth: the type, the routes' reasons and the documentation come from it.
 */
export const verdicts = {
  "plain-read": "It only reads, and every function in it is known to be harmless.",
  "read-only-transaction":
    "It opens a transaction that is declared READ ONLY, of a kind that a reader can run.",
  empty: "There is no statement in the text.",
  unparsable: "PostgreSQL's parser does not accept the text; the server gives its own error.",
  "too-long":
    "It would take too long to judge: it is longer than `maxParseBytes`, or extremely dense.",
  "data-change": "It inserts, updates, merges, deletes, truncates or copies in.",
  "writing-cte": "A common table expression inside it writes.",
  "row-lock": "It locks rows (FOR UPDATE, FOR SHARE and kin).",
  "select-into": "It creates a table from a query.",
  "schema-change": "It creates, alters or drops a database object, or grants rights on one.",
  maintenance: "It works on the server or its storage (VACUUM, CHECKPOINT, ALTER SYSTEM and kin).",
  lock: "It takes a lock on a table.",
  procedure: "It runs a procedure or an anonymous block, which may do anything.",
  "server-file": "It reads or writes a file or a program on the server.",
  "writing-function": "It calls a function that changes the database.",
  "server-bound": "Its answer or its effect belongs to one server or one connection.",
  "unknown-function": "It calls a function that is not known to be read-only.",
  "writing-object":
    "A view, an operator, a cast or a type in it leads to a function that changes the database.",
  "unknown-object":
    "A view, an operator, a cast or a type in it leads to a function that is not known to be read-only.",
  "unlogged-table": "It reads an unlogged table, whose rows are on the writer alone.",
  "foreign-table": "It reads a foreign table, whose rows come from another database.",
  "transaction-start": "It opens a transaction that may write, or that a reader cannot run.",
  "transaction-control": "It ends or marks a transaction.",
  "session-state": "It changes or uses the state of its connection.",
  notification: "It listens for or sends notifications.",
} as const satisfies Record<string, string>;

/** The reason that a text alone gives for where it belongs. */
export type Verdict = keyof typeof verdicts;
