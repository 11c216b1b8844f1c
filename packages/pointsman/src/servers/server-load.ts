import type { EndpointAddress } from "./endpoint-addresses.ts";

/** How long what was learnt of a server counts, in milliseconds: it falls to a third. */
const memoryMillis = 5000;
/** The same of what a few uses have shown: they may have been slow for another reason. */
const firstMemoryMillis = 50;
const firstUses = 20;
/** The share of the newest use in the moving average, once there have been enough. */
const newest = 0.1;
/** What is not told apart any more, in milliseconds: the fastest that a server can look. */
const fastestMillis = 0.1;

/** How busy one server is, and how fast, by the connections of one pool that lead to it. */
export class ServerLoad {
  readonly #address: EndpointAddress;
  /** Connections that are open. */
  open = 0;
  /** Of these, the ones that somebody uses. */
  busy = 0;
  /**
   * The natural logarithm of how many times longer one use takes than the fastest: averaged like
   * this, a report that takes a minute does not make its server look slow beside others. At first,
   * and when it is forgotten, a server looks as fast as can be, and is tried.
   */
  #slowness = 0;
  #at = 0;
  #uses = 0;

  /** @param address - the endpoint by which it was reached first */
  constructor(address: EndpointAddress) {
    this.#address = address;
  }

  /** Whether it is in this process's own availability zone. */
  get isNear(): boolean {
    return this.#address.isNear;
  }

  /** One of its connections was used for so long. */
  took(millis: number, now: number): void {
    const before = this.#remembered(now);
    this.#uses += 1;
    // The first ones count as much as each other: what a server is asked first takes longest.
    const share = Math.max(newest, 1 / this.#uses);
    this.#slowness = before + (Math.log(1 + millis / fastestMillis) - before) * share;
    this.#at = now;
  }

  /** How likely it is to be chosen, against other servers. */
  merit(now: number): number {
    const cost = Math.exp(this.#remembered(now)) * (this.busy + 1);
    return this.#address.share / (cost * cost);
  }

  /** The same for a read that shares a lane with others. */
  laneMerit(riders: number, now: number): number {
    return this.#address.share / (Math.exp(this.#remembered(now)) * (riders + 1));
  }

  /** A server that nobody uses is tried again: it may be slow no more. */
  #remembered(now: number): number {
    const memory = this.#uses < firstUses ? firstMemoryMillis : memoryMillis;
    return this.#slowness * Math.exp((this.#at - now) / memory);
  }
}
