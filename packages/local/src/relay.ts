import { createServer, type Server as NetServer, type Socket } from "node:net";
import type { Address } from "./address.ts";
import { BackendKeys } from "./backend-keys.ts";
import { breakOff } from "./break-off.ts";
import { close } from "./close.ts";
import { type Exchange, Line } from "./line.ts";
import { listen, listenAgain } from "./listen.ts";
import { type Counts, noTraffic, TrafficView } from "./traffic.ts";

/**
 * A TCP relay on 127.0.0.1: whoever connects to it is connected to whatever `target` names at
 * that moment. A request to cancel a statement goes to the server that runs it, as it does where an
 * endpoint is a name that clients resolve themselves.
 */
export class Relay extends TrafficView implements Address {
  readonly host = "127.0.0.1";
  readonly #target: () => Address;
  readonly #traffic: Counts;
  readonly #exchange: Exchange;
  readonly #lines = new Set<Line>();
  /** Clients whose way is blocked; their targets are asked for again when it may be free. */
  readonly #waiting = new Set<Socket>();
  /** Targets whose connections are silent. */
  readonly #silenced = new Set<Address>();
  /** Targets that new connections wait for. */
  readonly #held = new Set<Address>();
  #port = 0;
  #blackholed = false;
  #delayMs = 0;
  /** What listens; `undefined` while connections are refused. */
  #door: NetServer | undefined;
  #closed = false;

  private constructor(target: () => Address, traffic: Counts) {
    super(traffic);
    this.#target = target;
    this.#traffic = traffic;
    this.#exchange = { traffic, keys: new BackendKeys(), delayMs: () => this.#delayMs };
  }

  /**
   * Opens a relay.
   *
   * @param target asked once for each new connection
   * @param port 0: any free one
   * @throws ClusterError `PORT_IN_USE` when the port is taken
   */
  static async listen(target: () => Address, port = 0): Promise<Relay> {
    const relay = new Relay(target, noTraffic());
    relay.#door = relay.#makeDoor();
    relay.#port = await listen(relay.#door, port);
    return relay;
  }

  get port(): number {
    return this.#port;
  }

  /** Breaks every connection to a target, with no word of farewell. */
  cut(target: Address): void {
    for (const line of this.#lines) if (line.target === target) line.reset();
  }

  /** Has packets of connections to a target vanish, or no longer; see {@link Endpoint.blackhole}. */
  silence(target: Address, silent: boolean): void {
    if (silent) this.#silenced.add(target);
    else this.#silenced.delete(target);
    this.#update();
  }

  /**
   * Has new connections to a target wait until {@link Relay.release}, and takes the open ones off it
   * at a quiet moment of theirs; those that have none in time are broken.
   *
   * @param milliseconds `undefined`: the open ones are left as they are
   * @returns those that wait for another backend
   */
  async hold(target: Address, milliseconds: number | undefined): Promise<readonly Line[]> {
    this.#held.add(target);
    if (milliseconds === undefined) return [];
    const lines = [...this.#lines].filter((line) => line.target === target);
    const held = await Promise.all(lines.map((line) => line.hold(milliseconds)));
    for (const [index, line] of lines.entries()) if (!held[index]) line.reset();
    return lines.filter((_, index) => held[index]);
  }

  /** Leads those that waited for a target to wherever the relay leads now. */
  release(target: Address): void {
    this.#held.delete(target);
    this.#update();
  }

  /** See {@link Endpoint.blackhole}. */
  blackhole(): void {
    this.#blackholed = true;
    this.#update();
  }

  /** See {@link Endpoint.reset}. */
  reset(): void {
    for (const line of this.#lines) line.reset();
    for (const client of this.#waiting) breakOff(client);
  }

  /** See {@link Endpoint.slow}. */
  slow(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** See {@link Endpoint.refuse}. */
  refuse(): void {
    this.#door?.close();
    this.#door = undefined;
  }

  /**
   * Ends what the four above have begun.
   *
   * @throws ClusterError `PORT_IN_USE` when somebody else has taken the port meanwhile
   */
  async heal(): Promise<void> {
    this.#delayMs = 0;
    this.#blackholed = false;
    this.#update();
    if (this.#door || this.#closed) return;
    this.#door = this.#makeDoor();
    await listenAgain(this.#door, this.#port);
    if (this.#closed) this.refuse();
  }

  /** Stops listening and breaks every connection. Calling it again does nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    this.refuse();
    const lines = [...this.#lines].map((line) => line.close());
    await Promise.all([...lines, ...[...this.#waiting].map(close)]);
  }

  #makeDoor(): NetServer {
    return createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#traffic.accepted += 1;
      this.#traffic.connections += 1;
      client.on("error", () => {});
      client.once("close", () => {
        this.#traffic.connections -= 1;
        this.#waiting.delete(client);
      });
      this.#lead(client);
    });
  }

  /** Connects a client to its target, as soon as nothing is in the way. */
  #lead(client: Socket): void {
    const target = this.#target();
    if (this.#isSilent(target) || this.#held.has(target)) {
      this.#waiting.add(client);
      return;
    }
    this.#waiting.delete(client);
    this.#lines.add(
      new Line(client, target, this.#exchange, (line) => {
        this.#lines.delete(line);
      }),
    );
  }

  #isSilent(target: Address): boolean {
    return this.#blackholed || this.#silenced.has(target);
  }

  #update(): void {
    for (const line of this.#lines) line.silent = this.#isSilent(line.target);
    for (const client of [...this.#waiting]) this.#lead(client);
  }
}
