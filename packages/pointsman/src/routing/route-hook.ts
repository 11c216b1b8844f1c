import { kindOf } from "../config/kind-of.ts";
import { PointsmanError } from "../errors.ts";
import type { Classification } from "../statements/types.ts";
import type { Target } from "./route.ts";

/** A statement as the `route` hook sees it: its text, and what the text does. Frozen. */
export interface RoutedStatement extends Classification {
  /** The SQL, without its values. */
  readonly text: string;
}

/** What holds where a statement is called, as the `route` hook sees it. Frozen. */
export interface RouteScope {
  /** It belongs to a `pool.session()`, whose reads never go back in time. */
  readonly session: boolean;
  /** How old what it shows may be, in milliseconds, if that is bounded. */
  readonly maxStaleness: number | undefined;
}

/**
 * Chooses where a read goes. It is called when the statement is called,
 * in the context of its caller, and waited for by nobody: it must not be asynchronous. What it
 * throws is what the statement fails with, and the statement is not sent.
 *
 * @param statement - what is known of the statement
 * @param scope - what holds where it is called
 * @param proposed - where it would go without the hook, if a reader is fresh enough
 * @returns `"writer"`, `"reader"`, or `proposed`
 *
 * @example
 * ```ts
 * import { createPool, type RouteHook } from "pointsman";
 *
 * const route: RouteHook = ({ reads, text }, scope, proposed) => {
 *   if (text.includes("billing")) return "writer";
 *   if (!scope.session && reads.length > 5) return "reader";
 *   return proposed;
 * };
 * const pool = createPool({ mode: "reader-on-request", route });
 * ```
 */
export type RouteHook = (statement: RoutedStatement, scope: RouteScope, proposed: Target) => Target;

const shown = new WeakMap<Classification, RoutedStatement>();

/** A statement as the hook sees it: the same object for the same verdict. */
export function routedStatement(text: string, facts: Classification): RoutedStatement {
  let statement = shown.get(facts);
  if (statement?.text !== text) {
    statement = Object.freeze({ ...facts, text });
    shown.set(facts, statement);
  }
  return statement;
}

/**
 * Asks the hook.
 *
 * @throws what the hook throws; PointsmanError `ROUTE_HOOK_UNUSABLE` when it gives no target
 */
export function askHook(hook: RouteHook, ...question: Parameters<RouteHook>): Target {
  const answer: unknown = hook(...question);
  if (answer === "writer" || answer === "reader") return answer;
  // Of one that is asynchronous nobody looks at the promise, and that must not end the process.
  if (answer instanceof Promise) answer.catch(() => {});
  const got = answer === undefined ? "nothing" : kindOf(answer);
  throw new PointsmanError(
    "ROUTE_HOOK_UNUSABLE",
    `The route hook must return "writer", "reader" or what was proposed; got ${got}. The statement was not sent.${
      answer instanceof Promise ? " The hook must not be asynchronous." : ""
    }`,
  );
}
