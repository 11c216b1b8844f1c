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
  readonly #owners = new Map<string, { readonly server: Address; readonly key: string }>();

  /** The server that a client's first message asks to cancel something on, if it is known. */
  ownerOf(first: Buffer): Address | undefined {
    return this.#ownerOf(first)?.server;
  }

  /** A client's first message, with the owner's key in it if it is a request to cancel something. */
  translated(first: Buffer): Buffer {
    const owner = this.#ownerOf(first);
    if (owner === undefined) return first;
    const request = Buffer.alloc(8 + owner.key.length);
    request.writeInt32BE(request.length, 0);
    request.writeInt32BE(cancelCode, 4);
    request.write(owner.key, 8, "latin1");
    return request;
  }

  /** Notes that another backend, with its own key, has taken the place of a client's. */
  move(key: string, server: Address, ownKey: string): void {
    this.#owners.set(key, { server, key: ownKey });
  }

  forget(key: string): void {
    this.#owners.delete(key);
  }

  /** Reads what a server sends at the start of a connection, until it has told the key. */
  learner(owner: Address): KeyLearner {
    let pending: Buffer | undefined = Buffer.alloc(0);
    let key: string | undefined;
    return {
      get key() {
        return key;
      },
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
              this.#owners.set(key, { server: owner, key });
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

  #ownerOf(first: Buffer) {
    if (first.length < 16 || first.readInt32BE(4) !== cancelCode) return undefined;
    return this.#owners.get(first.toString("latin1", 8, first.readInt32BE(0)));
  }
}

/** Reads along for a key. */
export interface KeyLearner {
  /** What was learnt, as text of one byte a character. */
  readonly key: string | undefined;
  read(chunk: Buffer): void;
  /** The connection is gone. */
  forget(): void;
}
