import { Worker } from "node:worker_threads";
import type { Clock } from "./clock.ts";
import type { PoolRequest } from "./make-pool.ts";
import type { PoolProcess } from "./pool-process.ts";
import type { Answer, ThreadData } from "./process-thread.ts";

interface Waiting {
  resolve(value: never): void;
  reject(error: unknown): void;
}

/**
 * A process in a thread of its own: it shares no memory with the others but the clock, so what one
 * of them knows of positions reaches another by tokens alone.
 */
export function openThread(request: PoolRequest, process: number, clock: Clock): PoolProcess {
  const worker = new Worker(new URL("./process-thread.mjs", import.meta.url), {
    workerData: { request, process, clock: clock.memory } satisfies ThreadData,
    execArgv: ["--conditions=pointsman-source"],
  });
  const waiting = new Map<number, Waiting>();
  let failure: unknown;
  worker.on("message", (answer: Answer) => {
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) caller?.reject(answer.error);
    else caller?.resolve(answer.value as never);
  });
  worker.on("error", (error) => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  });
  let calls = 0;
  const ask = <T>(method: keyof PoolProcess, argument?: unknown): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      const id = ++calls;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, method, argument });
    });
  return {
    perform: (step) => ask("perform", step),
    stats: () => ask("stats"),
    async end() {
      await ask("end");
      await worker.terminate();
    },
  };
}
