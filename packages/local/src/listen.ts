import type { Server } from "node:net";
import { ClusterError } from "./errors.ts";
import { poll } from "./wait.ts";

/**
 * Connections that may wait to be accepted. Pools open a thousand at once in tests; of more than
 * Node's own 511 the kernel breaks some when the machine is busy.
 */
const backlog = 4096;

/**
 * Makes a server listen on 127.0.0.1.
 *
 * @param port 0: any free one
 * @returns the port
 * @throws ClusterError `PORT_IN_USE` when the port is taken
 */
export function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new ClusterError(
              "PORT_IN_USE",
              `Port ${port} of 127.0.0.1 is taken. Choose another, or leave the choice to us.`,
              { cause: error },
            )
          : error,
      ),
    );
    server.listen({ port, host: "127.0.0.1", backlog }, () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new TypeError("no TCP address");
      resolve(address.port);
    });
  });
}

const AGAIN_TIMEOUT_MS = 10_000;

/**
 * Makes a server listen on a port that was ours before. Somebody may have it for a moment: whoever
 * looks for free ones.
 *
 * @throws ClusterError `PORT_IN_USE`
 */
export async function listenAgain(server: Server, port: number): Promise<void> {
  let refusal: unknown;
  const done = await poll(
    async () => {
      try {
        await listen(server, port);
        return true;
      } catch (error) {
        refusal = error;
        return undefined;
      }
    },
    performance.now() + AGAIN_TIMEOUT_MS,
    20,
  );
  if (!done) throw refusal;
}
