import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder: programs that are run there find its dependencies. */
export const packageFolder = join(dirname(fileURLToPath(import.meta.url)), "..");

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first line of its standard output; rejects when it ends without one. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ended>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the machine's own environment says of databases and AWS is of no interest. */
function bareEnvironment(): Environment {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    PATH,
    HOME,
    TMPDIR,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    // Nobody is there: tests ask AWS nothing.
    AWS_ENDPOINT_URL_STS: "http://127.0.0.1:9/",
  };
}

/** Starts `pointsman` with nothing in its environment but what is given. */
export function startCli(
  args: readonly string[],
  environment: object = {},
  options: SpawnOptions = {},
): Running {
  const child = spawn(
    process.execPath,
    [
      "--conditions=pointsman-source",
      "--import",
      "tsx",
      join(packageFolder, "src/cli.ts"),
      ...args,
    ],
    {
      cwd: packageFolder,
      stdio: ["pipe", "pipe", "pipe"],
      ...options,
      env: { ...bareEnvironment(), ...environment },
    },
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
    child.once("close", () => reject(new Error(`ended without a line: ${stderr}`)));
  });
  firstLine.catch(() => {});
  const ended = once(child, "close").then(([status]) => ({ status, stdout, stderr }));
  return { child, pid: child.pid as number, firstLine, ended };
}

/** Runs `pointsman` to its end. */
export async function runCli(args: readonly string[], environment: object = {}): Promise<Ended> {
  const running = startCli(args, environment);
  running.child.stdin?.end();
  return running.ended;
}

/** Runs JavaScript as the program of `pointsman exec`. */
export function execScript(
  script: string,
  environment: object,
  ...options: string[]
): Promise<Ended> {
  return runCli(["exec", ...options, "--", process.execPath, "-e", script], environment);
}

/** The table of `pointsman doctor` with each finding and its remedy on one line. */
export function unwrapped(table: string): string {
  return table.replaceAll(/\n {28,}(?:→ )?/g, " ");
}
