import { type Call, isGivenUp } from "./call.ts";
import { isHearsay, isLoss, onlyReads, toldOfLoss } from "./lost-statement.ts";
import { routes } from "./routing/decide.ts";
import type { Route } from "./routing/route.ts";
import { isServerGoingAway, LostWithoutAWord } from "./servers/connection-loss.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { isUsable } from "./servers/pg-internals.ts";
import { isSubmittable } from "./servers/query-input.ts";
import { isReaderRefusal, isSchemaMissing } from "./servers/refusal.ts";

/** How often one statement is sent again. */
const mostRepeats = 5;
/** The same of one that a server has ended with a word: somebody may have meant it. */
const mostRepeatsAfterWord = 2;
/**
 * The same where the way was broken and the server is well: it has done the server no harm, and all
 * connections that are open may have lost their way at the same moment.
 */
const mostRepeatsOfBrokenWays = 50;

/** Where a statement stood that has failed. */
export interface Circumstances {
  readonly inTransaction: boolean;
  /** Its connection carried nothing that another one would lack. */
  readonly movable: boolean;
  /** How often it was sent again before. */
  readonly tries: number;
  /** How often of these a server had ended it with a word. */
  readonly farewells: number;
}

/** A statement that has failed, and where. */
export interface Failure extends Circumstances {
  readonly call: Call;
  readonly route: Route;
  readonly client: EndpointClient;
  readonly error: Error;
}

/**
 * Decides what becomes of a statement that has failed.
 *
 * @param afterRefusal - counts a refusal by a reader, and gives the route of the next attempt
 * @param next - called, now or later, with the route on which it is sent again, or without one and
 * with what its caller is told
 */
export function recover(
  failure: Failure,
  afterRefusal: () => Route,
  next: (again: Route | undefined, told: Error) => void,
): void {
  const { call, route, client, error, inTransaction, movable } = failure;
  if (isGivenUp(call)) {
    const isLost = isLoss(error, client);
    next(undefined, isLost ? toldOfLoss(error, { ...call, inTransaction }, client) : error);
    return;
  }
  // Of a cursor or a stream something may have been handed out.
  const free = !inTransaction && !isSubmittable(call.query) && mayRepeat(failure);
  if (free && client.side === "reader") {
    const again = afterReader(failure, afterRefusal);
    if (again !== undefined) {
      next(again, error);
      return;
    }
  }
  if (isLoss(error, client)) {
    if (free && movable && (mayBeResent(call, client) || client.endedUnbegun))
      next(routes[route.target]["after-loss"], error);
    else next(undefined, toldOfLoss(error, { ...call, inTransaction }, client));
    return;
  }
  const refused = client.side === "writer" && isReaderRefusal(error);
  const moves = refused && free && movable && call.facts.repeatable;
  const moved = moves ? routes[route.target]["writer-moved"] : undefined;
  if (refused && isIdle(client)) {
    // One that was lost before it could answer was no writer's that is well.
    client.askRole((role) => next(role === "writer" ? undefined : moved, error));
    return;
  }
  next(isUsable(client) ? undefined : moved, error);
}

/** Readers that were behind, and connections that were lost while idle, are nobody's word. */
function mayRepeat({ error, tries, farewells }: Failure): boolean {
  if (isServerGoingAway(error)) return farewells < mostRepeatsAfterWord;
  return tries < (error instanceof LostWithoutAWord ? mostRepeatsOfBrokenWays : mostRepeats);
}

/** The route on which a statement is sent again that a reader could not serve, if it may be. */
function afterReader(
  { call, route, client, error }: Failure,
  afterRefusal: () => Route,
): Route | undefined {
  if (route.target !== "reader" || !call.facts.repeatable) return undefined;
  if (isReaderRefusal(error)) return afterRefusal();
  if (isLoss(error, client)) {
    return isHearsay(call.facts, client) ? undefined : routes.reader["after-loss"];
  }
  // Outside of transactions nothing else on a standby fails with these.
  const { code } = error as { readonly code?: string };
  if (code === "40001" || code === "40P01") return routes.writer["replay-conflict"];
  return isSchemaMissing(error) ? routes.writer["schema-behind"] : undefined;
}

/** Whether nothing is different when it has run: it reads, or opens a transaction. */
function mayBeResent({ facts }: Call, client: EndpointClient): boolean {
  return (
    (onlyReads(facts) && !isHearsay(facts, client)) ||
    (facts.transaction?.kind === "begin" && facts.statements.length === 1)
  );
}

/** Whether a connection can be asked something outside of any transaction. */
function isIdle(client: EndpointClient): boolean {
  return isUsable(client) && client.getTransactionStatus() === "I";
}
