import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { internals } from "../servers/pg-internals.ts";

/** The part of pg's connection that is used here. */
interface Closing {
  readonly stream: { readonly closed?: boolean };
  once(event: "end", listener: () => void): void;
  ref(): void;
}

/** How long that is waited for, in milliseconds: a server that has vanished says nothing. */
const mostMillis = 2000;

/**
 * Resolves once the connection that a client has now is closed: whoever has ended a Client may count
 * on its locks being free, and drop the database.
 */
export async function closing(client: ClientBase): Promise<void> {
  const connection = internals(client).connection as unknown as Closing | undefined;
  if (connection === undefined || connection.stream.closed === true) return;
  // An idle one may let the process end (allowExitOnIdle), and whoever waits would not be told.
  connection.ref();
  const closed = new Promise<void>((resolve) => connection.once("end", resolve));
  await Promise.race([closed, delay(mostMillis, undefined, { ref: false })]);
}
