import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What a process holds. */
export interface Resources {
  /** Bytes on the heap when all garbage is gone. */
  readonly heap: number;
  readonly sockets: number;
  /** Timers that keep the process running. */
  readonly timers: number;
}

export function heldResources(): Resources {
  const active = process.getActiveResourcesInfo();
  const count = (name: string): number => active.filter((one) => one === name).length;
  return { heap: heldHeap(), sockets: count("TCPSocketWrap"), timers: count("Timeout") };
}

let collectGarbage: (() => void) | undefined;

function heldHeap(): number {
  if (collectGarbage === undefined) {
    setFlagsFromString("--expose-gc");
    collectGarbage = runInNewContext("gc") as () => void;
  }
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
