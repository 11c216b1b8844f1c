import type { Operation } from "./history.ts";

/**
 * A stretch of work of one session in one process: plain data, so that it can be made from a seed
 * in one place, and done in another.
 */
export interface Step {
  readonly session: number;
  /** The token that it begins with: of the session's last step, or of another session. */
  readonly after: TakenToken | undefined;
  readonly deeds: readonly Deed[];
}

/** A token, and when it was taken. */
export interface TakenToken {
  readonly session: number;
  readonly token: string | undefined;
  readonly at: number;
}

export type Deed =
  | Look
  | Alter
  | { readonly kind: "transaction"; readonly transaction: Transaction }
  /** Reads and writes of one checked-out client, outside of transactions. */
  | { readonly kind: "conversation"; readonly statements: readonly (Look | Alter)[] }
  /** All at the same time. */
  | { readonly kind: "together"; readonly deeds: readonly (Look | Alter)[] }
  /** Goes on from another session's token, too. */
  | { readonly kind: "adopt"; readonly from: TakenToken };

/** Reads some keys in one snapshot. */
export interface Look {
  readonly kind: "look";
  readonly keys: readonly string[];
  readonly by: "pool" | "target" | "withWriter" | "cursor";
}

/** Changes one key. */
export interface Alter {
  readonly kind: "alter";
  readonly change:
    | { readonly kind: "set"; readonly key: string }
    | { readonly kind: "append"; readonly key: string; readonly element: number };
}

export interface Transaction {
  readonly by: "transaction" | "client";
  readonly readOnly: boolean;
  readonly isolationLevel: "read committed" | "repeatable read";
  readonly statements: readonly (Look | Alter)[];
  readonly end: "commit" | "rollback";
}

/** What has come of a step. */
export interface StepResult {
  readonly operations: readonly Operation[];
  readonly token: TakenToken;
  /** Autocommit reads that nothing in the text or around it ties to the writer, and their servers. */
  readonly freeReads: Readonly<Record<string, number>>;
  /** What failed, in words, by how often. */
  readonly troubles: Readonly<Record<string, number>>;
}
