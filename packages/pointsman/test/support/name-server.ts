import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";

const kinds = { A: 1, AAAA: 28 };
const answered = 0x8180;
const refused = 0x8185;

/** A DNS server on loopback that answers what it is told to. */
export class NameServer {
  readonly #socket: Socket = createSocket("udp4");
  /** Addresses by name. */
  readonly records = new Map<string, readonly string[]>();
  /** It refuses to answer. */
  refusing = false;

  constructor() {
    this.#socket.on("message", (question, { port, address }) => {
      this.#socket.send(this.#answer(question), port, address);
    });
  }

  /** @returns a resolver that asks it */
  async open(): Promise<Resolver> {
    await new Promise<void>((resolve) => this.#socket.bind(0, "127.0.0.1", resolve));
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`]);
    return resolver;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const kind = question.readUInt16BE(at + 1);
    const known = this.refusing || kind !== kinds.A ? [] : this.records.get(labels.join("."));
    const head = Buffer.from(question.subarray(0, at + 5));
    head.writeUInt16BE(this.refusing ? refused : answered, 2);
    head.writeUInt16BE(known?.length ?? 0, 6);
    head.writeUInt32BE(0, 8);
    return Buffer.concat([head, ...(known ?? []).map(addressRecord)]);
  }
}

/** The name of the question, its kind, a second to live, and the address. */
function addressRecord(address: string): Buffer {
  const record = Buffer.from([0xc0, 12, 0, kinds.A, 0, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0]);
  record.set(address.split(".").map(Number), 12);
  return record;
}
