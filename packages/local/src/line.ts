import { connect, type Socket } from "node:net";
import type { Address } from "./address.ts";
import type { BackendKeys, KeyLearner } from "./backend-keys.ts";
import { breakOff } from "./break-off.ts";
import { close } from "./close.ts";
import { Conversation } from "./conversation.ts";
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
  readonly #onClosed: (line: Line) => void;
  readonly #outbox: Outbox;
  /** What has been said so far. */
  readonly conversation = new Conversation();
  #server: Socket;
  #startup: KeyLearner | undefined;
  /** The key by which the client cancels, whatever the key of its backend is by now. */
  #key: string | undefined;
  /** Whether there is no backend, until another one is put in its place. */
  #held = false;
  #onQuiet: (() => void) | undefined;
  #target: Address;
  #silent = false;
  #inFlight = false;
  /** What is to be done to one side because of the other one, when something gets through again. */
  #missed: (() => void)[] = [];

  /** @param onClosed called when both sides are closed */
  constructor(client: Socket, target: Address, exchange: Exchange, onClosed: (line: Line) => void) {
    this.#client = client;
    this.#exchange = exchange;
    this.#onClosed = onClosed;
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
    this.#regulate();
    if (silent) return;
    for (const act of this.#missed.splice(0)) act();
  }

  /**
   * Lets go of the backend as soon as the client waits for nothing and is in no transaction. What
   * the client says from then on waits for {@link Line.adopt}.
   *
   * @param milliseconds how long to wait for that
   * @returns whether it came about
   */
  hold(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = setTimeout(() => settle(false), milliseconds);
      const settle = (held: boolean) => {
        clearTimeout(late);
        this.#onQuiet = undefined;
        resolve(held);
      };
      this.#onQuiet = () => {
        if (!this.conversation.quiet) return;
        this.#held = true;
        this.#key ??= this.#startup?.key;
        this.#regulate();
        this.#server.destroy();
        settle(true);
      };
      this.#onQuiet();
    });
  }

  /**
   * Puts another backend behind the client, which is told nothing.
   *
   * @param key of the backend, to cancel with
   */
  adopt(target: Address, server: Socket, key: string): void {
    const { keys } = this.#exchange;
    if (this.#client.destroyed) {
      server.destroy();
      return;
    }
    const own = this.#key;
    if (own !== undefined) {
      keys.move(own, target, key);
      server.once("close", () => keys.forget(own));
    }
    this.#target = target;
    this.#held = false;
    this.#server = this.#attach(server);
    this.#regulate();
  }

  /** Breaks it on both sides, with no word of farewell. */
  reset(): void {
    this.#outbox.clear();
    breakOff(this.#client);
    breakOff(this.#server);
  }

  /** Closes it on both sides at once, and waits until the client's is. */
  async close(): Promise<void> {
    this.#outbox.clear();
    this.#server.destroy();
    await close(this.#client);
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
      const message = first ? keys.translated(chunk) : chunk;
      first = false;
      this.conversation.readClient(chunk);
      this.#outbox.push(message, delayMs());
      this.#regulate();
    });
    client.on("drain", () => this.#regulate());
    const goodbye = () => this.#outbox.push(undefined, delayMs());
    // It may have said so while it waited for a way.
    if (client.readableEnded) goodbye();
    else client.once("end", goodbye);
    client.on("error", () => this.#pass(() => breakOff(this.#server)));
    client.once("close", () => {
      this.#closed();
      // It closed before it said goodbye: nobody is left to read the rest.
      if (client.readableEnded) return;
      this.#outbox.clear();
      this.#pass(() => this.#server.destroy());
    });
  }

  #connect(target: Address): Socket {
    const startup = this.#exchange.keys.learner(target);
    this.#startup = startup;
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    server.on("data", (chunk: Buffer) => startup.read(chunk));
    server.once("close", () => startup.forget());
    return this.#attach(server);
  }

  #attach(server: Socket): Socket {
    const client = this.#client;
    const { traffic } = this.#exchange;
    const isOurs = () => server === this.#server && !this.#held;
    server.on("data", (chunk: Buffer) => {
      if (!isOurs()) return;
      traffic.bytesToClient += chunk.length;
      this.#inFlight = false;
      client.write(chunk);
      this.conversation.readServer(chunk);
      this.#regulate();
      this.#onQuiet?.();
    });
    server.on("drain", () => this.#regulate());
    server.once("end", () => {
      if (isOurs()) this.#pass(() => client.end());
    });
    server.on("error", () => {
      // A broken connection must look broken on the other side too, not like an orderly end.
      if (isOurs()) this.#pass(() => breakOff(client));
    });
    server.once("close", () => {
      this.#closed();
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

  #closed(): void {
    if (this.#client.closed && this.#server.closed) this.#onClosed(this);
  }

  #pass(act: () => void): void {
    if (this.#silent) this.#missed.push(act);
    else act();
  }

  /** Reads from each side as long as the other one takes it. */
  #regulate(): void {
    const open = !this.#silent && !this.#held;
    if (open) this.#outbox.resume();
    else this.#outbox.pause();
    flow(this.#client, open && !this.#server.writableNeedDrain && !this.#outbox.full);
    flow(this.#server, open && !this.#client.writableNeedDrain);
  }
}

function flow(socket: Socket, on: boolean): void {
  if (on === !socket.isPaused()) return;
  if (on) socket.resume();
  else socket.pause();
}
