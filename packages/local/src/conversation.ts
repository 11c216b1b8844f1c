import { MessageScanner } from "./message-scanner.ts";

const PROTOCOL_3 = 3;
const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const MOST_STARTUP_BYTES = 10_000;

/** Something that the server says to be done when it is: a statement prepared, or closed. */
interface Step {
  readonly name: string;
  /** The message that prepares it; `undefined`: closed. */
  readonly parse: Buffer | undefined;
}

/**
 * Follows what a client and its server say to each other, as far as it takes to put another server
 * in the place of this one: how the client has logged in, which statements it has prepared, and
 * whether it waits for something.
 */
export class Conversation {
  readonly #prepared = new Map<string, Buffer>();
  readonly #fromClient = new MessageScanner("PC", (type, message) => this.#said(type, message));
  readonly #fromServer = new MessageScanner("ZC", (type, message) => this.#answered(type, message));
  /** What the client waits for: in the last one, there is no Sync or Query yet. */
  #rounds: Step[][] = [[]];
  #startup: Buffer | undefined;
  #opening: Buffer = Buffer.alloc(0);
  #requests = 0;
  #begun = false;
  #copying = false;
  #idle = false;
  #opaque = false;

  /** The client's StartupMessage, once it is logged in and everything can be understood. */
  get startup(): Buffer | undefined {
    return this.#opaque || !this.#idle ? undefined : this.#startup;
  }

  /** The Parse messages of the named statements that are there. */
  get prepared(): readonly Buffer[] {
    return [...this.#prepared.values()];
  }

  /** Whether the client waits for nothing, and is in no transaction. */
  get quiet(): boolean {
    return (
      !this.#opaque &&
      this.#idle &&
      !this.#begun &&
      this.#rounds.length === 1 &&
      !this.#fromClient.within &&
      !this.#fromServer.within
    );
  }

  readClient(chunk: Buffer): void {
    if (this.#opaque) return;
    if (this.#startup) {
      if (!this.#fromClient.read(chunk)) this.#opaque = true;
      return;
    }
    this.#opening = Buffer.concat([this.#opening, chunk]);
    while (this.#opening.length >= 8) {
      const length = this.#opening.readInt32BE(0);
      const code = this.#opening.readInt32BE(4);
      if (length < 8 || length > MOST_STARTUP_BYTES) break;
      if (this.#opening.length < length) return;
      const message = this.#opening.subarray(0, length);
      this.#opening = this.#opening.subarray(length);
      if (code === SSL_REQUEST || code === GSS_REQUEST) {
        this.#requests += 1;
      } else if (code >> 16 === PROTOCOL_3) {
        this.#startup = Buffer.from(message);
        // The server's first ReadyForQuery has not been asked for.
        this.#rounds = [[], []];
        if (!this.#fromClient.read(this.#opening)) this.#opaque = true;
        return;
      } else break;
    }
    if (this.#opening.length >= 8) this.#opaque = true;
  }

  readServer(chunk: Buffer): void {
    let rest = chunk;
    while (this.#requests > 0 && rest.length > 0) {
      // One byte: "N" is no, and all else would be encrypted from here on.
      if (rest.toString("latin1", 0, 1) !== "N") this.#opaque = true;
      this.#requests -= 1;
      rest = rest.subarray(1);
    }
    if (this.#opaque || rest.length === 0) return;
    if (!this.#fromServer.read(rest)) this.#opaque = true;
  }

  #said(type: string, message: Buffer): void {
    const steps = this.#rounds.at(-1);
    if (type === "Q" || type === "F" || (type === "S" && !this.#copying)) {
      this.#begun = false;
      this.#rounds.push([]);
    } else if ("PBDECH".includes(type)) {
      this.#begun = true;
    }
    if (type === "c" || type === "f") this.#copying = false;
    if (type === "P") steps?.push({ name: nameIn(message, 5), parse: message });
    if (type === "C") {
      const isStatement = message.toString("latin1", 5, 6) === "S";
      steps?.push({ name: isStatement ? nameIn(message, 6) : "", parse: undefined });
    }
  }

  #answered(type: string, message: Buffer): void {
    if (type === "1" || type === "3") {
      const step = this.#rounds[0]?.shift();
      // The unnamed statement lasts no longer than until the next one.
      if (!step?.name) return;
      if (step.parse) this.#prepared.set(step.name, step.parse);
      else this.#prepared.delete(step.name);
    } else if (type === "C") {
      const tag = nameIn(message, 5);
      if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") this.#prepared.clear();
    } else if (type === "G" || type === "W") {
      this.#copying = true;
    } else if (type === "Z") {
      this.#copying = false;
      // What has failed before it was done is not done any more.
      if (this.#rounds.length > 1) this.#rounds.shift();
      this.#idle = message.toString("latin1", 5, 6) === "I";
    }
  }
}

/** A text that ends with a zero byte. */
function nameIn(message: Buffer, start: number): string {
  return message.toString("utf8", start, message.indexOf(0, start));
}
