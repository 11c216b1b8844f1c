import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";

/**
 * Gives each login another process number than the server's, as a pooler does, and leads each
 * connection to the next server in turn.
 */
export class PoolerRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  /** @param ports - of the servers, on loopback */
  constructor(ports: readonly number[]) {
    this.#server = createServer((client) => {
      const server = connect(ports[this.#turn++ % ports.length] as number, "127.0.0.1");
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.pipe(server);
      server.pipe(otherProcess()).pipe(client);
    });
  }

  /** @returns the port */
  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as { readonly port: number }).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Changes the process number in BackendKeyData, and nothing else. */
function otherProcess(): Transform {
  let head = Buffer.alloc(0);
  let done = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      if (done) {
        callback(null, chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      let at = 0;
      let passed = 0;
      while (at + 5 <= head.length && at + 1 + head.readUInt32BE(at + 1) <= head.length && !done) {
        if (head[at] === 0x4b) {
          head.writeInt32BE(head.readInt32BE(at + 5) + 1_000_000, at + 5);
          done = true;
        }
        at += 1 + head.readUInt32BE(at + 1);
        passed = at;
      }
      const out = done ? head : head.subarray(0, passed);
      head = done ? Buffer.alloc(0) : head.subarray(passed);
      callback(null, out);
    },
  });
}
