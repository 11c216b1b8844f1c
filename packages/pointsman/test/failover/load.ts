import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { PointsmanError, type Pool } from "pointsman";

/** What a pool was asked, and what it answered. */
export interface Ledger {
  /** Numbers of the rows whose write was acknowledged. */
  readonly acknowledged: Set<number>;
  /** Numbers of the rows of which nobody can know, with what the caller was told. */
  readonly unknown: Map<number, Error>;
  /** Numbers of the rows that were said not to be written. */
  readonly refused: Map<number, Error>;
  readonly failedReads: Error[];
  reads: number;
  /** The longest time without an acknowledged write, in milliseconds. */
  longestGap: number;
}

/** Callers that write rows, each once, and read, until they are stopped. */
export interface Load {
  readonly ledger: Ledger;
  /** Resolves when so many more writes are acknowledged. */
  written(more: number): Promise<void>;
  stop(): Promise<Ledger>;
}

/** How the rows are kept. */
export const rowsTable = "create table if not exists rows_written (id int primary key)";

let nextRow = 1;

export function startLoad(pool: Pool, { writers = 3, readers = 4, pauseMs = 2 } = {}): Load {
  const ledger: Ledger = {
    acknowledged: new Set(),
    unknown: new Map(),
    refused: new Map(),
    failedReads: [],
    reads: 0,
    longestGap: 0,
  };
  let running = true;
  let last = performance.now();
  const write = async (): Promise<void> => {
    while (running) {
      const id = nextRow++;
      try {
        await pool.query("insert into rows_written values ($1)", [id]);
        const now = performance.now();
        ledger.longestGap = Math.max(ledger.longestGap, now - last);
        last = now;
        ledger.acknowledged.add(id);
      } catch (error) {
        const unknown = error instanceof PointsmanError && error.code === "WRITE_OUTCOME_UNKNOWN";
        (unknown ? ledger.unknown : ledger.refused).set(id, error as Error);
      }
      await delay(pauseMs);
    }
  };
  const read = async (): Promise<void> => {
    while (running) {
      try {
        await pool.query("select count(*) from rows_written");
        ledger.reads += 1;
      } catch (error) {
        ledger.failedReads.push(error as Error);
      }
      await delay(pauseMs);
    }
  };
  const callers = [
    ...Array.from({ length: writers }, () => write()),
    ...Array.from({ length: readers }, () => read()),
  ];
  return {
    ledger,
    async written(more) {
      const wanted = ledger.acknowledged.size + more;
      while (ledger.acknowledged.size < wanted && running) await delay(5);
    },
    async stop() {
      running = false;
      await Promise.all(callers);
      return ledger;
    },
  };
}

/** The numbers of the rows that are there, as the writer tells past the library. */
export async function rowsThere(url: string): Promise<Set<number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ id: number }>("select id from rows_written");
  await client.end();
  return new Set(rows.map(({ id }) => id));
}

/** What the ledger says that is not so: nothing, if all that callers were told is true. */
export function untruths(ledger: Ledger, there: ReadonlySet<number>): string[] {
  return [
    ...[...ledger.acknowledged]
      .filter((id) => !there.has(id))
      .map((id) => `${id} was acknowledged, and is lost`),
    ...[...ledger.refused]
      .filter(([id]) => there.has(id))
      .map(([id, error]) => `${id} was refused (${error.message}), and is there`),
  ];
}
