import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

// Below the range that operating systems take the ports of outgoing connections from (32768 up on
// Linux, 49152 up on macOS): in there, a port that is free now may be somebody's in a moment.
const LOWEST = 15_000;
const HIGHEST = 32_000;

/**
 * Different ports of 127.0.0.1, free at this moment. Only a moment: whoever uses one must be ready
 * to find it taken and ask again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  while (held.length < count) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = await hold(port);
    if (server) held.push({ port, server });
  }
  // All are held until the last is found, or one port could be given out twice.
  await Promise.all(
    held.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return held.map(({ port }) => port);
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
