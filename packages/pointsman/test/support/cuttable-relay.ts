import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that can be cut, closed and opened again. */
export class CuttableRelay {
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  port = 0;

  /**
   * @param cutAt - breaks a connection when its client sends this
   * @param reaches - whether it reaches the server, whose answer reaches nobody
   */
  constructor(target: { host: string; port: number }, cutAt?: string, reaches = false) {
    this.#target = target;
    this.#server = createServer((client) => {
      const server = connect(this.#target);
      if (cutAt !== undefined) {
        client.on("data", (data) => {
          if (!data.includes(cutAt)) return;
          if (!reaches) {
            server.destroy();
            client.resetAndDestroy();
            return;
          }
          server.unpipe(client);
          server.once("data", () => client.resetAndDestroy());
        });
      }
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.resetAndDestroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  /** Accepts connections: the first time on any port, then on the same one. */
  async open(host = "127.0.0.1"): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, host, resolve));
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  /** Breaks all connections; new ones are accepted. */
  cut(): number {
    const { size } = this.#sockets;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    return size;
  }

  /** What is sent on the connections that are open reaches nobody; new ones work. */
  mute(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.resume();
    }
  }

  /** Breaks all connections and refuses new ones. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** The same URL, by way of this relay. */
  url(direct: string): string {
    const url = new URL(direct);
    url.port = String(this.port);
    return url.href;
  }
}
