import { LostWithoutAWord, SilenceError } from "./connection-loss.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { clientsOf, idleClients, internals, isQuiet, isUsable } from "./pg-internals.ts";
import type { SettlingPool } from "./settling-pool.ts";

/** What a look at a silent connection's server has shown. */
export type SilenceVerdict =
  /** The server works on the statement. */
  | "at work"
  /** The server is there, and knows nothing of the statement: the connection is broken. */
  | "connection lost"
  /** The server is not there any more. */
  | "server gone";

const tickMillis = 250;
/**
 * Ticks without a byte after which the server is looked at. Counted, and not taken from the clock:
 * while this process itself stands still nothing can be heard.
 */
const silentTicks = 4;
/** The same where nothing comes on any of several connections to a reader, and all are in use. */
const silentTicksOfAll = 1;
/** The most ticks between two looks at the same statement. */
const mostTicks = 120;
/** Ticks without any statement under way after which the watch goes to sleep. */
const idleTicks = 8;

interface Heard {
  bytes: number;
  ticks: number;
  /** Ticks of silence at which its server is looked at next. */
  lookAt: number;
}

/** What the watch needs of the connections. */
export interface SilentConnections {
  readonly pools: readonly SettlingPool[];
  /**
   * Looks at the server behind a silent connection, by another one. Never rejects.
   *
   * @param hurry - everything speaks for it that the server is gone
   */
  look(client: EndpointClient, hurry: boolean): Promise<SilenceVerdict>;
  /** Connections that lead to the same server as this one. */
  companionsOf(client: EndpointClient): readonly EndpointClient[];
  /** A server has vanished: no new connection shall be tried there. */
  gone(client: EndpointClient, error: Error): void;
}

/**
 * Finds connections that keep silent since their server, or the way to it, has vanished without a
 * word. A statement may take as long as it likes: its server is asked by a second connection
 * whether it is at work, and only when that fails is the connection cut.
 */
export class SilenceWatch {
  readonly #connections: SilentConnections;
  readonly #heard = new WeakMap<EndpointClient, Heard>();
  readonly #underLook = new Set<EndpointClient>();
  #timer: NodeJS.Timeout | undefined;
  #idle = 0;

  constructor(connections: SilentConnections) {
    this.#connections = connections;
  }

  /** Something is about to be sent. */
  readonly wake = (): void => {
    if (this.#timer !== undefined) return;
    this.#idle = 0;
    this.#timer = setInterval(this.#tick, tickMillis).unref();
  };

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    let busy = false;
    for (const pool of this.#connections.pools) {
      const idle = new Set(idleClients(pool));
      const silent: EndpointClient[] = [];
      for (const client of clientsOf(pool) as readonly EndpointClient[]) {
        if (idle.has(client) || isQuiet(client) || !isUsable(client)) {
          this.#heard.delete(client);
          continue;
        }
        busy = true;
        if (this.#listen(client) >= silentTicksOfAll && client.side === "reader") {
          silent.push(client);
        }
      }
      this.#lookAtAllSilent(silent);
    }
    this.#idle = busy ? 0 : this.#idle + 1;
    if (this.#idle >= idleTicks) this.end();
  };

  /** @returns ticks since something was heard */
  #listen(client: EndpointClient): number {
    const bytes = internals(client).connection?.stream.bytesRead ?? 0;
    const heard = this.#heard.get(client);
    if (heard === undefined || heard.bytes !== bytes) {
      this.#heard.set(client, { bytes, ticks: 0, lookAt: silentTicks });
      return 0;
    }
    heard.ticks += 1;
    if (heard.ticks >= heard.lookAt) {
      heard.lookAt = Math.min(heard.ticks * 2, heard.ticks + mostTicks);
      this.#look(client, heard, false);
    }
    return heard.ticks;
  }

  /**
   * A reader is looked at sooner where none of several connections to it says anything, or none of
   * its lanes: that many statements seldom take long all at once, and reads can be sent again.
   */
  #lookAtAllSilent(silent: readonly EndpointClient[]): void {
    let left = silent;
    for (let [first] = left; first !== undefined; [first] = left) {
      const companions = this.#connections.companionsOf(first);
      left = left.filter((client) => !companions.includes(client));
      // What rides a lane has never taken long before.
      const lanes = companions.filter(({ isShared }) => isShared);
      const all = lanes.length > 0 ? lanes : companions;
      const allSilent =
        (lanes.length > 0 || all.length > 1) && all.every((one) => silent.includes(one));
      const heard = this.#heard.get(first);
      // Once only, when the last has fallen silent: after that each is looked at in its own time.
      const justNow = companions.some((one) => this.#heard.get(one)?.ticks === silentTicksOfAll);
      if (allSilent && justNow && heard !== undefined) this.#look(first, heard, true);
    }
  }

  #look(client: EndpointClient, heard: Heard, hurry: boolean): void {
    if (this.#underLook.has(client)) return;
    this.#underLook.add(client);
    this.#connections.look(client, hurry).then((verdict) => {
      this.#underLook.delete(client);
      // What came meanwhile is all the answer that there need be.
      if (this.#heard.get(client) === heard) this.#judge(client, heard, verdict);
    });
  }

  #judge(client: EndpointClient, heard: Heard, verdict: SilenceVerdict): void {
    const { bytesRead } = internals(client).connection?.stream ?? { bytesRead: heard.bytes };
    if (verdict === "at work" || bytesRead !== heard.bytes || isQuiet(client)) return;
    // Another look at the same server was faster.
    if (!isUsable(client)) return;
    const where = client.endpointName;
    if (verdict === "connection lost") {
      client.cut(new LostWithoutAWord(where));
      return;
    }
    const error = new SilenceError(`The server at ${where} does not answer any more.`);
    const companions = this.#connections.companionsOf(client);
    this.#connections.gone(client, error);
    for (const one of companions) {
      one.life.ends("silent", error);
      one.cut(error);
    }
  }
}
