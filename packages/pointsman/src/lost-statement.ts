import { PointsmanError, WriteOutcomeUnknown } from "./errors.ts";
import { reasonFrom } from "./reason-from.ts";
import { abortReason, signalOf } from "./servers/abortable-query.ts";
import { isOfServer, isServerGoingAway } from "./servers/connection-loss.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import { isUsable } from "./servers/pg-internals.ts";
import type { QueryInput } from "./servers/query-input.ts";
import type { Classification } from "./statements/types.ts";

/** What is known of a statement whose connection was lost. */
export interface LostStatement {
  readonly query: QueryInput;
  readonly facts: Classification;
  /** It was sent inside an open transaction. */
  readonly inTransaction: boolean;
}

/** A transaction whose COMMIT was lost. */
export interface LostTransaction {
  readonly id: string;
  /** The server that has given out the id. */
  readonly server: object;
  /** The timeline that it was on then. */
  readonly timeline: number;
}

const transactions = new WeakMap<WriteOutcomeUnknown, LostTransaction>();
/** By the connection under which a COMMIT was lost. */
const unknownCommits = new WeakMap<EndpointClient, WriteOutcomeUnknown>();

/** Whether a statement failed because its connection was lost, and not by what it says. */
export function isLoss(error: Error, client: EndpointClient): boolean {
  return isServerGoingAway(error) || (!isOfServer(error) && !isUsable(client));
}

/** Whether nothing is different when it has run, so that it may be sent again. */
export function onlyReads({ effect, reader, repeatable }: Classification): boolean {
  return effect === "read" && reader && repeatable;
}

/**
 * Whether nobody but the catalog says of a statement that it only reads, where it could write: what
 * the catalog tells may be out of date, so that it must not run twice.
 */
export function isHearsay({ functions }: Classification, { standby }: EndpointClient): boolean {
  return standby !== true && functions.some(({ knowledge }) => knowledge === "reads");
}

/**
 * What the caller of a statement is told whose connection was lost behind it: whether it may have
 * happened.
 */
export function toldOfLoss(
  error: Error,
  { facts, inTransaction, query }: LostStatement,
  client: EndpointClient,
): Error {
  const ends = mayCommit(facts);
  const where = client.endpointName;
  if (inTransaction && (client.side === "reader" || !ends)) {
    return new PointsmanError(
      "TRANSACTION_LOST",
      `The connection to ${where} was lost inside a transaction (${reasonFrom(error)}). Nothing of the transaction has happened: it can be run again as a whole.`,
      { cause: error },
    );
  }
  if (!ends && facts.effect !== "write") {
    const signal = signalOf(query);
    return signal?.aborted === true ? abortReason(signal) : error;
  }
  const id = client.care?.transactionId;
  const unknown = new WriteOutcomeUnknown(
    `The connection to ${where} was lost before ${inTransaction ? "COMMIT" : "a write"} was answered (${reasonFrom(error)}). It may have happened or not, and is not sent again. Look for what it writes before you repeat it${id === undefined ? "" : ", or ask pool.outcome(error)"}.`,
    id,
    { cause: error },
  );
  const server = client.care?.server;
  if (id !== undefined && server !== undefined) {
    transactions.set(unknown, { id, server, timeline: server.timeline });
  }
  if (inTransaction) unknownCommits.set(client, unknown);
  return unknown;
}

/**
 * What a COMMIT was told whose connection was lost, if that became of the last transaction there.
 * ORMs send ROLLBACK behind a COMMIT that fails, and their callers get what the ROLLBACK is told: to
 * say that the transaction has not happened would be a lie.
 */
export function unknownCommit(client: EndpointClient): WriteOutcomeUnknown | undefined {
  return unknownCommits.get(client);
}

/** The transaction whose outcome an error leaves open, where its id was known. */
export function lostTransaction(error: unknown): LostTransaction | undefined {
  return error instanceof WriteOutcomeUnknown ? transactions.get(error) : undefined;
}

/** Whether a COMMIT may be in it: a text that was not parsed, or a procedure, may hold anything. */
function mayCommit({ statements, effect, verdict }: Classification): boolean {
  if (statements.length === 0) return effect !== "read";
  if (verdict === "procedure") return true;
  return statements.some(({ transaction }) => commits.has(transaction?.kind));
}

const commits: ReadonlySet<string | undefined> = new Set(["commit", "commit-prepared", "prepare"]);

/**
 * Why nothing more may be sent by a client whose connection was lost: what comes next would run
 * outside of the transaction, or without the settings, that it was meant for.
 */
export function lossOf(
  client: EndpointClient,
  inTransaction: boolean,
  hasState: boolean,
): PointsmanError | undefined {
  const { endpointName } = client;
  if (inTransaction) {
    const unknown = unknownCommit(client);
    if (unknown !== undefined) return unknown;
    return new PointsmanError(
      "TRANSACTION_LOST",
      `The connection to ${endpointName} was lost, and the open transaction with it. This statement was not sent. Release the client.`,
    );
  }
  if (!hasState) return undefined;
  return new PointsmanError(
    "SESSION_LOST",
    `The connection to ${endpointName} was lost, and with it what this client had set up there: settings, roles, temporary tables, locks. This statement was not sent. Release the client, and set up another.`,
  );
}
