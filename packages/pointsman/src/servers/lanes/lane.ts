import type { PoolClient } from "pg";
import type { EndpointClient } from "../endpoint-client.ts";
import { countUses, isUsable } from "../pg-internals.ts";
import type { Release } from "../settling-pool.ts";
import type { Habit } from "./habit.ts";

/** What is under way is late when it takes so many times as long as it is expected to, and this long. */
const lateTimes = 10;
const lateMillis = 20;
/** How long a server may take to answer a statement that it was asked to cancel, in milliseconds. */
const cancelMillis = 2000;

/** A read that may ride a lane. */
export interface Rider {
  readonly habit: Habit;
  /** Its caller has given it up while it waits. */
  readonly isOver: boolean;
  /** It is sent now. */
  board(ride: Ride): void;
  /** No lane takes it, or the one that did is stuck: it needs a connection of its own. */
  walk(): void;
}

/** A read on its way in a lane. */
export interface Ride {
  readonly rider: Rider;
  readonly lane: Lane;
  /** What it is expected to take at the server, in milliseconds. */
  readonly expectedMillis: number;
  /** When it was sent, by `performance.now()`. */
  readonly sentAt: number;
  /** When its answer could be here if it took no time, since the way to the server and back does. */
  readonly dueAt: number;
  /** Nothing was under way in front of it. */
  readonly isFirst: boolean;
  /** Nobody waits for its answer here any more. */
  isGhost: boolean;
}

/** One connection that carries many short reads at once, for as long as there are any. */
export class Lane {
  readonly client: PoolClient & EndpointClient;
  readonly #release: Release;
  readonly #over: () => void;
  /** In the order in which they were sent; those before `#head` have their answers. */
  #rides: (Ride | undefined)[] = [];
  #head = 0;
  readonly #since: number;
  #backlogMillis = 0;
  /** Reads that it has carried. */
  #carried = 0;
  /** Since when the server may be busy with the ride that was sent first, by `performance.now()`. */
  #headSince = 0;
  #state: "open" | "closed" | "over" = "open";
  #isCancelled = false;
  #cancelTimer: NodeJS.Timeout | undefined;

  /** @param over - called once its connection is given back */
  constructor(
    client: PoolClient & EndpointClient,
    release: Release,
    now: number,
    over: () => void,
  ) {
    this.client = client;
    this.#release = release;
    this.#over = over;
    this.#since = now;
    client.share();
  }

  /** What is under way, in milliseconds of the server's time. */
  get backlogMillis(): number {
    return this.#backlogMillis;
  }

  get riders(): number {
    return this.#rides.length - this.#head;
  }

  /** Whether the server was asked to cancel what was under way. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** How long it has been a lane, in milliseconds. */
  age(now: number): number {
    return now - this.#since;
  }

  /** Whether it takes reads, now or once it has room. */
  isOpen(now: number): boolean {
    if (this.#state !== "open" || this.client.retired || !isUsable(this.client)) return false;
    return !this.isLate(now);
  }

  /** Whether it has room for one more. */
  hasRoom({ expectedMillis, patienceMillis }: Habit, depth: number): boolean {
    const { riders } = this;
    if (riders === 0) return true;
    return riders < depth && this.#backlogMillis + expectedMillis <= patienceMillis;
  }

  /** Whether what is under way takes longer than it should. */
  isLate(now: number): boolean {
    const head = this.#rides[this.#head];
    if (head === undefined) return false;
    const took = now - this.#headSince;
    return took > lateMillis && took > head.expectedMillis * lateTimes;
  }

  /** @param wayMillis - what the way to the server and back takes */
  take(rider: Rider, expectedMillis: number, now: number, wayMillis: number): void {
    const isFirst = this.riders === 0;
    const dueAt = now + wayMillis;
    if (isFirst) this.#headSince = dueAt;
    const ride: Ride = {
      rider,
      lane: this,
      expectedMillis,
      sentAt: now,
      dueAt,
      isFirst,
      isGhost: false,
    };
    this.#rides.push(ride);
    this.#carried += 1;
    this.#backlogMillis += expectedMillis;
    rider.board(ride);
  }

  /**
   * A ride is over.
   *
   * @returns how long the server has been busy with it, in milliseconds
   */
  left(ride: Ride, now: number): number {
    this.#backlogMillis -= ride.expectedMillis;
    let took = 0;
    if (this.#rides[this.#head] === ride) {
      took = Math.max(0, now - this.#headSince);
      this.#rides[this.#head] = undefined;
      this.#head += 1;
      if (this.#head === this.#rides.length) {
        this.#rides.length = 0;
        this.#head = 0;
        this.#backlogMillis = 0;
      }
      this.#headSince = Math.max(now, this.#rides[this.#head]?.dueAt ?? now);
    } else {
      const at = this.#rides.indexOf(ride, this.#head);
      if (at >= 0) this.#rides.splice(at, 1);
    }
    return took;
  }

  /** Gives the connection back when nobody rides it. */
  leaveIfEmpty(): void {
    if (this.riders > 0 || this.#state === "over") return;
    this.#state = "over";
    clearTimeout(this.#cancelTimer);
    this.client.unshare();
    countUses(this.client, this.#carried - 1);
    this.#release(isUsable(this.client) ? undefined : true);
    this.#over();
  }

  /**
   * What is under way is late: nobody boards any more.
   *
   * @returns those behind it that can go elsewhere, and shall
   */
  relieve(): Rider[] {
    this.#state = "closed";
    const [head, ...behind] = this.#rides.slice(this.#head) as Ride[];
    const moved: Rider[] = [];
    // Only where nothing can be written may a read that is under way be sent again. (An endpoint of
    // readers may lead to the writer, where there is no reader.)
    if (this.client.side === "reader" && this.client.standby === true) {
      for (const ride of behind) {
        if (ride.isGhost) continue;
        ride.isGhost = true;
        moved.push(ride.rider);
      }
    }
    // One behind it that the request hits instead has failed, and is sent again.
    if (head?.isGhost === true) this.#cancel();
    return moved;
  }

  /** The server need not go on with what nobody waits for. */
  cancelIfAbandoned(): void {
    for (let at = this.#head; at < this.#rides.length; at += 1) {
      if (this.#rides[at]?.isGhost === false) return;
    }
    this.#cancel();
  }

  #cancel(): void {
    if (this.client.cancelling !== undefined || this.riders === 0 || !isUsable(this.client)) return;
    this.#state = "closed";
    this.#isCancelled = true;
    this.client.cancelRunning();
    this.#cancelTimer ??= setTimeout(() => {
      if (this.#state === "over") return;
      const error = new Error("The server did not answer a request to cancel.");
      this.client.life.ends("silent", error);
      this.client.cut(error);
    }, cancelMillis).unref();
  }
}
