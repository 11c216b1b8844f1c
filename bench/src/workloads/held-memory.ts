import { setImmediate as turnOfTheEventLoop } from "node:timers/promises";
import type { Contender } from "../harness/benchmark.ts";
import { closedLoop } from "./closed-loop.ts";
import { type DistinctText, distinctTexts, type KindOfText } from "./distinct-texts.ts";
import type { ReadAccess } from "./growing-accesses.ts";
import { keys } from "./key-value-table.ts";

/** Bytes that a process holds while callers wait, and when they have been served. */
export interface MemoryOfCallers {
  readonly waiting: number;
  readonly kept: number;
}

const byKey = "select * from kv where id = $1";

/**
 * Runs texts that it has never run before, and finds the bytes that its process then holds. Its first
 * run has one text only: what connections and compiled code take does not count for texts.
 */
export function holdingTexts(access: ReadAccess, kind: KindOfText): Contender {
  const make: (number: number) => DistinctText = distinctTexts[kind];
  let warm = false;
  let number = 0;
  let held = 0;
  return {
    async run(operations, callers) {
      await closedLoop(() => {
        if (warm) number += 1;
        const { text, values } = make(number);
        return access.read(text, values);
      })(operations, callers);
      warm = true;
      held = await heldBytes();
    },
    found: () => held,
    close: async () => {
      await access.close();
    },
  };
}

/** Has as many reads waiting as there are callers, and finds what that takes. */
export function holdingCallers(access: ReadAccess): Contender {
  const next = keys();
  let found: MemoryOfCallers = { waiting: 0, kept: 0 };
  return {
    async run(_operations, callers) {
      const before = await heldBytes();
      const reads = Array.from({ length: callers }, () => access.read(byKey, [next()]));
      const atOnce = bytesNow();
      await turnOfTheEventLoop();
      const sent = bytesNow();
      await Promise.all(reads);
      reads.length = 0;
      const kept = (await heldBytes()) - before;
      found = { waiting: Math.max(atOnce, sent) - before, kept };
    },
    found: () => found,
    close: async () => {
      await access.close();
    },
  };
}

/** What is held when all that was under way has ended. */
async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) await turnOfTheEventLoop();
  bytesNow();
  return bytesNow();
}

/** The heap without its garbage, and the memory beside it that belongs to objects on it. */
export function bytesNow(): number {
  if (globalThis.gc === undefined) throw new Error("The process needs --expose-gc.");
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
