/** What the catalogs of a database tell of a role that should write nothing but what is allowed. */
export interface WallFacts {
  readonly role: string;
  readonly database: string;
  /** Such as 18. */
  readonly version: number;
  readonly superuser: boolean;
  /** What else the role itself may do, in the words of ALTER ROLE: `CREATEROLE`. */
  readonly attributes: readonly string[];
  /** Whether it logs in with tokens of IAM. */
  readonly byIam: boolean;
  readonly owned: Owned;
  /** The roles that it is a member of by a grant to itself, and that may write. */
  readonly memberships: readonly Membership[];
  /** What was granted to the role itself or to PUBLIC, beyond what it needs. */
  readonly grants: readonly Grant[];
  /** `default_transaction_read_only` as sessions of the role begin with it. */
  readonly readOnlyByDefault: boolean;
  /** Whether it is set for the role in this database, which is stronger than for the role. */
  readonly setInDatabase: boolean;
  /** Schemas that hold something to read, and that the role may use. */
  readonly schemas: readonly ReadSchema[];
  readonly allowed: readonly AllowedTable[];
  /** Names that were allowed, and mean no table. */
  readonly unmatched: readonly string[];
}

export interface Owned {
  readonly count: number;
  /** A few of them, such as `table public.books`. */
  readonly names: readonly string[];
}

export interface Membership {
  readonly role: string;
  /** Who has granted it, and since PostgreSQL 16 has to take it back; `null`: a role that is gone. */
  readonly grantors: readonly (string | null)[];
  /** Whether the role may have made others members. */
  readonly admin: boolean;
  /** What the role can write by it. */
  readonly because: string;
}

/** A kind of object that a privilege is for. */
export type ObjectKind =
  | "table"
  | "sequence"
  | "schema"
  | "database"
  | "routine"
  | "large object"
  /** What will be granted on objects that are made later. */
  | "default";

export interface Grant {
  readonly kind: ObjectKind;
  /** Absent: it has none, or, of a default, it is for all schemas. */
  readonly schema: string | null;
  /** Of a large object its number, of a default the kind of what is made: `TABLES`. */
  readonly name: string;
  /** The types of a routine's arguments. */
  readonly args: string | null;
  readonly privileges: readonly string[];
  readonly toPublic: boolean;
  /** Who has to take it back: the owner, mostly. */
  readonly grantor: string;
  readonly owner: string;
  /** Whether the role may have granted it to others. */
  readonly grantable: boolean;
}

export interface ReadSchema {
  readonly name: string;
  readonly tables: number;
  readonly readable: number;
  /** Where the role reads some tables and not all: those. */
  readonly readableNames: readonly string[];
  /** Who has made tables in it, and will again. */
  readonly owners: readonly string[];
}

export interface AllowedTable {
  readonly schema: string;
  readonly name: string;
  /** What of USAGE (of its schema and sequences), SELECT, INSERT, UPDATE and DELETE is missing. */
  readonly missing: readonly string[];
  readonly sequences: readonly { readonly schema: string; readonly name: string }[];
  /** What else a write of it leads to, such as `trigger audit calls log_change()`. */
  readonly reaches: readonly string[];
}
