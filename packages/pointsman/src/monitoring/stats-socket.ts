import { chmodSync, readdirSync, statSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

/** Bytes that the path of a socket may have, as the system holds it, without the NUL behind it. */
const longestPath = process.platform === "darwin" ? 103 : 107;

/** How long whoever has connected may take to read. */
const patienceMillis = 5000;

/** A file of a process that is gone is removed once it is older: a younger one may be in the making. */
const staleMillis = 60_000;

const socketName = /^pointsman-\d+-\d+\.sock$/;

/** Files that a pool of this process has, or tries to have. */
const taken = new Set<string>();

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

  async #listen(): Promise<void> {
    for (let n = 1; this.#server === undefined && !this.#isOver; n++) {
      const file = join(this.#directory, `pointsman-${process.pid}-${n}.sock`);
      if (Buffer.byteLength(file) > longestPath) throw tooLong(file);
      if (taken.has(file)) continue;
      taken.add(file);
      const server = await this.#listenOn(file);
      if (server === undefined) {
        taken.delete(file);
        continue;
      }
      this.#server = server;
      this.#file = file;
      files.add(file);
      if (files.size === 1) process.on("exit", removeFiles);
      server.on("error", (error) => this.#failed(explained(error, this.#directory)));
      if (this.#isOver) this.end();
      else await removeStale(this.#directory);
    }
  }

  /** @returns `undefined`: somebody else does, such as a process of the same number elsewhere */
  async #listenOn(file: string): Promise<Server | undefined> {
    try {
      return (await isFree(file)) ? await listening(file, (one) => this.#answer(one)) : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
      taken.delete(file);
      throw error;
    }
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
    taken.delete(this.#file);
    if (files.size === 0) process.off("exit", removeFiles);
    this.#file = undefined;
  }
}

function listening(file: string, answer: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(answer);
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve(server);
    });
    // Exclusive: a worker of node:cluster would leave it to the primary, which outlives it.
    server.listen({ path: file, exclusive: true });
    server.unref();
    // It is bound already, and nobody has been let in.
    try {
      if (server.listening) chmodSync(file, 0o600);
    } catch (error) {
      server.close();
      reject(error);
    }
  });
}

/** Whether nobody answers on a file. One that a dead process has left is removed. */
async function isFree(file: string): Promise<boolean> {
  const code = await refusal(file);
  if (code === "ECONNREFUSED") remove(file);
  return code !== undefined;
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

/** Removes what processes have left that were killed. */
async function removeStale(directory: string): Promise<void> {
  for (const name of namesIn(directory)) {
    const file = join(directory, name);
    if (!socketName.test(name) || files.has(file)) continue;
    if (isOld(file) && (await refusal(file)) === "ECONNREFUSED") remove(file);
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

function isOld(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > staleMillis;
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // Somebody else has, or may not be hindered by it.
  }
}

function tooLong(file: string): Error {
  return Object.assign(new Error(), { code: "ENAMETOOLONG", path: file });
}

function explained(error: unknown, directory: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const found = statSync(directory, { throwIfNoEntry: false });
  if (code === "ENAMETOOLONG") {
    return `${directory} is too long, since a socket's path has at most ${longestPath} bytes, its file name included. Choose a shorter directory for statsSocket (DATABASE_STATS_SOCKET), such as /run/app.`;
  }
  if (found === undefined) {
    return `there is no directory ${directory}. Make it, for the user of this process alone, or choose another for statsSocket (DATABASE_STATS_SOCKET).`;
  }
  if (!found.isDirectory()) {
    return `${directory} is no directory. statsSocket (DATABASE_STATS_SOCKET) names the one in which the sockets are made.`;
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return `this process may not make a file in ${directory} (${code}). Give its user the right to, or choose another directory for statsSocket (DATABASE_STATS_SOCKET).`;
  }
  return `listening in ${directory} has failed: ${message}.`;
}
