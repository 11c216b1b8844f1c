import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { ClusterError } from "./errors.ts";
import { poll } from "./wait.ts";

interface Entry {
  readonly pid: number;
  readonly parent: number;
  /** As `ps` shows it; "T" is stopped. */
  readonly state: string;
}

const STOP_TIMEOUT_MS = 5_000;

/**
 * Stops a process and everything that descends from it (SIGSTOP). The parent is stopped before its
 * children are looked for: it cannot start others meanwhile, nor notice what becomes of them.
 *
 * @returns the process ids, the first process last
 * @throws ClusterError `TIMEOUT`
 */
export async function stopTree(pid: number): Promise<readonly number[]> {
  await stop(pid);
  const tree = [pid];
  // The list grows while it is gone through: children, then theirs.
  for (const parent of tree) {
    const children = table().filter((entry) => entry.parent === parent);
    for (const child of children) {
      await stop(child.pid);
      tree.push(child.pid);
    }
  }
  return tree.reverse();
}

/** Sends a signal to processes, in order; those that are gone are passed over. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Stops one process, and waits until it is: a signal to another process takes its time. */
async function stop(pid: number): Promise<void> {
  signalAll([pid], "SIGSTOP");
  const stopped = await poll(
    () => {
      const state = stateOf(pid);
      return state === undefined || /^[TZX]/.test(state) || undefined;
    },
    performance.now() + STOP_TIMEOUT_MS,
    1,
  );
  if (stopped) return;
  throw new ClusterError(
    "TIMEOUT",
    `Process ${pid} did not stop within ${STOP_TIMEOUT_MS} ms. Is the machine very busy?`,
  );
}

function stateOf(pid: number): string | undefined {
  if (process.platform === "linux") return entryOf(String(pid))?.state;
  return table().find((entry) => entry.pid === pid)?.state;
}

/** All processes of this machine. */
function table(): readonly Entry[] {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => entryOf(name) ?? []);
  }
  const listed = execFileSync("ps", ["-A", "-o", "pid=,ppid=,state="], { encoding: "utf8" });
  return listed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [pid, parent, state = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), state };
    });
}

/** A process as Linux tells it; `undefined` when it is gone. Not by `ps`, which images may lack. */
function entryOf(name: string): Entry | undefined {
  try {
    const text = readFileSync(`/proc/${name}/stat`, "utf8");
    // The program's name is in parentheses, and may have anything in it.
    const [state = "", parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { pid: Number(name), parent: Number(parent), state };
  } catch {
    return undefined;
  }
}
