import { onlyReads } from "../statements/only-reads.ts";
import type { Classification } from "../statements/types.ts";
import type { RoutingMode } from "./mode.ts";
import type { Reason } from "./reasons.ts";
import { reasons } from "./reasons.ts";
import type { Route, Target } from "./route.ts";
import type { TablePolicy } from "./table-policies.ts";

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
  /** Where the tables that it reads ask it to go; `migrations`: an ORM keeps its own in one. */
  readonly policy?: TablePolicy | undefined;
  /** What the `route` hook has chosen. */
  readonly hook?: Target | undefined;
  /** How much is routed. */
  readonly mode?: RoutingMode | undefined;
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
 * statement that must write, the scope, the query's own wish, the hint, the `route` hook, the
 * policies of tables, then what the text allows, and at last whether a reader can be fresh enough.
 * A wish for the writer beats a wish for a reader, and a wish for a reader never makes one run
 * what it must not.
 */
export function decide(statement: Classification, context: RouteContext = noContext): Route {
  const pinned = pinnedRoute(statement, context);
  if (pinned !== undefined) return pinned;
  const { target, reason } = proposedRoute(statement, context);
  if (context.hook !== undefined && context.hook !== target) {
    return context.hook === "writer"
      ? routes.writer["route-hook"]
      : freshRoute("route-hook", context);
  }
  return target === "reader" ? freshRoute(reason, context) : routes.writer[reason];
}

/** The target that a `route` hook has a say in; `undefined`: something stronger decides. */
export function proposedTarget(
  statement: Classification,
  context: RouteContext,
): Target | undefined {
  // A BEGIN that failed for its hook's sake would leave what was sent behind it outside.
  if (statement.effect !== "read") return undefined;
  if (pinnedRoute(statement, context) !== undefined) return undefined;
  return proposedRoute(statement, context).target;
}

/** The route of a statement that its place, its effect or its caller's wish decides. */
function pinnedRoute(statement: Classification, context: RouteContext): Route | undefined {
  if (context.transaction !== undefined) return routes[context.transaction]["open-transaction"];
  if (!statement.reader && !canBeAskedOfReader(statement)) return routes.writer[statement.verdict];
  if (context.conversation === true) return routes.writer.conversation;
  if (context.refused === true) return routes.writer.refused;
  if (context.mode === "writer-only") return routes.writer.mode;
  if (context.scope === true) return routes.writer.scope;
  if (context.asked === "writer") return routes.writer.asked;
  if (statement.hint === "writer") return routes.writer.hint;
  if (context.asked === "reader") return freshRoute("asked", context);
  if (statement.hint === "reader") return freshRoute("hint", context);
  return undefined;
}

/** Where a statement goes that nobody has pinned, if a reader can be fresh enough. */
function proposedRoute(statement: Classification, context: RouteContext): Route {
  if (!statement.reader) return routes.writer[statement.verdict];
  if (statement.verdict === "read-only-transaction" && context.readOnlyTransactions === "writer") {
    return routes.writer["transactions-on-writer"];
  }
  const { policy } = context;
  if (policy !== undefined) {
    return policy === "migrations"
      ? routes.writer["migration-table"]
      : routes[policy]["table-policy"];
  }
  if (context.mode === "reader-on-request" && statement.verdict !== "read-only-transaction") {
    return routes.writer.mode;
  }
  return routes.reader[statement.verdict];
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
    (statement.verdict === "server-bound" || statement.verdict === "foreign-table") &&
    statement.effect === "read" &&
    statement.session.length === 0 &&
    statement.meaninglessOnReader === undefined &&
    statement.functions.every(onlyReads)
  );
}
