import { readdirSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { basename, join } from "node:path";
import { codeOf, reasonOf } from "../errors.ts";
import { type LeftOut, type Part, type Reading, type Source, SourceError } from "./reading.ts";
import { readSnapshot, SnapshotError } from "./snapshot.ts";

/** No pool tells that much, in characters. */
const longest = 32 * 1024 * 1024;
const socketName = /^pointsman-(\d+)-\d+\.sock$/;

/** Why something cannot be read, and what to do. */
interface Failure {
  readonly problem: string;
  readonly remedy: string;
}

type Answer =
  | { readonly kind: "part"; readonly part: Part }
  /** Nobody listens there: the process is gone. */
  | { readonly kind: "nobody" }
  | { readonly kind: "silent"; readonly who: string }
  | ({ readonly kind: "failed"; readonly who: string } & Failure);

/** The sockets of all pools of an application in one directory, or one of them. */
export class SocketSource implements Source {
  readonly name: string;
  readonly #patienceMillis: number;

  constructor(path: string, patienceMillis: number) {
    this.name = path;
    this.#patienceMillis = patienceMillis;
  }

  async read(): Promise<Reading> {
    const files = filesOf(this.name);
    const answers = await Promise.all(files.map((file) => ask(file, this.#patienceMillis)));
    const parts = answers.flatMap((answer) => (answer.kind === "part" ? [answer.part] : []));
    const silent = answers.flatMap((answer) => (answer.kind === "silent" ? [answer.who] : []));
    const failed = answers.flatMap((answer) => (answer.kind === "failed" ? [answer] : []));
    if (parts.length > 0) {
      const leftOut = failed.map(({ who, problem }): LeftOut => ({ who, problem }));
      return { at: performance.now(), parts, silent: [...new Set(silent)], leftOut };
    }
    const [first] = failed;
    if (first !== undefined) throw new SourceError(explained(this.name, first));
    if (silent.length > 0) {
      throw new SourceError(
        `${this.name} is there, and its application does not answer (process ${silent.join(", ")}). It may be busy with something that keeps its event loop: try again with a longer --interval.`,
      );
    }
    throw new SourceError(nobodyIn(this.name));
  }
}

function filesOf(path: string): readonly string[] {
  try {
    const found = statSync(path);
    if (found.isSocket()) return [path];
    if (!found.isDirectory()) {
      throw new SourceError(
        `${path} is neither a directory nor a socket. Give the directory that the application has as statsSocket (DATABASE_STATS_SOCKET).`,
      );
    }
    const names = readdirSync(path).filter((name) => socketName.test(name));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    if (error instanceof SourceError) throw error;
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") {
      throw new SourceError(explained(path, failureOf(error)));
    }
    // A socket is gone with its process.
    if (socketName.test(basename(path))) throw new SourceError(nobodyIn(path));
    throw new SourceError(
      `There is no ${path}. Give the directory that the application has as statsSocket (DATABASE_STATS_SOCKET), one of its sockets, or the URL of its metrics.`,
    );
  }
}

function nobodyIn(path: string): string {
  return `Nobody listens in ${path}. Is the application running, with DATABASE_STATS_SOCKET (or the option statsSocket) set to that directory?`;
}

const giveDirectory =
  "Give the directory that the application has as statsSocket (DATABASE_STATS_SOCKET).";

function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  return code === "EACCES" || code === "EPERM"
    ? {
        problem: `it may not be opened (${code})`,
        remedy:
          "Its sockets are for the user of the application alone: run pointsman top as that user.",
      }
    : {
        // Without the path, which a message has: several are told as one.
        problem: code === undefined ? reasonOf(error) : `it cannot be opened (${code})`,
        remedy: giveDirectory,
      };
}

function explained(path: string, { problem, remedy }: Failure): string {
  return `${path} cannot be read: ${problem}. ${remedy}`;
}

function ask(file: string, patienceMillis: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = createConnection(file);
    let text = "";
    const end = (answer: Answer): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(answer);
    };
    const who = socketName.exec(basename(file))?.[1] ?? basename(file);
    const late = setTimeout(() => end({ kind: "silent", who }), patienceMillis);
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      text += piece;
      if (text.length > longest) {
        end({
          kind: "failed",
          who,
          problem: "what answers there never ends",
          remedy: giveDirectory,
        });
      }
    });
    socket.once("end", () => end(answerOf(file, who, text)));
    socket.once("error", (error) => {
      const code = codeOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT" || code === "ECONNRESET") {
        end({ kind: "nobody" });
      } else {
        end({ kind: "failed", who, ...failureOf(error) });
      }
    });
  });
}

function answerOf(file: string, who: string, text: string): Answer {
  // It has ended while it was asked.
  if (text === "") return { kind: "nobody" };
  try {
    return { kind: "part", part: readSnapshot(file, text) };
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    const { message: problem, remedy = giveDirectory } = error;
    return { kind: "failed", who, problem, remedy };
  }
}
