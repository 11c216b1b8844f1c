import type { Client } from "pg";
import type { Target } from "../routing/route.ts";
import type { EndpointAddress } from "./endpoint-addresses.ts";
import { internals } from "./pg-internals.ts";

/**
 * How long a server may take to let a connection in, in milliseconds. A reader has others beside it;
 * a writer may have to be woken first, which takes Aurora Serverless half as long as this.
 */
const openingMillis = { reader: 10_000, writer: 30_000 } as const;

/** A connection on its way from being made to being open, or not. */
export class Opening {
  #over = false;

  /**
   * Opens a connection when it is its turn.
   *
   * @param side - what it is to lead to
   * @param connect - pg's own way to do it
   * @param done - called once, with the milliseconds that it took; 0: it had no turn
   */
  constructor(
    client: Client,
    address: EndpointAddress,
    side: Target,
    connect: (opened: (error?: Error | null) => void) => void,
    done: (error: Error | undefined, durationMs: number) => void,
  ) {
    const { stream } = internals(client).connection ?? {};
    let late: NodeJS.Timeout | undefined;
    const opened = (error?: Error | null): void => {
      if (this.#over) return;
      this.#over = true;
      clearTimeout(late);
      const durationMs = begunAt === 0 ? 0 : performance.now() - begunAt;
      if (!error) address.took(durationMs);
      done(error ?? undefined, durationMs);
    };
    let waiting = true;
    let begunAt = 0;
    let giveUp = (): void => {};
    // Pools destroy the stream of a connection that takes too long, or that is given up: with an
    // error that nobody else hears yet.
    const closed = (why: unknown): void => {
      giveUp();
      const isTold = why instanceof Error;
      opened(isTold ? why : new Error("Connection terminated while it waited to be opened"));
    };
    address.opening += 1;
    giveUp = address.whenItsTurn(() => {
      waiting = false;
      begunAt = performance.now();
      stream?.removeListener("error", closed);
      stream?.removeListener("close", closed);
      const limit = openingMillis[side];
      late = setTimeout(() => stream?.destroy(silence(address.name, limit)), limit).unref();
      connect(opened);
    });
    if (!waiting) return;
    stream?.once("error", closed);
    stream?.once("close", closed);
  }

  /** Whether it is open, or has failed. */
  get over(): boolean {
    return this.#over;
  }
}

function silence(endpoint: string, limit: number): Error {
  const message = `timeout expired: ${endpoint} has not let the connection in within ${limit / 1000} s`;
  return Object.assign(new Error(message), { code: "ETIMEDOUT" });
}
