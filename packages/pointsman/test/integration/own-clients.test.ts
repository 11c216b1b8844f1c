import { EventEmitter } from "node:events";
import { createPool, type PoolOptions } from "pointsman";
import { expect, it } from "vitest";

type Callback = (error: Error | null, result?: unknown) => void;

/** A client that has nothing of pg's but its face, as a test double of an application may be. */
class OwnClient extends EventEmitter {
  readonly _queryable = true;
  readyForQuery = true;

  connect(callback: Callback): void {
    process.nextTick(callback, null, this);
  }

  query(_query: unknown, _values: unknown, callback: unknown): void {
    process.nextTick(() => (callback as Callback)(null, { rows: [{ n: 1 }], rowCount: 1 }));
  }

  getTransactionStatus(): "I" {
    return "I";
  }

  ref(): void {}
  unref(): void {}

  end(callback?: () => void): Promise<void> | undefined {
    if (callback !== undefined) process.nextTick(callback);
    return callback === undefined ? Promise.resolve() : undefined;
  }
}

const nowhere = { host: "nowhere.invalid", database: "app", user: "app", password: "" };

it.each([
  ["one server", { writer: nowhere }],
  ["a reader", { writer: nowhere, readers: [nowhere] }],
] satisfies [string, PoolOptions][])(
  "a class of clients that are not pg's works with %s",
  async (_name, options) => {
    const pool = createPool({ ...options, Client: OwnClient as never });
    expect((await pool.query("select $1::int as n", [1])).rows).toEqual([{ n: 1 }]);
    expect((await pool.query("insert into t values (1)")).rowCount).toBe(1);
    await pool.end();
  },
);
