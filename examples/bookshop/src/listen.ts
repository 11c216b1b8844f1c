import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";

/** A bookshop that is open. */
export interface Shop {
  /** Where it listens, for example `http://localhost:3000`. */
  readonly url: string;
  /** Takes no more requests, and resolves when those under way are answered. */
  close(): Promise<void>;
}

/**
 * Serves the app over HTTP on this machine.
 *
 * @param port - 0 for any free one
 */
export function listen(app: Hono, port: number): Promise<Shop> {
  const server = createAdaptorServer({ fetch: app.fetch });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => {
      server.off("error", reject);
      resolve({
        url: `http://localhost:${(server.address() as AddressInfo).port}`,
        // Also closes the connections that are kept alive without a request on them.
        close: () =>
          new Promise((closed, failed) => {
            server.close((error) => (error ? failed(error) : closed()));
          }),
      });
    });
  });
}
