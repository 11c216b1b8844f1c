import type { Address } from "./address.ts";

const cancelCode = 80877102;
const backendKeyData = 0x4b; // "K"
const readyForQuery = 0x5a; // "Z"

/**
 * Remembers which server each connection's backend runs on, by the key that the server gives a
 * client to cancel with. Connections over TLS cannot be read, and are not known.
 *
 * Messages as in https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class BackendKeys {
  readonly #owners = new Map<string, Address>();

  /** The server that a client's first message asks to cancel something on, if it is known. */
  ownerOf(first: Buffer): Address | undefined {
    if (first.length < 16 || first.readInt32BE(4) !== cancelCode) return undefined;
    return this.#owners.get(first.toString("latin1", 8, first.readInt32BE(0)));
  }

  /** Reads what a server sends at the start of a connection, until it has told the key. */
  learner(owner: Address): { read(chunk: Buffer): void; forget(): void } {
    let pending: Buffer | undefined = Buffer.alloc(0);
    let key: string | undefined;
    return {
      read: (chunk) => {
        if (pending === undefined) return;
        pending = Buffer.concat([pending, chunk]);
        while (pending !== undefined && pending.length >= 5) {
          const type = pending.readUInt8(0);
          const end = 1 + pending.readInt32BE(1);
          // Not a message of the start-up: the connection is encrypted, or refused.
          if (end < 5 || end > 10_000 || type === readyForQuery) pending = undefined;
          else if (pending.length < end) return;
          else {
            if (type === backendKeyData) {
              key = pending.toString("latin1", 5, end);
              this.#owners.set(key, owner);
              pending = undefined;
            } else pending = pending.subarray(end);
          }
        }
      },
      forget: () => {
        if (key !== undefined) this.#owners.delete(key);
      },
    };
  }
}
