import type { Classification } from "../statements/types.ts";
import type { Reason } from "./reasons.ts";
import { reasons } from "./reasons.ts";
import type { Route, Target } from "./route.ts";

/** What decides a route besides the statement itself. */
export interface RouteContext {
  /** Where the caller's open transaction stands, if there is one. */
  readonly transaction?: Target | undefined;
  /** The caller's checkout has done more than plain reading. */
  readonly conversation?: boolean | undefined;
  /** The caller runs inside `withWriter`. */
  readonly scope?: boolean | undefined;
  /** The query's own `target` option. */
  readonly asked?: Target | undefined;
  /** A reader has refused this text before. */
  readonly refused?: boolean | undefined;
  /** Why no reader is fresh enough, if that is known before one is asked. */
  readonly stale?: Reason | undefined;
  /** It reads a table in which an ORM keeps its migrations. */
  readonly migrations?: boolean | undefined;
  /** Where READ ONLY transactions go. */
  readonly readOnlyTransactions?: Target | undefined;
}

const names = Object.keys(reasons) as Reason[];
const table = (target: Target): Readonly<Record<Reason, Route>> =>
  Object.freeze(
    Object.fromEntries(names.map((reason) => [reason, Object.freeze({ target, reason })])),
  ) as Record<Reason, Route>;

/** All routes there are: a decision picks one and allocates nothing. */
export const routes = { writer: table("writer"), reader: table("reader") } as const;

/** The context of a statement about which nothing but its text is known. */
export const noContext: RouteContext = Object.freeze({});

/**
 * Where a statement goes, and why. Pure. The first rule that applies wins: an open transaction, a
 * statement that must write, the scope, the query's own wish, the hint, then what the text allows,
 * and at last whether a reader can be fresh enough.
 * A wish for the writer beats a wish for a reader, and a wish for a reader never makes one run
 * what it must not.
 */
export function decide(statement: Classification, context: RouteContext = noContext): Route {
  if (context.transaction !== undefined) return routes[context.transaction]["open-transaction"];
  if (!statement.reader && !canBeAskedOfReader(statement)) return routes.writer[statement.verdict];
  if (context.conversation === true) return routes.writer.conversation;
  if (context.refused === true) return routes.writer.refused;
  if (context.scope === true) return routes.writer.scope;
  if (context.asked === "writer") return routes.writer.asked;
  if (statement.hint === "writer") return routes.writer.hint;
  if (context.asked === "reader") return freshRoute("asked", context);
  if (statement.hint === "reader") return freshRoute("hint", context);
  if (!statement.reader) return routes.writer[statement.verdict];
  if (statement.verdict === "read-only-transaction" && context.readOnlyTransactions === "writer") {
    return routes.writer["transactions-on-writer"];
  }
  if (context.migrations === true) return routes.writer["migration-table"];
  return freshRoute(statement.verdict, context);
}

/** A reader, if one can be fresh enough. */
function freshRoute(reason: Reason, { stale }: RouteContext): Route {
  return stale === undefined ? routes.reader[reason] : routes.writer[stale];
}

/**
 * A look at one server's own state, such as `pg_stat_activity`: the writer's by default, a reader's
 * when the caller says so. Anything that calls a function not known to be harmless is not meant.
 */
function canBeAskedOfReader(statement: Classification): boolean {
  return (
    statement.verdict === "server-bound" &&
    statement.effect === "read" &&
    statement.session.length === 0 &&
    statement.meaninglessOnReader === undefined &&
    statement.functions.every((call) => call.knowledge === "harmless")
  );
}
