import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import type { Express } from "express";

/** Opens the shop; `close()` takes no more requests, and resolves when the last one is answered. */
export async function listen(app: Express, port: number, host: string) {
  const server = createServer(app);
  server.on("request", (_request, response) => {
    // Closing lets go of idle connections; those that are answered later would be kept for a while.
    response.on("close", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: promisify(server.close.bind(server)),
  };
}
