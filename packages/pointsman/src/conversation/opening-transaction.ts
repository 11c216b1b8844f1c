import { PointsmanError } from "../errors.ts";
import { reasonFrom } from "../reason-from.ts";
import type { Route, Target } from "../routing/route.ts";
import { derive, isSubmittable, type QueryInput } from "../servers/query-input.ts";
import type { TransactionControl } from "../statements/types.ts";
import { heedNoLonger, type Item, isUndecided } from "./item.ts";

/** Statements that only prepare what comes behind them in their transaction. */
const preparing: ReadonlySet<TransactionControl["kind"] | undefined> = new Set([
  "begin",
  "set",
  "savepoint",
]);

/**
 * A transaction of a read-only pool that may write some tables: it belongs on the writer if its
 * first statement writes one of them, and else on a reader. Until that comes, what opens it is
 * answered and held back.
 */
export class OpeningTransaction {
  #held: Item[] = [];
  /** What was acknowledged and is being sent. */
  #sent = new Set<Item>();
  #side: Target | undefined;

  /** Whether a transaction was opened that nothing has been sent of. */
  get isOpen(): boolean {
    return this.#held.length > 0;
  }

  /** Where the transaction is begun, once that is known. */
  get side(): Target | undefined {
    return this.#side;
  }

  /**
   * Answers a statement without sending it, if it only opens a transaction, prepares one that was
   * opened, or ends it before anything was done.
   *
   * @param route - where it would go by itself
   * @param answered - called once it is answered
   */
  takes(item: Item, route: Route, answered: () => void): boolean {
    const { facts } = item;
    const { transaction } = facts;
    if (facts.statements.length !== 1 || transaction === undefined) return false;
    // A cursor or a stream is answered by a connection alone.
    if (isSubmittable(item.query)) return false;
    const { kind, chain } = transaction;
    if (this.isOpen ? preparing.has(kind) : kind === "begin" && isUndecided(item))
      this.#held.push(item);
    else if (this.isOpen && (kind === "commit" || kind === "rollback") && chain !== true) {
      this.#held = [];
    } else return false;
    heedNoLonger(item);
    process.nextTick(() => {
      item.trace?.answered({ route, endpoint: "", error: undefined });
      answer(item);
      answered();
    });
    return true;
  }

  /** The transaction belongs on this side: what has opened it is to be sent there, in this order. */
  begin(side: Target): readonly Item[] {
    const silent = this.#held.map(silenced);
    this.#held = [];
    this.#sent = new Set(silent);
    this.#side = side;
    return silent;
  }

  /** Nothing of it was sent, nor what has shown where it belongs: the next statement shows that. */
  holdBack(): void {
    this.#held = [...this.#sent];
    this.#sent.clear();
    this.#side = undefined;
  }

  /** Whether a statement has opened the transaction, and was acknowledged before it was sent. */
  hasBegunWith(item: Item): boolean {
    return this.#sent.has(item);
  }

  /** There is no transaction any more. */
  over(): void {
    this.#held = [];
    this.#sent.clear();
    this.#side = undefined;
  }
}

/** What a transaction fails with that was acknowledged and could not be opened. */
export function notBegun(cause: unknown): PointsmanError {
  return new PointsmanError(
    "TRANSACTION_LOST",
    `The transaction could not be opened (${reasonFrom(cause)}). Nothing of it has happened. This statement was not sent. Release the client.`,
    { cause },
  );
}

/** Its caller has its answer, and so has whoever listens. What its signal says comes too late. */
function silenced(item: Item): Item {
  return {
    ...item,
    ...{ query: withoutSignal(item.query), signal: undefined },
    ...{ callback: undefined, trace: undefined },
  };
}

function withoutSignal(query: QueryInput): QueryInput {
  if (typeof query === "string" || isSubmittable(query)) return query;
  return derive(query, { signal: undefined });
}

function answer({ facts, callback }: Item): void {
  const command = facts.statements[0]?.command ?? "";
  // As pg answers a statement without rows.
  callback?.(undefined as never, {
    command: command === "START TRANSACTION" ? "START" : command,
    rowCount: null,
    oid: null,
    rows: [],
    fields: [],
  });
}
