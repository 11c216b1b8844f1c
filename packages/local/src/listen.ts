import type { Server } from "node:net";
import { ClusterError } from "./errors.ts";

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
