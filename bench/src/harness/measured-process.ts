import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, Order, Slice } from "./protocol.ts";
import type { Servers } from "./servers.ts";

/**
 * A process that holds one contender. Contenders do not share one: what one of them does to its
 * process (the shapes that pg's functions have seen, hooks on every promise) would weigh on all.
 */
export class MeasuredProcess {
  readonly #child: ChildProcess;

  private constructor(program: string, execArgv: readonly string[]) {
    this.#child = fork(program, { execArgv: ["--expose-gc", ...execArgv] });
  }

  /** @param profile - folder for its CPU profile */
  static async open(program: string, contender: string, servers: Servers, profile?: string) {
    const opened = new MeasuredProcess(
      program,
      profile === undefined ? [] : profiling(contender, profile),
    );
    try {
      await opened.#ask({ do: "open", contender, servers });
    } catch (error) {
      opened.#child.kill();
      throw error;
    }
    return opened;
  }

  /** Runs and measures a slice. */
  async slice(operations: number, concurrency: number): Promise<Slice> {
    const { slice } = await this.#ask({ do: "slice", operations, concurrency });
    return slice as Slice;
  }

  /** Lets the contender close what it holds; the process then ends by itself. */
  async close(): Promise<void> {
    const over = once(this.#child, "exit");
    await this.#ask({ do: "close" });
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await over;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(order: Order): Promise<Extract<Answer, { ok: true }>> {
    return new Promise((resolve, reject) => {
      const exited = (code: number | null): void => {
        this.#child.off("message", answered);
        reject(new Error(`A measured process ended with code ${code}.`));
      };
      const answered = (answer: Answer): void => {
        this.#child.off("exit", exited);
        if (answer.ok) resolve(answer);
        else reject(new Error(`In a measured process: ${answer.error}`));
      };
      this.#child.once("exit", exited);
      this.#child.once("message", answered as never);
      this.#child.send(order);
    });
  }
}

let profiles = 0;

function profiling(contender: string, folder: string): readonly string[] {
  profiles += 1;
  const name = `${contender.replaceAll(/[^\w]+/g, "-")}.${profiles}.cpuprofile`;
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}`];
}
