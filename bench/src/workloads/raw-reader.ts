import { once } from "node:events";
import type { Socket } from "node:net";
import pg from "pg";

const name = "raw";
const typeAndLength = 5;
const readyForQuery = 0x5a;

/**
 * Reads by key over a socket of its own, with as little as the protocol allows: a prepared statement,
 * everything that is asked in one turn of the event loop in one write, and no row looked at but for
 * its end. What any client could reach at most.
 */
export class RawReader {
  readonly #socket: Socket;
  readonly #waiting: (() => void)[] = [];
  #outgoing: Buffer[] = [];
  /** The beginning of a message whose rest is on its way. */
  #incoming: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#take(data));
  }

  /** @param text - with one parameter */
  static async open(connectionString: string, text: string): Promise<RawReader> {
    // Logging in is left to pg.
    const client = new pg.Client({ connectionString });
    await client.connect();
    await client.query({ name, text, values: ["1"] });
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners("data");
    return new RawReader(stream);
  }

  read(key: number): Promise<void> {
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    this.#outgoing.push(request(String(key)));
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async close(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#socket.end(Buffer.from([0x58, 0, 0, 0, 4]));
    await once(this.#socket, "close");
  }

  #flush(): void {
    this.#socket.write(Buffer.concat(this.#outgoing));
    this.#outgoing = [];
  }

  #take(data: Buffer): void {
    const all = this.#incoming.length === 0 ? data : Buffer.concat([this.#incoming, data]);
    let at = 0;
    while (at + typeAndLength <= all.length) {
      const end = at + 1 + all.readInt32BE(at + 1);
      if (end > all.length) break;
      if (all[at] === readyForQuery) this.#waiting.shift()?.();
      at = end;
    }
    this.#incoming = all.subarray(at);
  }
}

/** Bind, Execute, Sync. */
function request(value: string): Buffer {
  const length = 4 + 1 + name.length + 1 + 2 + 2 + 4 + value.length + 2;
  const bytes = Buffer.alloc(1 + length + 10 + 5);
  let at = bytes.write("B", 0);
  at = bytes.writeInt32BE(length, at);
  at = bytes.writeUInt8(0, at);
  at += bytes.write(`${name}\0`, at);
  at = bytes.writeInt16BE(0, at);
  at = bytes.writeInt16BE(1, at);
  at = bytes.writeInt32BE(value.length, at);
  at += bytes.write(value, at);
  at = bytes.writeInt16BE(0, at);
  at += bytes.write("E", at);
  at = bytes.writeInt32BE(9, at);
  at = bytes.writeUInt8(0, at);
  at = bytes.writeInt32BE(0, at);
  at += bytes.write("S", at);
  bytes.writeInt32BE(4, at);
  return bytes;
}
