import { spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "../../support/waiting.ts";

/** A program that runs, and is spoken with by lines. */
export interface Running {
  /** Waits for a line of its output; fails when the program ends without it. */
  line(expected: string): Promise<void>;
  send(line: string): void;
  readonly ended: Promise<{ status: number | null; stderr: string }>;
}

/** Runs a TypeScript file in a process of its own. */
export function runTypeScript(file: string, args: readonly string[]): Running {
  const child = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", file, ...args],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  let stdout = "";
  let stderr = "";
  let over = false;
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, "close").then(([status]) => {
    over = true;
    return { status: status as number | null, stderr };
  });
  return {
    line: async (expected) => {
      await until(
        `the program says "${expected}"`,
        () => {
          if (over) throw new Error(`The program has ended: ${stderr}`);
          return stdout.split("\n").includes(expected);
        },
        20_000,
      );
    },
    send: (line) => child.stdin.end(`${line}\n`),
    ended,
  };
}
