import { spawn } from "node:child_process";
import type { Account } from "./account.ts";

export interface CommandOptions {
  /** Run as this account; absent: as the account of this process. */
  readonly account?: Account | undefined;
  /** Working folder. It must be one that the account may enter: PostgreSQL's programs look. */
  readonly cwd: string;
  /** What it gets on standard input. */
  readonly input?: string;
  /** Called with the process id as soon as it is known. */
  readonly onStart?: (pid: number) => void;
  /** Called with the process id when the process is gone. */
  readonly onEnd?: (pid: number) => void;
}

export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** Runs a program to its end. Rejects only when it cannot be started at all. */
export function run(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...spawnIdentity(options.account),
      cwd: options.cwd,
      env: serverEnvironment(options.cwd),
      // A session of its own: Ctrl-C in the terminal is for us to answer, in order.
      detached: true,
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    if (child.pid !== undefined) options.onStart?.(child.pid);
    // It may end without having read all of it.
    child.stdin?.on("error", () => {}).end(options.input);
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", (status) => {
      if (child.pid !== undefined) options.onEnd?.(child.pid);
      resolve({ status, output });
    });
  });
}

/** The part of spawn's options that says who runs the program. */
export function spawnIdentity(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/**
 * The environment for PostgreSQL's programs: ours, without what would leak into the servers.
 * libpq inside a reader obeys PG* variables, and reads ~/.pgpass and ~/.postgresql, which may be
 * someone else's and unreadable.
 */
export function serverEnvironment(home: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("PG")) environment[name] = value;
  }
  return { ...environment, HOME: home, LC_ALL: "C" };
}
