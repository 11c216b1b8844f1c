import type { Pool, WriteOutcome } from "pointsman";
import type { Ledger, Told } from "./ledger.ts";

/** How often rows are there, by their number. */
export type Rows = ReadonlyMap<number, number>;

/** What is not as callers were told. */
export function untruths({ told }: Pick<Ledger, "told">, there: Rows): string[] {
  return told.flatMap(({ ids, as, error, outcome }) => {
    const counts = ids.map((id) => there.get(id) ?? 0);
    const found = counts.filter((count) => count > 0).length;
    const rows = `rows ${ids.join(", ")}`;
    if (counts.some((count) => count > 1)) return [`${rows}: written ${counts.join(", ")} times`];
    if (found > 0 && found < ids.length) return [`${rows}: half of a transaction is there`];
    if (as === "written" && found === 0) return [`${rows}: acknowledged, and lost`];
    if (as === "not written" && found > 0) {
      return [`${rows}: said not to be written (${(error as Error).message}), and there`];
    }
    return contradicts(outcome, found > 0) ? [`${rows}: outcome() said ${outcome}`] : [];
  });
}

/**
 * What `outcome()` does not know though it can: of a transaction that had written something, on a
 * server that has been the writer without a restart ever since.
 */
export async function ignorance(
  pool: Pool,
  { told }: Ledger,
  there: Rows,
): Promise<readonly string[]> {
  const answers = told.filter(canBeKnown).map(async ({ ids, error }) => {
    const rows = `rows ${ids.join(", ")}`;
    const outcome = await pool.outcome(error);
    if (outcome === "unknown") return [`${rows}: outcome() does not know, and can`];
    const found = ids.some((id) => there.has(id));
    return contradicts(outcome, found) ? [`${rows}: outcome() said ${outcome} afterwards`] : [];
  });
  return (await Promise.all(answers)).flat();
}

/** Whether R26 lets it be known what became of a write, as long as the server stays the same. */
export function canBeKnown({ as, hasId }: Told): boolean {
  return as === "unknown" && hasId;
}

function contradicts(outcome: WriteOutcome | undefined, isThere: boolean): boolean {
  return (outcome === "committed" && !isThere) || (outcome === "aborted" && isThere);
}
