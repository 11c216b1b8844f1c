import { setTimeout as delay } from "node:timers/promises";
import { PointsmanError, type Pool, type WriteOutcome } from "pointsman";

/** What callers were told of one row, or of the two rows of a transaction. */
export interface Told {
  readonly ids: readonly number[];
  readonly as: "written" | "not written" | "unknown";
  readonly error?: Error;
  /** What `pool.outcome()` said of an unknown one. */
  readonly outcome?: WriteOutcome;
}

/** What has happened to callers. */
export interface Traffic {
  readonly told: Told[];
  /** Reads in a session that did not see the session's own write. */
  readonly stale: string[];
  readonly failedReads: Error[];
  reads: number;
  /** Answers of any kind. */
  answers: number;
  stop(): Promise<void>;
}

export const schema = "create table if not exists chaos_rows (id int primary key)";

const insert = "insert into chaos_rows values ($1)";
let nextId = 1;

/** Callers of every kind, at work until they are stopped. */
export function startTraffic(pool: Pool): Traffic {
  let running = true;
  const traffic: Traffic = {
    told: [],
    stale: [],
    failedReads: [],
    reads: 0,
    answers: 0,
    stop: async () => {
      running = false;
      await Promise.all(callers);
    },
  };
  const note = async (ids: readonly number[], write: () => Promise<unknown>): Promise<boolean> => {
    try {
      await write();
      traffic.told.push({ ids, as: "written" });
      return true;
    } catch (error) {
      const isUnknown = error instanceof PointsmanError && error.code === "WRITE_OUTCOME_UNKNOWN";
      const outcome = isUnknown
        ? await pool.outcome(error).catch(() => "unknown" as const)
        : undefined;
      traffic.told.push({
        ids,
        as: isUnknown ? "unknown" : "not written",
        error: error as Error,
        ...(outcome === undefined ? {} : { outcome }),
      });
      return false;
    } finally {
      traffic.answers += 1;
    }
  };
  const read = async (text: string, values: unknown[]): Promise<unknown[] | undefined> => {
    try {
      const { rows } = await pool.query(text, values);
      traffic.reads += 1;
      return rows;
    } catch (error) {
      traffic.failedReads.push(error as Error);
      return undefined;
    } finally {
      traffic.answers += 1;
    }
  };
  const kinds: (() => Promise<void>)[] = [
    async () => {
      const id = nextId++;
      await note([id], () => pool.query(insert, [id]));
    },
    async () => {
      await read("select count(*) from chaos_rows", []);
    },
    // What a session has written it sees, whoever serves it.
    () =>
      pool.session(async () => {
        const id = nextId++;
        if (!(await note([id], () => pool.query(insert, [id])))) return;
        for (let again = 0; again < 3; again += 1) {
          const rows = await read("select id from chaos_rows where id = $1", [id]);
          if (rows?.length === 0) traffic.stale.push(`row ${id}, read ${again}`);
        }
      }),
    async () => {
      const ids = [nextId++, nextId++];
      await note(ids, () =>
        pool.transaction(
          async (tx) => {
            for (const id of ids) await tx.query(insert, [id]);
          },
          { retries: 3 },
        ),
      );
    },
    // As an ORM does it.
    async () => {
      const ids = [nextId++, nextId++];
      await note(ids, async () => {
        const client = await pool.connect();
        try {
          await client.query("begin");
          for (const id of ids) await client.query(insert, [id]);
          await client.query("commit");
        } catch (error) {
          await client.query("rollback").catch(() => {});
          throw error;
        } finally {
          client.release();
        }
      });
    },
  ];
  const callers = [...kinds, ...kinds].map(async (act) => {
    while (running) {
      await act();
      await delay(3);
    }
  });
  return traffic;
}

/** What is not as callers were told. */
export function lies({ told }: Traffic, there: ReadonlySet<number>): string[] {
  return told.flatMap(({ ids, as, error, outcome }) => {
    const found = ids.filter((id) => there.has(id)).length;
    const rows = `rows ${ids.join(", ")}`;
    if (found > 0 && found < ids.length) return [`${rows}: half of a transaction is there`];
    if (as === "written" && found === 0) return [`${rows}: acknowledged, and lost`];
    if (as === "not written" && found > 0) {
      return [`${rows}: said not to be written (${error?.message}), and there`];
    }
    if (outcome === "committed" && found === 0) return [`${rows}: outcome() said committed`];
    if (outcome === "aborted" && found > 0) return [`${rows}: outcome() said aborted`];
    return [];
  });
}
