import { PointsmanError, type Pool, type WriteOutcome, WriteOutcomeUnknown } from "pointsman";

/** What callers were told of one row, or of the two rows of a transaction. */
export interface Told {
  readonly ids: readonly number[];
  readonly as: "written" | "not written" | "unknown";
  readonly error?: unknown;
  /** What `pool.outcome()` said of an unknown one, as soon as it could be asked. */
  readonly outcome?: WriteOutcome;
  /** Something was written before in the same transaction, and acknowledged: its id is known. */
  readonly hasId: boolean;
}

/** Tells that a transaction has written something that was acknowledged. */
export type HasWritten = () => void;

/** What has happened to the callers of a pool. */
export class Ledger {
  readonly told: Told[] = [];
  /** Reads that did not see what they must, or got other rows than there are. */
  readonly wrong: string[] = [];
  readonly failedReads: string[] = [];
  /** Reads over many rows that broke off with an error, and transactions that only read. */
  readonly brokenOff: string[] = [];
  /** Reads by the server that has answered them. */
  readonly readsBy = new Map<string, number>();
  /** Writes that were acknowledged. */
  written = 0;
  reads = 0;
  /** Answers of any kind. */
  answers = 0;
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Notes what a caller is told of a write; whether it was acknowledged. */
  async write(
    ids: readonly number[],
    act: (hasWritten: HasWritten) => Promise<unknown>,
  ): Promise<boolean> {
    let hasId = false;
    try {
      await act(() => {
        hasId = true;
      });
      this.told.push({ ids, as: "written", hasId });
      this.written += 1;
      return true;
    } catch (error) {
      if (error instanceof WriteOutcomeUnknown) {
        const outcome = await this.#pool.outcome(error).catch(() => "unknown" as const);
        this.told.push({ ids, as: "unknown", error, outcome, hasId });
      } else {
        this.told.push({ ids, as: "not written", error, hasId });
      }
      return false;
    } finally {
      this.answers += 1;
    }
  }

  /** Notes the answer to a read, which must not fail. */
  async read<Row>(who: string, act: () => Promise<{ rows: Row[] }>): Promise<Row[] | undefined> {
    try {
      const { rows } = await act();
      this.reads += 1;
      return rows;
    } catch (error) {
      this.failedReads.push(`${who}: ${error}`);
      return undefined;
    } finally {
      this.answers += 1;
    }
  }

  /** Notes a read that may break off, where its error says so. */
  async mayBreakOff(who: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.reads += 1;
    } catch (error) {
      (saysWhy(error) ? this.brokenOff : this.failedReads).push(`${who}: ${error}`);
    } finally {
      this.answers += 1;
    }
  }

  servedBy(server: string): void {
    this.readsBy.set(server, (this.readsBy.get(server) ?? 0) + 1);
  }
}

/**
 * An error of ours, of the server, or of the connection; not one of a broken program. A lost COMMIT
 * is of unknown outcome, whatever the transaction has done.
 */
function saysWhy(error: unknown): boolean {
  if (error instanceof PointsmanError) {
    return ["TRANSACTION_LOST", "WRITE_OUTCOME_UNKNOWN"].includes(error.code);
  }
  const { code, message } = error as { code?: unknown; message: string };
  return (
    typeof code === "string" ||
    // The last two are of one that was lost before anything was sent on it.
    /^Connection terminated|does not answer any more|lost without a word|^The connection is closed|^Client has encountered a connection error/.test(
      message,
    )
  );
}
