import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Address } from "./address.ts";
import { BackendKeys } from "./backend-keys.ts";
import { carry, type End } from "./carry.ts";
import { listen } from "./listen.ts";
import { type Counts, noTraffic, TrafficView } from "./traffic.ts";

/**
 * A TCP relay on 127.0.0.1: whoever connects to it is connected to whatever `target` names at
 * that moment. A request to cancel a statement goes to the server that runs it, as it does where an
 * endpoint is a name that clients resolve themselves.
 */
export class Relay extends TrafficView implements Address {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly #server: NetServer;
  readonly #sockets: Sockets;

  private constructor(server: NetServer, port: number, sockets: Sockets, traffic: Counts) {
    super(traffic);
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  /**
   * Opens a relay.
   *
   * @param target asked once for each new connection
   * @param port 0: any free one
   * @throws ClusterError `PORT_IN_USE` when the port is taken
   */
  static async listen(target: () => Address, port = 0): Promise<Relay> {
    const sockets: Sockets = new Map();
    const traffic = noTraffic();
    const keys = new BackendKeys();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      traffic.accepted += 1;
      traffic.connections += 1;
      client.once("close", () => {
        traffic.connections -= 1;
        sockets.delete(client);
      });
      join(client, target(), keys, sockets, traffic);
    });
    return new Relay(server, await listen(server, port), sockets, traffic);
  }

  /** Breaks every connection to a target, with no word of farewell. */
  cut(target: Address): void {
    for (const [socket, led] of this.#sockets) {
      if (led === target) socket.resetAndDestroy();
    }
  }

  /** Stops listening and breaks every connection. Calling it again does nothing. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets.keys()) socket.destroy();
    });
  }
}

/** Those of clients and servers, with the target of their connection. */
type Sockets = Map<Socket, Address>;

/** Connects a client and the server it is meant for. */
function join(
  client: Socket,
  target: Address,
  keys: BackendKeys,
  sockets: Sockets,
  traffic: Counts,
): void {
  sockets.set(client, target);
  const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
  const startup = keys.learner(target);
  sockets.set(server, target);
  server.once("close", () => {
    sockets.delete(server);
    startup.forget();
  });
  client.once("data", (first) => {
    const owner = keys.ownerOf(first);
    if (owner === undefined || owner === target) return;
    // The server that has had it ignores a key that it does not know.
    letGo();
    server.destroy();
    client.unshift(first);
    join(client, owner, keys, sockets, traffic);
  });
  server.on("data", (chunk) => startup.read(chunk));
  const letGo = carry(end(client), end(server), traffic);
}

function end(socket: Socket): End {
  return { stream: socket, reset: () => socket.resetAndDestroy() };
}
