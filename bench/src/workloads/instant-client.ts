import { EventEmitter } from "node:events";
import type pg from "pg";

type Callback = (error: Error | null, result?: unknown) => void;

const result = { rows: [{ id: 1 }], rowCount: 1 };

/**
 * Takes the place of `pg.Client` where a pool's own cost is asked for: it answers every query in
 * the next tick, without a server.
 */
class InstantClient extends EventEmitter {
  readonly _queryable = true;
  readyForQuery = true;
  _ending = false;

  connect(callback?: Callback): Promise<this> | undefined {
    if (callback === undefined) return Promise.resolve(this);
    process.nextTick(callback, null, this);
    return undefined;
  }

  query(_query: unknown, _values: unknown, callback?: unknown): unknown {
    if (typeof callback !== "function") return Promise.resolve(result);
    this.readyForQuery = false;
    process.nextTick(() => {
      this.readyForQuery = true;
      (callback as Callback)(null, result);
      this.emit("drain");
    });
    return undefined;
  }

  getTransactionStatus(): "I" {
    return "I";
  }

  ref(): void {}

  unref(): void {}

  end(callback?: () => void): Promise<void> | undefined {
    this._ending = true;
    if (callback === undefined) return Promise.resolve();
    process.nextTick(callback);
    return undefined;
  }
}

/** The class, as the option `Client` of a pool wants it. */
export const instantClient = InstantClient as unknown as new () => pg.Client;
