import type { PoolStats } from "pointsman";
import type { Clock } from "./clock.ts";
import { makePool, type PoolRequest } from "./make-pool.ts";
import { Performer } from "./performer.ts";
import type { Step, StepResult } from "./step.ts";

/** What stands for a process of an application: a pool, and whatever the library keeps beside it. */
export interface PoolProcess {
  perform(step: Step): Promise<StepResult>;
  stats(): Promise<PoolStats>;
  end(): Promise<void>;
}

/** A process whose pool lives in this thread. */
export function openHere(request: PoolRequest, process: number, clock: Clock): PoolProcess {
  const pool = makePool(request);
  // A connection that breaks while it idles is replaced; those in use tell their users.
  pool.on("error", () => {});
  const performer = new Performer(pool, process, clock.tick);
  return {
    perform: (step) => performer.perform(step),
    stats: async () => pool.stats(),
    end: () => pool.end(),
  };
}
