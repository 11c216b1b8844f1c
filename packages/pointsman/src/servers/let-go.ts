import type { ClientBase } from "pg";
import type { ConnectionLife } from "./connection-life.ts";
import { GivenUp } from "./given-up.ts";
import { idleClients, isExpired, isUsable } from "./pg-internals.ts";

/** A client, which is a connection where it has a life of its own. */
type MaybeConnection = ClientBase & { readonly life?: ConnectionLife };

/** A pool that lets go of clients. */
interface LettingGo {
  /** Whether `end()` has been called. */
  readonly isClosing: boolean;
}

/** Notes why a client is thrown away that is given back, if it is. */
export function noteGivenBack(pool: object, client: MaybeConnection, problem: unknown): void {
  const { life } = client;
  if (life === undefined) return;
  if (problem instanceof GivenUp) life.ends(problem.reason);
  else if (problem) life.ends("failed", problem === true ? undefined : problem);
  else if (isExpired(pool, client)) life.ends("lifetime");
}

/** A pool lets go of a client: tells why, which is plain from its state where nobody has said it. */
export function tellLetGo(pool: LettingGo, client: MaybeConnection): void {
  const { life } = client;
  if (life === undefined) return;
  if (pool.isClosing) life.ends("pool-ended");
  else if (!isUsable(client)) life.ends("failed");
  else life.ends(idleClients(pool).includes(client) ? "idle" : "lifetime");
  life.over();
}
