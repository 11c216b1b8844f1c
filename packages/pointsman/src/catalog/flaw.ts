/**
 * Why a reader must not run what leads to an object of the database.
 *
 * - `writes`: it changes the database, or something outside of it.
 * - `local-effect`: it does something to one server or one connection, and a reader would let it:
 *   an advisory lock, a setting.
 * - `server-bound`: its answer belongs to one server or one connection.
 * - `unlogged`: its rows are on the writer alone.
 * - `foreign`: its rows come from another database, by a connection of the server's own.
 * - `unknown`: nobody can tell what it does.
 */
export type FlawKind =
  | "writes"
  | "local-effect"
  | "server-bound"
  | "unlogged"
  | "foreign"
  | "unknown";

/** The most certain first: of several flaws it is the one that is told. */
export const flawKinds: readonly FlawKind[] = [
  "writes",
  "local-effect",
  "server-bound",
  "unlogged",
  "foreign",
  "unknown",
];

/** What an object does by itself. */
export interface Flaw {
  readonly kind: FlawKind;
  /** What follows its name in a sentence: `runs INSERT on audit.log`. */
  readonly because: string;
}

/** The worse of two. */
export function worse(a: Flaw | undefined, b: Flaw | undefined): Flaw | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return flawKinds.indexOf(a.kind) <= flawKinds.indexOf(b.kind) ? a : b;
}
