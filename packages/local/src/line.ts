import { connect, type Socket } from "node:net";
import type { Address } from "./address.ts";
import type { BackendKeys } from "./backend-keys.ts";
import { Outbox } from "./outbox.ts";
import type { Counts } from "./traffic.ts";

/** What the connections of a relay have in common. */
export interface Exchange {
  readonly traffic: Counts;
  readonly keys: BackendKeys;
  /** How late the client's words get to the server now, in milliseconds. */
  readonly delayMs: () => number;
}

/**
 * One client's connection through a relay, with the server's end of it. It carries bytes both ways,
 * and ends and breaks one side as the other one does.
 */
export class Line {
  readonly #client: Socket;
  readonly #exchange: Exchange;
  readonly #outbox: Outbox;
  #server: Socket;
  #target: Address;
  #silent = false;
  #inFlight = false;
  /** What became of one side while nothing was let through, to be done to the other one. */
  #missed: (() => void) | undefined;

  constructor(client: Socket, target: Address, exchange: Exchange) {
    this.#client = client;
    this.#exchange = exchange;
    this.#target = target;
    this.#outbox = new Outbox((chunk) => {
      if (chunk === undefined) this.#server.end();
      else this.#server.write(chunk);
      this.#regulate();
    });
    this.#server = this.#connect(target);
    this.#readClient();
  }

  /** The server that it leads to. */
  get target(): Address {
    return this.#target;
  }

  /**
   * Lets nothing through in either direction, neither bytes nor the end of a connection, or all of
   * it again, with what has come meanwhile: that is what the network does when packets are lost,
   * and sent again until they arrive.
   */
  set silent(silent: boolean) {
    if (silent === this.#silent) return;
    this.#silent = silent;
    if (silent) this.#outbox.pause();
    else this.#outbox.resume();
    this.#regulate();
    if (silent) return;
    this.#missed?.();
    this.#missed = undefined;
  }

  /** Breaks it on both sides, with no word of farewell. */
  reset(): void {
    this.#outbox.clear();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /** Closes it on both sides at once. */
  close(): void {
    this.#outbox.clear();
    this.#client.destroy();
    this.#server.destroy();
  }

  #readClient(): void {
    const client = this.#client;
    const { traffic, keys, delayMs } = this.#exchange;
    let first = true;
    client.on("data", (chunk: Buffer) => {
      traffic.bytesToServer += chunk.length;
      if (!this.#inFlight) traffic.flights += 1;
      this.#inFlight = true;
      if (first) this.#redirect(keys.ownerOf(chunk));
      first = false;
      this.#outbox.push(chunk, delayMs());
      this.#regulate();
    });
    client.on("drain", () => this.#regulate());
    client.once("end", () => this.#outbox.push(undefined, delayMs()));
    client.on("error", () => this.#pass(() => this.#server.resetAndDestroy()));
    client.once("close", () => {
      // It closed before it said goodbye: nobody is left to read the rest.
      if (!client.readableEnded) this.#pass(() => this.#server.destroy());
    });
  }

  #connect(target: Address): Socket {
    const client = this.#client;
    const { traffic, keys } = this.#exchange;
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const startup = keys.learner(target);
    const isOurs = () => server === this.#server;
    server.on("data", (chunk: Buffer) => {
      if (!isOurs()) return;
      traffic.bytesToClient += chunk.length;
      this.#inFlight = false;
      startup.read(chunk);
      client.write(chunk);
      this.#regulate();
    });
    server.on("drain", () => this.#regulate());
    server.once("end", () => {
      if (isOurs()) client.end();
    });
    server.on("error", () => {
      // A broken connection must look broken on the other side too, not like an orderly end.
      if (isOurs()) this.#pass(() => client.resetAndDestroy());
    });
    server.once("close", () => {
      startup.forget();
      if (isOurs() && !server.readableEnded) this.#pass(() => client.destroy());
    });
    return server;
  }

  /** Leads a request to cancel a statement to the server that runs it. */
  #redirect(owner: Address | undefined): void {
    // The server that has been asked for ignores a key that it does not know.
    if (owner === undefined || owner === this.#target) return;
    const other = this.#server;
    this.#target = owner;
    this.#server = this.#connect(owner);
    other.destroy();
  }

  #pass(act: () => void): void {
    if (this.#silent) this.#missed ??= act;
    else {
      this.#outbox.clear();
      act();
    }
  }

  /** Reads from each side as long as the other one takes it. */
  #regulate(): void {
    const open = !this.#silent;
    flow(this.#client, open && !this.#server.writableNeedDrain && !this.#outbox.full);
    flow(this.#server, open && !this.#client.writableNeedDrain);
  }
}

function flow(socket: Socket, on: boolean): void {
  if (on === !socket.isPaused()) return;
  if (on) socket.resume();
  else socket.pause();
}
