import type { PoolClient } from "pg";
import type { Pool } from "../pool.ts";
import type { Target } from "../routing/route.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import { withText } from "../servers/mirror.ts";
import { type QueryInput, textOf } from "../servers/query-input.ts";
import type { Staging, Taking } from "../staging.ts";
import { classify } from "../statements/classify.ts";
import { assertFree, assertTwoSides, runStaged, sidesOf } from "./one-scope.ts";

const name = "failingReader";
const failures = ["dies", "unreachable", "conflict"] as const;

/**
 * How a reader fails.
 *
 * - `"dies"`: the connections on which the first statements are sent are cut under them, and from
 *   then on nobody can connect.
 * - `"unreachable"`: nobody can connect.
 * - `"conflict"`: the reader cancels each statement in favour of replay (40001).
 */
export type ReaderFailure = (typeof failures)[number];

/** How the reader fails inside {@link failingReader}. */
export interface FailingReaderOptions {
  /** Default: `"dies"`. */
  readonly failure?: ReaderFailure | undefined;
}

/**
 * Runs `fn` with a reader side that fails, for `fn` and all that it calls: connections to a reader are
 * really cut, and what becomes of the statements is up to the pool, as ever. Other code on the same
 * pool is not concerned, nor are clients that were taken before. Outside of `fn` all is as it was,
 * but for the connections that were cut, which the pool opens anew.
 *
 * @param pool - with a reader side: `reader`, `readers`, or `mirror: true` on one server
 * @param fn - what to run; may be asynchronous
 * @param options - `failure`: how the reader fails. Default: `"dies"`
 * @returns what `fn` returns
 * @throws what `fn` throws; Error for a pool without a reader side; TypeError for a failure that
 * there is not
 *
 * @example
 * ```ts
 * import { createPool } from "pointsman";
 * import { captureQueries, failingReader } from "pointsman/testing";
 *
 * const pool = createPool();
 * const [query] = await captureQueries(pool, () =>
 *   failingReader(pool, () => pool.query("select * from books")),
 * );
 * console.log(`${query?.target} ${query?.reason}`); // writer reader-unavailable
 * ```
 */
export async function failingReader<T>(
  pool: Pool,
  fn: () => T,
  options: FailingReaderOptions = {},
): Promise<Awaited<T>> {
  const { failure = "dies" } = options;
  if (!failures.includes(failure)) {
    throw new TypeError(`A reader fails in one of these ways: ${failures.join(", ")}.`);
  }
  assertTwoSides(pool, name);
  assertFree(pool, name);
  return await runStaged(new FailingReader(pool, failure), fn);
}

class FailingReader implements Staging {
  readonly name = name;
  readonly pools: ReadonlyMap<object, Target>;
  readonly #failure: ReaderFailure;
  #isDead: boolean;

  constructor(pool: Pool, failure: ReaderFailure) {
    this.pools = sidesOf(pool);
    this.#failure = failure;
    this.#isDead = failure === "unreachable";
  }

  take(side: Target): Taking {
    return side === "reader" && this.#isDead ? "unreachable" : "as ever";
  }

  through(client: PoolClient, hand: (client: PoolClient) => void): void {
    if (this.#failure === "conflict") {
      hand(conflicting(client));
      return;
    }
    hand(client);
    this.#die(client as unknown as EndpointClient);
  }

  /** Cuts a connection under the statement that was just sent on it. */
  #die(client: EndpointClient): void {
    this.#isDead = true;
    const error = new Error(`read ECONNRESET: ${name}() has cut the connection.`);
    client.cut(Object.assign(error, { code: "ECONNRESET", syscall: "read" }));
  }
}

const conflict =
  "do $pointsman$ begin raise exception using errcode = '40001', message = 'canceling statement due to conflict with recovery', detail = 'Raised by failingReader() of pointsman/testing.'; end $pointsman$";

/** A connection to a reader on which the server cancels every statement. */
function conflicting(client: PoolClient): PoolClient {
  const failing = (method: (...args: unknown[]) => unknown) => {
    return (query: QueryInput, values: unknown, ...more: unknown[]) => {
      // Replay is in the way of what reads, and not of BEGIN and COMMIT.
      const text = textOf(query);
      if (text !== undefined && classify(text).effect === "transaction") {
        return method.call(client, query, values, ...more);
      }
      const given = typeof values === "function" ? values : undefined;
      return method.call(client, withText(query, conflict), given, ...more);
    };
  };
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key === "query" || key === "send") return failing(value as never);
      return value.bind(target);
    },
  });
}
