import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import type { Cluster } from "../src/index.ts";
import { poll } from "../src/wait.ts";

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Opens a connection, lends it, and closes it. */
export async function connected<Result>(
  url: string,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The first column of the first row of a statement, on a connection of its own. */
export async function answer(url: string, text: string): Promise<unknown> {
  return connected(url, async (client) => {
    const { rows } = await client.query({ text, rowMode: "array" });
    return rows[0]?.[0];
  });
}

/** Waits for a condition, and fails with its name when it does not come about. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const met = await poll(
    async () => ((await condition()) ? true : undefined),
    performance.now() + timeoutMs,
    10,
  );
  if (!met) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The processes that work inside a folder (Linux only; elsewhere none are found). */
export function processesIn(folder: string): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
}

/** The folder with everything that a cluster has on disk. */
export async function folderOf(cluster: Pick<Cluster, "writer">): Promise<string> {
  return dirname(String(await answer(cluster.writer.url, "SHOW data_directory")));
}

export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first line of its standard output; rejects when it ends without one. */
  readonly firstLine: Promise<string>;
  /** How it ended: an exit status, or the name of a signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  stdout(): string;
  stderr(): string;
}

/** Runs a TypeScript file of this package, named from its root, in a process of its own. */
export function runProgram(
  file: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Program {
  const child = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", join(SOURCES, file), ...args],
    { cwd: SOURCES, ...options, stdio: ["ignore", "pipe", "pipe"] },
  );
  let stdout = "";
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      stdout += chunk;
      if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")));
    });
    child.once("close", () => reject(new Error(`${file} ended without a line: ${stderr}`)));
  });
  firstLine.catch(() => {});
  const ended = once(child, "close").then(([status, signal]) => status ?? signal);
  return {
    child,
    pid: child.pid as number,
    firstLine,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
  };
}

/** Whether a process has started others. */
export function hasChildren(pid: number): boolean {
  const listed = execFileSync("ps", ["-A", "-o", "ppid="], { encoding: "utf8" });
  return listed.split("\n").some((parent) => Number(parent) === pid);
}
