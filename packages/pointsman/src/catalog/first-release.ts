import type { EndpointClient } from "../servers/endpoint-client.ts";
import { isUsable } from "../servers/pg-internals.ts";
import type { SettlingPool } from "../servers/settling-pool.ts";

/**
 * Looks at a database once, beside its callers: on a connection that has been given back. When that
 * is lost meanwhile, the next one is looked at.
 *
 * @param pools - whichever has a connection first
 */
export function atFirstRelease(
  pools: readonly SettlingPool[],
  look: (client: EndpointClient) => Promise<void>,
): void {
  const listeners = [...new Set(pools)].map((pool) => ({
    pool,
    listener: (error: unknown) => {
      if (!error) begin(pool);
    },
  }));
  const listen = (): void => {
    for (const { pool, listener } of listeners) pool.on("release", listener);
  };
  const begin = (of: SettlingPool): void => {
    for (const { pool, listener } of listeners) pool.removeListener("release", listener);
    // pg-pool tells of it before the connection can be had again.
    setImmediate(() => {
      of.acquire((_error, taken, release) => {
        if (taken === undefined) {
          listen();
          return;
        }
        const client = taken as unknown as EndpointClient;
        const over = (): void => {
          release();
          if (!isUsable(client)) listen();
        };
        // What cannot be read is not asked again.
        look(client).then(over, over);
      });
    });
  };
  listen();
}
