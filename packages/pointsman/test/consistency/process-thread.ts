import { parentPort, workerData } from "node:worker_threads";
import { Clock } from "./clock.ts";
import type { PoolRequest } from "./make-pool.ts";
import { openHere, type PoolProcess } from "./pool-process.ts";

/** A process in a thread: it gets the name of what to do, and what to do it with. */
export interface Order {
  readonly id: number;
  readonly method: keyof PoolProcess;
  readonly argument: unknown;
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown };

export interface ThreadData {
  readonly request: PoolRequest;
  readonly process: number;
  readonly clock: SharedArrayBuffer;
}

const { request, process, clock } = workerData as ThreadData;
const opened = openHere(request, process, new Clock(clock));

parentPort?.on("message", ({ id, method, argument }: Order) => {
  const answer = (message: Answer): void => parentPort?.postMessage(message);
  (opened[method] as (argument: unknown) => Promise<unknown>)(argument).then(
    (value) => answer({ id, value }),
    (error) => answer({ id, error }),
  );
});
