import type { Duplex } from "node:stream";
import type { Counts } from "./traffic.ts";

/** One end of a connection that is carried on. */
export interface End {
  readonly stream: Duplex;
  /** Breaks the connection so that the peer sees it broken, not brought to an orderly end. */
  reset(): void;
}

/**
 * Carries bytes both ways between a client and a server and counts them, until one of them is gone
 * or the returned function is called.
 *
 * @returns a function that lets go of both, which are then the caller's again
 */
export function carry(client: End, server: End, traffic: Counts): () => void {
  let carrying = true;
  let inFlight = false;
  client.stream.on("data", (chunk: Buffer) => {
    if (!carrying) return;
    traffic.bytesToServer += chunk.length;
    if (!inFlight) traffic.flights += 1;
    inFlight = true;
  });
  server.stream.on("data", (chunk: Buffer) => {
    if (!carrying) return;
    traffic.bytesToClient += chunk.length;
    inFlight = false;
  });
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.stream.once("close", () => {
      // A side that closed before it said goodbye was cut off: nobody is left to read the rest.
      if (carrying && !one.stream.readableEnded) other.stream.destroy();
    });
    // A broken connection must look broken on the other side too, not like an orderly end.
    one.stream.on("error", () => {
      if (carrying) other.reset();
    });
    // pipe() ends the other side when this one ends, which is how a half-open connection travels.
    one.stream.pipe(other.stream);
  }
  return () => {
    carrying = false;
    client.stream.unpipe(server.stream);
    server.stream.unpipe(client.stream);
  };
}
