import { type ChildProcess, spawn } from "node:child_process";

// A program of its own, kept as text: it has to run under a plain node from sources, from the
// build, and from an application's bundle alike, and only text is in all three.
//
// Its standard input is a pipe from the process that owns the cluster. However that process ends,
// the pipe closes, and what is left of the cluster is then stopped and removed.
const PROGRAM = `
const { readdirSync, readFileSync, readlinkSync, rmSync } = require("node:fs");
const { join, sep } = require("node:path");
const folder = process.argv[1];
process.title = "pointsman-local watchdog " + folder;
const told = new Set();

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const [verb, pid] = line.split(" ");
    if (verb === "started") told.add(Number(pid));
    if (verb === "ended") told.delete(Number(pid));
  }
});
process.stdin.on("error", cleanUp);
process.stdin.on("end", cleanUp);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

// A number may be another process's by now. Everything that was started works inside the folder.
function isOurs(pid) {
  try {
    return (readlinkSync("/proc/" + pid + "/cwd") + sep).startsWith(folder + sep);
  } catch (error) {
    if (error.code === "ENOENT" && process.platform === "linux") return false;
  }
  try {
    process.kill(pid, 0);
    return told.has(pid) || postmasters().includes(pid);
  } catch {
    return false;
  }
}

function postmasters() {
  const pids = [];
  try {
    for (const name of readdirSync(folder)) {
      try {
        pids.push(Number(readFileSync(join(folder, name, "postmaster.pid"), "utf8").split("\\n")[0]));
      } catch {}
    }
  } catch {}
  return pids;
}

// Also what was started by what we were told of, or just before its number could be told: initdb
// has servers of its own at work. Only Linux shows where a process works.
function others() {
  try {
    return readdirSync("/proc").map(Number).filter((pid) => pid > 1);
  } catch {
    return [];
  }
}

function left() {
  const known = [...told, ...postmasters(), ...(process.platform === "linux" ? others() : [])];
  return [...new Set(known)].filter((pid) => pid > 1 && pid !== process.pid && isOurs(pid));
}

function signal(pids, name) {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {}
  }
}

let cleaning = false;
async function cleanUp() {
  if (cleaning) return;
  cleaning = true;
  // SIGQUIT is PostgreSQL's immediate shutdown: unlike SIGKILL it leaves no shared memory behind.
  const patience = Date.now() + 5000;
  const despair = Date.now() + 30000;
  for (;;) {
    for (let pids = left(); pids.length > 0; pids = left()) {
      signal(pids, Date.now() < patience ? "SIGQUIT" : "SIGKILL");
      // Those that were frozen notice a signal only when they go on.
      signal(pids, "SIGCONT");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      if (left().length === 0) break;
    } catch {
      // Somebody has made a file in it meanwhile.
    }
    if (Date.now() > despair) break;
  }
  process.exit(0);
}
`;

/**
 * A process that outlives this one for a moment: when this one ends, however it ends, it stops the
 * servers and removes the folder.
 */
export class Watchdog {
  readonly #child: ChildProcess;

  /** @param folder everything that the cluster has on disk; its real path, no symbolic link in it */
  constructor(folder: string) {
    this.#child = spawn(process.execPath, ["-e", PROGRAM, folder], {
      cwd: "/",
      // None of ours: NODE_OPTIONS could load anything into it. Electron needs to be told to be node.
      env: { ELECTRON_RUN_AS_NODE: "1" },
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // It must never be what keeps this process running, nor bring it down.
    this.#child.unref();
    this.#child.on("error", () => {});
    const pipe = this.#child.stdin;
    pipe?.on("error", () => {});
    if (pipe && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  }

  /** The process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Puts a process under guard. Its working folder must be the guarded folder or inside it. */
  started(pid: number): void {
    this.#child.stdin?.write(`started ${pid}\n`);
  }

  /** A guarded process has ended. */
  ended(pid: number): void {
    this.#child.stdin?.write(`ended ${pid}\n`);
  }

  /** Lets it stop what is left, remove the folder, and end. */
  async finish(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (this.#child.pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.ref();
    this.#child.stdin?.end();
    await ended;
  }
}
