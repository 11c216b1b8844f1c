/**
 * What a statement is about. The first seven are the classes in which simple rules send to a reader
 * what needs the writer; the next six those in which they send to the writer what a reader can read.
 */
export const topics = {
  "refused-builtins": "builtins that a reader refuses",
  "accepted-builtins": "builtins that a reader accepts, and wrongly",
  "user-functions": "functions that write, lock or set",
  "hidden-writes": "writes without a call in the text",
  relations: "relations that a reader has not",
  syntax: "locks, writing CTEs, INTO, PREPARE, files",
  "this-server": "answers about one server",
  explain: "EXPLAIN",
  show: "SHOW",
  "copy-out": "COPY … TO STDOUT",
  "reading-functions": "VOLATILE functions that only read",
  catalogs: "system catalogs",
  "harmless-volatile": "builtins that are VOLATILE and harmless",
  queries: "queries",
  "data-changes": "changes of data",
  "schema-changes": "changes of schema and server",
  session: "state of the connection",
  builtins: "all builtin functions, operators, casts",
  extensions: "functions and operators of extensions",
} as const satisfies Record<string, string>;

export type Topic = keyof typeof topics;

/** A user of the cluster: the superuser, or a clerk for whom row-level security holds. */
export type Role = "app" | "clerk";

export interface Statement {
  readonly topic: Topic;
  readonly text: string;
  /** Who sends it. Default: the superuser. */
  readonly as?: Role;
  /** What undoes its effects outside its database, on the server where it has run. */
  readonly undo?: readonly string[];
}

/** What the texts of a corpus have to name, and is another for each run. */
export interface Surroundings {
  /** A folder that the servers may write to, empty before each statement. */
  readonly folder: string;
  /** The major version of the servers: 14, 15… */
  readonly major: number;
}
