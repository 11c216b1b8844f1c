const HEADER = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Tells the messages apart in a stream of PostgreSQL's protocol, without keeping more of them than
 * is asked for.
 *
 * Messages as in https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class MessageScanner {
  readonly #wanted: string;
  readonly #onMessage: (type: string, message: Buffer) => void;
  #header: Buffer = NOTHING;
  #type = "";
  #kept: Buffer[] | undefined;
  #left = 0;

  /**
   * @param wanted the types of messages to keep, one letter each
   * @param onMessage called at the end of each message; `message` is empty if it was not kept
   */
  constructor(wanted: string, onMessage: (type: string, message: Buffer) => void) {
    this.#wanted = wanted;
    this.#onMessage = onMessage;
  }

  /** Whether the stream has ended within a message so far. */
  get within(): boolean {
    return this.#left > 0 || this.#header.length > 0;
  }

  /** @returns false when this is not the protocol */
  read(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        // Nearly always all of it is there: rows by the million come through here.
        let header = chunk;
        let start = at;
        if (this.#header.length > 0 || chunk.length - at < HEADER) {
          const missing = HEADER - this.#header.length;
          header = Buffer.concat([this.#header, chunk.subarray(at, at + missing)]);
          start = 0;
          if (header.length < HEADER) {
            this.#header = header;
            return true;
          }
          at += missing;
        } else at += HEADER;
        const length = header.readInt32BE(start + 1);
        if (length < 4) return false;
        this.#type = String.fromCharCode(header.readUInt8(start));
        this.#kept = this.#wanted.includes(this.#type)
          ? [Buffer.from(header.subarray(start, start + HEADER))]
          : undefined;
        this.#header = NOTHING;
        this.#left = length - 4;
      } else {
        const end = Math.min(at + this.#left, chunk.length);
        this.#left -= end - at;
        this.#kept?.push(chunk.subarray(at, end));
        at = end;
      }
      if (this.#left === 0) {
        this.#onMessage(this.#type, this.#kept ? Buffer.concat(this.#kept) : NOTHING);
      }
    }
    return true;
  }
}
