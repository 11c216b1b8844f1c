import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PoolOptions } from "pointsman";
import { until } from "../../support/waiting.ts";

/** What a steered process is told to do. */
export type Order =
  | { readonly do: "open"; readonly options: PoolOptions & { readonly iam?: boolean } }
  | {
      readonly do: "query";
      readonly text: string;
      readonly values?: readonly unknown[];
      readonly session?: string;
    }
  | { readonly do: "session"; readonly name: string; readonly after?: string }
  | { readonly do: "advance clock"; readonly millis: number }
  | { readonly do: "uncaught" }
  | { readonly do: "end" };

/** What it says of an order. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code?: string; readonly message: string };
}

const program = fileURLToPath(new URL("../programs/steered-pool.ts", import.meta.url));

/** A process with a pool, which can be stopped as a freezer stops it, and go on. */
export class SteeredProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #orders = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    child.on("exit", (code, signal) => {
      const error = { message: `The process has ended: ${code ?? signal}` };
      for (const [id, settle] of this.#waiting) settle({ id, error });
    });
  }

  static async start(
    options: PoolOptions & { readonly iam?: boolean },
    env: NodeJS.ProcessEnv = {},
  ): Promise<SteeredProcess> {
    const child = fork(program, {
      execArgv: ["--conditions=pointsman-source", "--import", "tsx"],
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const steered = new SteeredProcess(child);
    await steered.do({ do: "open", options });
    return steered;
  }

  /** @throws Error with the code and message of what the order failed with */
  async do(order: Order): Promise<unknown> {
    const id = ++this.#orders;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, order });
    const { value, error } = await answer;
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
    return value;
  }

  async rows(text: string, values: readonly unknown[] = [], session?: string) {
    const order = { do: "query", text, values, ...(session === undefined ? {} : { session }) };
    return (await this.do(order as Order)) as Record<string, unknown>[];
  }

  /**
   * Does something while the process stands still, for more than a second in any case: a connection
   * that was in use within the last second is not doubted.
   */
  async frozenDuring<T>(work: () => Promise<T>): Promise<T> {
    this.#child.kill("SIGSTOP");
    try {
      await until("it stands still", () => this.#state() === "T");
      const [result] = await Promise.all([work(), delay(1100)]);
      return result;
    } finally {
      this.#child.kill("SIGCONT");
    }
  }

  /** As the kernel has it; where there is no /proc, a signal to stop has been sent, no more. */
  #state(): string {
    if (process.platform !== "linux") return "T";
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}
