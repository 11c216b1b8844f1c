import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Account } from "./account.ts";
import { run } from "./command.ts";

/** What a server has asked the system for that does not go away with its processes. */
export interface SharedMemory {
  /** The System V segment that keeps two servers from the same data. */
  readonly segment: string | undefined;
  /** Files of POSIX shared memory. */
  readonly files: readonly string[];
}

/**
 * Notes what shared memory a server has, while its processes are there to be asked. One that is
 * killed does not remove it, and only another start on the same data would.
 */
export function sharedMemoryOf(lockFile: string, pids: readonly number[]): SharedMemory {
  // The seventh line of the lock file: the key and the id of the segment.
  const segment = lockFile.split("\n")[6]?.trim().split(/\s+/)[1];
  return { segment, files: [...new Set(pids.flatMap(mappedFiles))] };
}

/** Gives shared memory back to the system. Without the means for it, the server's next start does it. */
export async function removeSharedMemory(
  { segment, files }: SharedMemory,
  account: Account | undefined,
): Promise<void> {
  for (const file of files) await rm(file, { force: true });
  if (segment === undefined) return;
  await run("ipcrm", ["-m", segment], { account, cwd: "/" }).catch(() => {});
}

/** PostgreSQL's files of shared memory that a process has mapped; Linux only. */
function mappedFiles(pid: number): string[] {
  if (process.platform !== "linux") return [];
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    return maps.match(/\/dev\/shm\/PostgreSQL\.\d+/g) ?? [];
  } catch {
    return [];
  }
}
