import type { Verdict } from "./verdicts.ts";

/**
 * What a statement does, in the coarsest terms.
 *
 * - `read`: it only looks.
 * - `write`: it changes data, schema or server, or nobody can tell that it does not.
 * - `transaction`: it opens, ends or marks a transaction.
 * - `session`: it changes the state of the connection it runs on.
 */
export type Effect = "read" | "write" | "transaction" | "session";

/** A table, view, sequence or other relation as it is spelled in the text (quotes removed). */
export interface RelationName {
  readonly schema?: string;
  readonly name: string;
}

/** A relation that is read. */
export interface ReadRelation extends RelationName {
  /** It stands behind ONLY: the tables that inherit from it are not read. */
  readonly only?: true;
}

/**
 * What is known about a function that a statement calls.
 *
 * - `harmless`: a builtin that a reader can run with the same meaning.
 * - `writes`: a builtin that changes the database, or runs SQL that it is given as a value.
 * - `server-bound`: a builtin whose answer or effect belongs to one server or one connection; a
 *   reader would accept it, and be wrong.
 * - `reads`: not a builtin; its database, or the option `functions`, tells that it only reads.
 * - `unknown`: not a builtin, so the text alone cannot tell.
 */
export type FunctionKnowledge = "harmless" | "reads" | "writes" | "server-bound" | "unknown";

/**
 * A function that a statement calls, as it is spelled in the text. Operators count only where they
 * are spelled with a schema, `OPERATOR(public.+)`.
 */
export interface FunctionCall {
  readonly schema?: string;
  readonly name: string;
  readonly knowledge: FunctionKnowledge;
}

/** A call as a statement has it, with what tells functions of one name apart. */
export interface CountedCall extends FunctionCall {
  /** How many arguments it is given, each number once; absent: the text does not tell. */
  readonly argumentCounts?: readonly number[];
}

/** Isolation levels, in the spelling of the SQL standard, lower case. */
export type IsolationLevel =
  | "read uncommitted"
  | "read committed"
  | "repeatable read"
  | "serializable";

/** What a transaction statement does to the transaction. */
export interface TransactionControl {
  readonly kind:
    | "begin"
    | "commit"
    | "rollback"
    | "savepoint"
    | "release"
    | "rollback-to"
    | "prepare"
    | "commit-prepared"
    | "rollback-prepared"
    /** SET TRANSACTION, SET CONSTRAINTS: for the transaction that is open. */
    | "set"
    /** SET SESSION CHARACTERISTICS, default_transaction_read_only: for the transactions to come. */
    | "set-default";
  /** The isolation level, where the statement names one. */
  readonly isolation?: IsolationLevel;
  /** READ ONLY (`true`), READ WRITE (`false`), or not said. */
  readonly readOnly?: boolean;
  /** DEFERRABLE (`true`), NOT DEFERRABLE (`false`), or not said. */
  readonly deferrable?: boolean;
  /** COMMIT AND CHAIN, ROLLBACK AND CHAIN. */
  readonly chain?: boolean;
}

/**
 * State of the connection that a statement leaves behind when it is done.
 *
 * - `setting`: SET, RESET, set_config(…, false); builtins that run SQL given as a value may do it
 * - `role`: SET ROLE, SET SESSION AUTHORIZATION
 * - `listening`: LISTEN, UNLISTEN
 * - `prepared`: PREPARE, DEALLOCATE
 * - `temporary`: CREATE TEMP …, SELECT INTO TEMP
 * - `cursor`: DECLARE … WITH HOLD
 * - `lock`: session-level advisory locks
 * - `library`: LOAD
 * - `discard`: DISCARD
 */
export type SessionState =
  | "setting"
  | "role"
  | "listening"
  | "prepared"
  | "temporary"
  | "cursor"
  | "lock"
  | "library"
  | "discard";

/** Where a hint in a leading comment asks a text to go. */
export type Hint = "writer" | "reader";

/** One SQL command of a text. */
export interface Statement {
  /** The parser's name of it, for example `SelectStmt`. */
  readonly node: string;
  /** The command in upper case, for example `SELECT`, `CREATE TABLE`, `START TRANSACTION`. */
  readonly command: string;
  readonly effect: Effect;
  /** The one reason for `effect` and `reader`. */
  readonly verdict: Verdict;
  /** Whether a reader can run it, outside a transaction, as far as the text tells. */
  readonly reader: boolean;
  /** Relations that are read, and those that are written; each relation once. */
  readonly reads: readonly ReadRelation[];
  readonly writes: readonly RelationName[];
  /** Functions that are called, each once. */
  readonly functions: readonly CountedCall[];
  /** For a transaction statement: which. */
  readonly transaction?: TransactionControl;
  /** State that it leaves on its connection. */
  readonly session: readonly SessionState[];
  /**
   * It runs code that can be looked into and leaves nothing on its connection once its text is done:
   * a DO block in PL/pgSQL, or a temporary function that the text also drops.
   */
  readonly contained?: boolean;
  /** It is planned, and not run: EXPLAIN without ANALYZE. */
  readonly onlyPlanned?: boolean;
  /**
   * Whether it may be sent a second time after a reader refused it: its effect is `read` or a plain
   * `write` that cannot commit by itself and may run inside a transaction block, and it does nothing
   * outside the database. A function that is not known may do anything, so a statement that calls
   * one is not repeatable as far as the text tells; where that is the only reason, the verdict is
   * `unknown-function`, and who knows those functions knows better.
   */
  readonly repeatable: boolean;
  /**
   * A function or command in it that a reader would accept and that would mean nothing there, or
   * harm (an advisory lock, an exported snapshot, LOCK TABLE, CHECKPOINT, COPY to a file).
   */
  readonly meaninglessOnReader?: string;
}

/**
 * What one text does: the sum of its statements, judged by the most demanding of them.
 */
export interface Classification {
  readonly effect: Effect;
  readonly verdict: Verdict;
  /** Whether a reader can run the whole text, outside a transaction, as far as the text tells. */
  readonly reader: boolean;
  readonly statements: readonly Statement[];
  readonly reads: readonly ReadRelation[];
  readonly writes: readonly RelationName[];
  readonly functions: readonly CountedCall[];
  /** For a text that is one transaction statement and nothing else: which. */
  readonly transaction?: TransactionControl;
  /** State that the text leaves on its connection; `SET LOCAL` and kin leave none. */
  readonly session: readonly SessionState[];
  /** The text is one statement, and that one is {@link Statement.repeatable}. */
  readonly repeatable: boolean;
  readonly meaninglessOnReader?: string;
  /**
   * A hint that is the whole of a leading comment: `pointsman:writer` or `pointsman:reader`. Other
   * comments may stand before and behind it; of two hints that disagree, the writer's counts.
   */
  readonly hint?: Hint;
}
