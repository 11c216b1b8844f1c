import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** How a program ended, and what it wrote. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a file of `support/programs` in a process of its own, to its end. Default: a `.ts` file. */
export async function runProgram(name: string, ...args: readonly string[]): Promise<Ended> {
  return runProgramIn(process.env, name, ...args);
}

/** The same, in an environment of its own. */
export async function runProgramIn(
  env: NodeJS.ProcessEnv,
  name: string,
  ...args: readonly string[]
): Promise<Ended> {
  const file = fileURLToPath(
    new URL(`programs/${name.includes(".") ? name : `${name}.ts`}`, import.meta.url),
  );
  const child = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", file, ...args],
    { stdio: ["ignore", "pipe", "pipe"], env },
  );
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}
