import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { codeOf, reasonOf } from "../errors.ts";
import { EXIT_CANNOT_RUN, EXIT_NOT_FOUND } from "../exit-status.ts";

/** How a program ended; with a problem when it did not even start. */
export interface Ended {
  readonly status: number;
  readonly problem?: string;
}

/** Runs a program without a shell, passes signals on to it, and waits for its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Ended> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => resolve(notStarted(program, error));
    try {
      const child = spawn(program, args, { env: environment, stdio: "inherit" });
      passOnSignals(child);
      child.once("error", failed);
      child.once("exit", (status, signal) => {
        resolve({ status: status ?? 128 + (signal === null ? 0 : constants.signals[signal]) });
      });
    } catch (error) {
      failed(error);
    }
  });
}

function passOnSignals(child: ChildProcess): void {
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  // The keys of a terminal reach the program by themselves; twice would be once too often.
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    process.on(signal, () => {
      if (!onTerminal) child.kill(signal);
    });
  }
}

function notStarted(program: string, error: unknown): Ended {
  if (codeOf(error) === "ENOENT") {
    return { status: EXIT_NOT_FOUND, problem: `${program} cannot be found. Is it installed?` };
  }
  return {
    status: EXIT_CANNOT_RUN,
    problem: `${program} cannot be run: ${reasonOf(error)}.`,
  };
}
