import type { Row } from "../servers/question.ts";

/**
 * `f`, `r`, `o` or `t` for a function, relation, operator or type, `u` for the values of a type, `i`
 * for a relation that inherits from the one that leads to it, and its number.
 */
export type Ref = string;

/** What a tree does by its commands; `null`: it only reads. */
export type TreeMark = "writes" | "locks" | null;

/** A function, an aggregate or a window function that is not PostgreSQL's own. */
export type FunctionRow = readonly [
  oid: number,
  schema: string,
  name: string,
  /** `f`, `a` or `w`: function, aggregate, window function. */
  kind: string,
  /** `i`, `s` or `v`: immutable, stable, volatile. */
  volatility: string,
  language: string,
  extension: string | null,
  /** How many arguments it takes, at least and at most; `null`: any number. */
  argumentCounts: readonly [least: number, most: number | null],
  /** Its SET clauses, `name=value`. */
  settings: readonly string[] | null,
  /** The body of one in SQL, the whole definition of one in PL/pgSQL; `null`: neither. */
  body: string | null,
  /** Builtins that are not harmless, called where it is stored as a tree. */
  calls: readonly string[] | null,
  mark: TreeMark,
  refs: readonly Ref[] | null,
];

/** A relation that is more than a table, or a table that is more than its rows. */
export type RelationRow = readonly [
  oid: number,
  schema: string,
  name: string,
  /** As in `pg_class.relkind`. */
  kind: string,
  /** `p`, `u` or `t`: permanent, unlogged, temporary. */
  persistence: string,
  calls: readonly string[] | null,
  mark: TreeMark,
  refs: readonly Ref[] | null,
];

/** An operator that is not PostgreSQL's own. */
export type OperatorRow = readonly [
  oid: number,
  schema: string,
  name: string,
  /** Its function, and those of the operator families that it is in. */
  code: readonly Ref[],
  operands: readonly Ref[],
  /** An operator family has it: SQL uses it where none is spelled, to sort and to group. */
  isImplied: boolean,
];

/** A cast that runs a user's or an extension's function. */
export type CastRow = readonly [
  source: string,
  target: string,
  /** `e`, `a` or `i`: explicit, in assignments, implicit. */
  context: string,
  code: Ref,
  of: Ref,
  to: Ref,
];

/** A domain whose checks call something, or a type that one is in. */
export type TypeRow = readonly [
  oid: number,
  schema: string,
  name: string,
  calls: readonly string[] | null,
  refs: readonly Ref[] | null,
];

/** A type whose values casts and operators of users' may be about, or that holds such values. */
export type ValuesRow = readonly [
  oid: number,
  schema: string,
  name: string,
  /** What is in them, by the field of a row; `null`: elements. */
  parts: readonly (readonly [field: string | null, type: Ref])[] | null,
];

/** What a database has said of itself. */
export interface CatalogRows {
  readonly functions: readonly FunctionRow[];
  readonly relations: readonly RelationRow[];
  readonly operators: readonly OperatorRow[];
  readonly casts: readonly CastRow[];
  readonly types: readonly TypeRow[];
  readonly values: readonly ValuesRow[];
  /** Views of PostgreSQL's own. */
  readonly systemViews: readonly (readonly [oid: number, name: string])[];
}

/** Reads the answer to the catalog's question. */
export function readCatalogRows(row: Row): CatalogRows {
  const [functions, relations, operators, casts, types, values, systemViews] = row.map((column) =>
    column === null ? [] : JSON.parse(column),
  );
  return { functions, relations, operators, casts, types, values, systemViews };
}
