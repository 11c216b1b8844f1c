import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { listen } from "../src/listen.ts";

/** Sockets of this machine that are connected to a port, read without a turn of the event loop. */
function connectedTo(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = readFileSync("/proc/net/tcp", "latin1").split("\n");
  return rows.filter((row) => row.includes(`0100007F:${hex} 01 `)).length;
}

test.runIf(process.platform === "linux")(
  "a thousand clients are connected while the process is busy",
  async () => {
    const server = createServer((socket) => socket.on("error", () => {}));
    const port = await listen(server, 0);
    const clients = Array.from({ length: 1000 }, () => connect(port, "127.0.0.1"));
    try {
      // They knock in the next tick. Nobody is accepted by then: that takes a turn of the event loop.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      expect(connectedTo(port)).toBe(1000);
    } finally {
      for (const client of clients) client.on("error", () => {}).destroy();
      server.close();
    }
  },
);
