import type { Change, Operation, Read, Sight, Write } from "./history.ts";
import type { StepResult, TakenToken } from "./step.ts";

/** Writes down what a session does in a step. */
export class StepRecord {
  readonly operations: Operation[] = [];
  readonly freeReads: Record<string, number> = {};
  readonly troubles: Record<string, number> = {};
  readonly #session: number;
  readonly #process: number;
  readonly tick: () => number;

  constructor(session: number, process: number, tick: () => number) {
    this.#session = session;
    this.#process = process;
    this.tick = tick;
  }

  read(invoked: number, sights: readonly Sight[], server: string, uncommitted: readonly Change[]) {
    const read: Read = {
      ...this.#asked("read", invoked),
      sights,
      server,
      ...(uncommitted.length === 0 ? {} : { uncommitted: [...uncommitted] }),
    };
    this.operations.push(read);
  }

  write(invoked: number, changes: readonly Change[], outcome: Write["outcome"]) {
    this.operations.push({ ...this.#asked("write", invoked), changes, outcome });
  }

  adopted({ session: from, at }: TakenToken): void {
    this.operations.push({ ...this.#asked("handoff", at), from });
  }

  free(server: string): void {
    this.freeReads[server] = (this.freeReads[server] ?? 0) + 1;
  }

  trouble(error: unknown): void {
    const { code, message } = error as { code?: string; message?: string };
    const words = `${code ?? "no code"}: ${message ?? String(error)}`;
    this.troubles[words] = (this.troubles[words] ?? 0) + 1;
  }

  result(token: string | undefined): StepResult {
    const { operations, freeReads, troubles } = this;
    const taken = { session: this.#session, token, at: this.tick() };
    return { operations, token: taken, freeReads, troubles };
  }

  #asked<K extends Operation["kind"]>(kind: K, invoked: number) {
    const completed = this.tick();
    return { kind, session: this.#session, process: this.#process, invoked, completed };
  }
}

/**
 * What a failed write has come to. The server's own errors mean that it was not done, except for
 * those of a connection that was cut.
 */
export function outcomeOf(error: unknown): "failed" | "unknown" {
  const { code, severity } = error as { code?: string; severity?: string };
  const refused = code === "TRANSACTION_NOT_COMMITTED";
  const told = severity === "ERROR" && /^[0-9A-Z]{5}$/.test(code ?? "");
  return refused || told ? "failed" : "unknown";
}
