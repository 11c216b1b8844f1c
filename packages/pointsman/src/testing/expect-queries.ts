import { AssertionError } from "node:assert";
import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import { captureQueries } from "./capture-queries.ts";
import { queryTable } from "./query-table.ts";

/** How many statements go to each side. A side that is not named may have any number. */
export type ExpectedQueries = Readonly<Partial<Record<Target, number>>>;

const sides = ["writer", "reader"] as const satisfies readonly Target[];

/**
 * Runs `fn`, and fails when it has sent another number of statements to a side of a pool than
 * expected. What opens, marks and ends transactions is shown and does not count. See
 * {@link captureQueries} for which statements are seen.
 *
 * @param pool - the pool whose statements count
 * @param expected - for example `{ writer: 1, reader: 2 }`
 * @param fn - what to run; may be asynchronous
 * @returns what `fn` returns
 * @throws AssertionError of `node:assert` with a table of the statements; TypeError when nothing is
 * expected, or it is no number; what `fn` throws
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { expectQueries } from "pointsman/testing";
 *
 * const pool = createPool();
 * await expectQueries(pool, { writer: 0, reader: 1 }, async () => {
 *   await pool.query("select * from books");
 * });
 * ```
 */
export async function expectQueries<T>(
  pool: Pool,
  expected: ExpectedQueries,
  fn: () => T,
): Promise<Awaited<T>> {
  checkExpected(expected);
  let result: Awaited<T> | undefined;
  const queries = await captureQueries(pool, async () => {
    result = await fn();
  });
  const counted = queries.filter(({ effect }) => effect !== "transaction");
  const actual = Object.fromEntries(
    named(expected).map((side) => [side, counted.filter(({ target }) => target === side).length]),
  );
  if (named(expected).some((side) => actual[side] !== expected[side])) {
    throw new AssertionError({
      message: `Expected ${inWords(expected)}; got ${inWords(actual)}.\n\n${queryTable(queries)}\n`,
      actual,
      expected: Object.fromEntries(named(expected).map((side) => [side, expected[side]])),
      operator: "expectQueries",
      stackStartFn: expectQueries,
    });
  }
  return result as Awaited<T>;
}

function named(expected: ExpectedQueries): Target[] {
  return sides.filter((side) => expected[side] !== undefined);
}

function inWords(counts: ExpectedQueries): string {
  return named(counts)
    .map((side) => {
      const count = counts[side];
      return `${count} ${count === 1 ? "statement" : "statements"} on the ${side}`;
    })
    .join(" and ");
}

/** @throws TypeError */
function checkExpected(expected: ExpectedQueries): void {
  for (const [side, count] of Object.entries(expected)) {
    if (!sides.includes(side as Target)) {
      throw new TypeError(`Expect statements on the writer or the reader, not on "${side}".`);
    }
    if (count !== undefined && !(Number.isInteger(count) && count >= 0)) {
      throw new TypeError(`Expect a whole number of statements on the ${side}, not ${count}.`);
    }
  }
  if (named(expected).length === 0) {
    throw new TypeError("Nothing is expected. Give a number for writer, reader or both.");
  }
}
