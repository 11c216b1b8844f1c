import { once } from "node:events";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

/** Bytes that the path of a socket may have, as the system holds it, without the NUL behind it. */
const longestPath = process.platform === "darwin" ? 103 : 107;

/** How long whoever has connected may take to read. */
const patienceMillis = 5000;

/** A file of a process that is gone is removed once it is older: a younger one may be in the making. */
const staleMillis = 60_000;

const socketName = /^pointsman-\d+-\d+\.sock$/;

/** What the directory is called in which a socket is made, before the characters that make it unique. */
const nest = ".stats-";
const nestName = /^\.stats-[A-Za-z0-9]{6}$/;
/** What the socket is called in there. */
const inNest = "s";

/** Those on which one listens: they are removed when the process exits. */
const files = new Set<string>();

function removeFiles(): void {
  for (const file of files) remove(file);
}

/** Tells something to whoever connects to a Unix socket, and closes the connection. */
export class StatsSocket {
  readonly #directory: string;
  readonly #tell: () => string;
  readonly #failed: (problem: string) => void;
  #server: Server | undefined;
  #file: string | undefined;
  #isOver = false;

  /**
   * @param failed - is told in a sentence why there is no socket
   */
  constructor(directory: string, tell: () => string, failed: (problem: string) => void) {
    this.#directory = directory;
    this.#tell = tell;
    this.#failed = failed;
  }

  /** Begins to listen. What comes of it is known later. */
  open(): void {
    this.#listen().catch((error: unknown) => {
      if (!this.#isOver) this.#failed(explained(error, this.#directory));
    });
  }

  /**
   * Makes it where nobody else may go, and gives it its name when it is for its user alone: between
   * `bind` and `chmod` whoever may enter its directory could connect.
   */
  async #listen(): Promise<void> {
    // Longer than the path on which it is bound.
    fileIn(this.#directory, 1);
    const hidden = mkdtempSync(join(this.#directory, nest));
    const bound = join(hidden, inNest);
    const server = createServer((socket) => this.#answer(socket));
    try {
      // Exclusive: a worker of node:cluster would leave it to the primary, which outlives it.
      server.listen({ path: bound, exclusive: true });
      server.unref();
      // It is bound already, or tells soon why it is not.
      if (!server.listening) throw (await once(server, "error"))[0];
      chmodSync(bound, 0o600);
      this.#file = named(bound, this.#directory);
    } catch (error) {
      server.close();
      throw error;
    } finally {
      removeNest(hidden);
    }
    this.#server = server;
    server.on("error", (error) => this.#failed(explained(error, this.#directory)));
    files.add(this.#file);
    if (files.size === 1) process.on("exit", removeFiles);
    await removeStale(this.#directory);
  }

  #answer(socket: Socket): void {
    // It is nobody's business but its own whether whoever asks stays to hear.
    socket.on("error", () => socket.destroy());
    socket.unref();
    socket.setTimeout(patienceMillis, () => socket.destroy());
    // What is sent here says nothing.
    socket.resume();
    socket.end(this.#tell());
  }

  end(): void {
    this.#isOver = true;
    this.#server?.close();
    this.#server = undefined;
    if (this.#file === undefined) return;
    remove(this.#file);
    files.delete(this.#file);
    if (files.size === 0) process.off("exit", removeFiles);
    this.#file = undefined;
  }
}

/**
 * Gives what is bound the first name that is free. Nobody loses theirs by it, such as a process of
 * the same number in another container: a link does not replace a file.
 */
function named(bound: string, directory: string): string {
  for (let n = 1; ; n++) {
    const file = fileIn(directory, n);
    try {
      linkSync(bound, file);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function fileIn(directory: string, n: number): string {
  const file = join(directory, `pointsman-${process.pid}-${n}.sock`);
  if (Buffer.byteLength(file) > longestPath) throw tooLong(file);
  return file;
}

/** Why nobody answers there; `undefined`: somebody does. */
function refusal(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(file);
    socket.unref();
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.destroy();
      resolve(error.code ?? "unknown");
    });
  });
}

/**
 * Removes what processes have left that were killed, as far as this one may: others may have put
 * anything into the directory, and what stays there is in nobody's way.
 */
async function removeStale(directory: string): Promise<void> {
  for (const name of namesIn(directory)) {
    const file = join(directory, name);
    if (nestName.test(name)) {
      if (old(file)?.isDirectory() === true) removeNest(file);
    } else if (socketName.test(name) && !files.has(file) && old(file)?.isSocket() === true) {
      if ((await refusal(file)) === "ECONNREFUSED") remove(file);
    }
  }
}

/** Who may make a file in a directory may not always read it. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** What is there, if it is old. No link is followed: it may lead to anything. */
function old(file: string): Stats | undefined {
  try {
    const found = lstatSync(file);
    return Date.now() - found.mtimeMs > staleMillis ? found : undefined;
  } catch {
    return undefined;
  }
}

function remove(file: string): void {
  attempt(() => unlinkSync(file));
}

/** Nothing else is removed that somebody may have put there. */
function removeNest(hidden: string): void {
  remove(join(hidden, inNest));
  attempt(() => rmdirSync(hidden));
}

function attempt(removal: () => void): void {
  try {
    removal();
  } catch {
    // Somebody else has, or may not be hindered by it.
  }
}

function tooLong(file: string): Error {
  return Object.assign(new Error(), { code: "ENAMETOOLONG", path: file });
}

function explained(error: unknown, directory: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const found = thingAt(directory);
  if (code === "ENAMETOOLONG") {
    return `${directory} is too long, since a socket's path has at most ${longestPath} bytes, its file name included. Choose a shorter directory for statsSocket (DATABASE_STATS_SOCKET), such as /run/app.`;
  }
  if (found === "nothing") {
    return `there is no directory ${directory}. Make it, for the user of this process alone, or choose another for statsSocket (DATABASE_STATS_SOCKET).`;
  }
  if (found === "no directory") {
    return `${directory} is no directory. statsSocket (DATABASE_STATS_SOCKET) names the one in which the sockets are made.`;
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return `this process may not make a file in ${directory} (${code}). Give its user the right to, or choose another directory for statsSocket (DATABASE_STATS_SOCKET).`;
  }
  return `listening in ${directory} has failed: ${message}. If it stays so, choose another directory for statsSocket (DATABASE_STATS_SOCKET).`;
}

function thingAt(path: string): "directory" | "no directory" | "nothing" | "unknown" {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return "nothing";
    return found.isDirectory() ? "directory" : "no directory";
  } catch {
    // It may not be looked at, or leads in a circle: the error of listening there says that, too.
    return "unknown";
  }
}
