import type { PoolClient } from "pg";
import type { EndpointClient } from "../endpoint-client.ts";
import { isUsable } from "../pg-internals.ts";
import type { Preferred, Release, SettlingPool, Sharers } from "../settling-pool.ts";
import type { Habit } from "./habit.ts";
import { Lane, type Ride, type Rider } from "./lane.ts";
import type { LaneSettings } from "./settings.ts";
import { Way } from "./way.ts";

/**
 * From so much work on, in milliseconds of the server's time, another lane is opened, if there may be
 * one: until then one connection alone costs the least. Where there are several servers it is so
 * many riders, so that each server gets its share.
 */
const comfortableMillis = 0.5;
/**
 * Reads that take no longer than this, in milliseconds, on average: another connection would cost
 * more, in switches between the processes of the servers, than these wait for each other.
 */
const tinyMillis = 0.03;
const comfortableRiders = 4;
/** How long a lane is used before its connection is looked after as any other is, in milliseconds. */
const turnMillis = 1000;
/** The same where somebody waits for a connection, and lanes have more than a quarter of them. */
const scarceTurnMillis = 25;
/** How often what is under way is looked at, in milliseconds. */
const watchMillis = 10;
/** How long a read waits for a lane to open before it takes a connection of its own, in milliseconds. */
const patienceMillis = 20;

/** How much longer than the fastest way one may take without anybody being slow. */
const usualWay = 1.5;

/** Hears of connections that become lanes, in the context of whoever was first to need one. */
export type LaneTaken = (client: PoolClient) => () => void;

interface Waiting {
  readonly rider: Rider;
  readonly since: number;
}

/** The lanes of one side. Their connections are taken from its pool, and given back to it. */
export class Lanes implements Sharers {
  readonly #pool: SettlingPool;
  readonly #settings: LaneSettings;
  readonly #lanes = new Set<Lane>();
  #waiting: Waiting[] = [];
  #isOpening = false;
  #whenServed: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #wayAlone = new Way();
  readonly #wayRiding = new Way();
  /** When a statement was answered last, by `performance.now()`. */
  #answeredAt = 0;
  /** When the event loop was found to have stood still for a while. */
  #blockedAt = 0;
  /** Its connections cannot be shared. */
  #isImpossible = false;
  /** Called at once when a connection is asked for; what it returns hears when it is taken. */
  watchUse: (() => LaneTaken | undefined) | undefined;
  /** Reads that lanes have carried, and those of them that were sent elsewhere as well. */
  readonly counts = { carried: 0, moved: 0 };

  constructor(pool: SettlingPool, settings: LaneSettings) {
    this.#pool = pool;
    this.#settings = settings;
  }

  get open(): number {
    return this.#lanes.size;
  }

  get riders(): number {
    let riders = 0;
    for (const lane of this.#lanes) riders += lane.riders;
    return riders;
  }

  /** Reads that wait for room. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The same, but for the one that its pool counts already. */
  get uncounted(): number {
    return Math.max(0, this.#waiting.length - (this.#isOpening ? 1 : 0));
  }

  served(): Promise<void> | undefined {
    if (this.#isServed) return undefined;
    return new Promise((resolve) => {
      this.#whenServed = resolve;
    });
  }

  /** Nobody waits, and nobody is on the way who may have to go elsewhere. */
  get #isServed(): boolean {
    return this.#waiting.length === 0 && this.#lanes.size === 0;
  }

  /** Lets go on by itself what was there before its pool was ended. */
  admit(go: () => void): void {
    this.#pool.admit(go);
  }

  /** Whether a text has proved short enough to ride. */
  carries(habit: Habit): boolean {
    return !this.#isImpossible && habit.rides(this.#settings.after, this.#wayAlone.millis);
  }

  /** A statement has run on a connection of its own. */
  ranAlone(millis: number, now: number): void {
    this.#answeredAt = now;
    this.#wayAlone.took(millis, now);
  }

  /**
   * Sends a read on a lane, now or as soon as one has room; or lets it walk.
   *
   * @param preferred - connections that are better for it than others: it does not wait for a lane
   */
  take(rider: Rider, preferred: Preferred | undefined): void {
    const now = performance.now();
    if (preferred !== undefined) {
      const lane = this.#best(rider.habit, preferred, now);
      if (lane === undefined) rider.walk();
      else this.#board(lane, rider, now);
      return;
    }
    if (this.#waiting.length === 0) {
      const lane = this.#best(rider.habit, undefined, now);
      if (lane !== undefined && (this.#isComfortable(lane) || !this.#mayOpen)) {
        this.#board(lane, rider, now);
        return;
      }
    }
    // Where too many wait already it is told so there.
    if (this.#areStuck(now) || this.#waiting.length >= this.#pool.maxWaiting) {
      rider.walk();
      return;
    }
    this.#waiting.push({ rider, since: now });
    this.#watch();
    if (this.#mayOpen) this.#openAnother();
    this.#serve(now);
    this.#walkIfInVain();
  }

  /** A ride is over, or goes on where nobody waits for it. */
  left(ride: Ride, name: string | undefined): void {
    const { lane, rider } = ride;
    const now = performance.now();
    const isLate = lane.isLate(now);
    const millis = lane.left(ride, now);
    if (!ride.isGhost) {
      // Others were answered meanwhile: it was this one, not the server, nor this process.
      if (!isLate) {
        rider.habit.rode(millis, name);
        this.#wayRiding.took(now - ride.sentAt, now);
      } else if (this.#answeredAt > now - millis && this.#blockedAt < now - millis) {
        rider.habit.wasLate();
      }
      if (ride.isFirst) lane.client.load?.took(now - ride.sentAt, now);
    }
    this.#answeredAt = now;
    if (this.#waiting.length > 0) this.#serve(now);
    if (lane.riders > 0) return;
    // Where others wait for connections it would be long before it is a lane again; whoever was
    // answered just now may have another read.
    if (this.#pool.waitingCount > 0) setImmediate(() => lane.leaveIfEmpty());
    else lane.leaveIfEmpty();
  }

  /** The caller of a ride has given it up. */
  abandon(ride: Ride): void {
    ride.isGhost = true;
    ride.lane.cancelIfAbandoned();
  }

  #isComfortable(lane: Lane): boolean {
    const hasChoice = this.#pool.choice?.hasChoice === true;
    if (hasChoice && lane.riders >= comfortableRiders) return false;
    return lane.backlogMillis < Math.max(comfortableMillis, lane.riders * tinyMillis);
  }

  /** Whether there may be one more: the first of the connections that there are. */
  get #mayOpen(): boolean {
    if (this.#isOpening || this.#lanes.size >= this.#settings.max) return false;
    if (this.#lanes.size > 0) return true;
    const { idleCount, totalCount, options } = this.#pool;
    return idleCount > 0 || totalCount >= options.max;
  }

  /** Whether there is no lane that will have room soon, nor one to come. */
  #areStuck(now: number): boolean {
    if (this.#lanes.size === 0 || this.#isOpening || this.#mayOpen) return false;
    return !this.#isOneOpen(now);
  }

  #isOneOpen(now: number): boolean {
    for (const lane of this.#lanes) if (lane.isOpen(now)) return true;
    return false;
  }

  #board(lane: Lane, rider: Rider, now: number): void {
    this.counts.carried += 1;
    const fastest = Math.min(this.#wayAlone.millis, this.#wayRiding.millis);
    const way = Number.isFinite(fastest) ? fastest * usualWay : 0;
    lane.take(rider, rider.habit.expectedMillis, now, way);
  }

  /** Of the lanes that have room the one whose server is best off. */
  #best(habit: Habit, preferred: Preferred | undefined, now: number): Lane | undefined {
    let best: Lane | undefined;
    let bestMerit = 0;
    for (const lane of this.#lanes) {
      if (!lane.hasRoom(habit, this.#settings.depth) || !this.#takesRiders(lane, now)) continue;
      if (preferred !== undefined && !preferred(lane.client)) continue;
      const merit = lane.client.load?.laneMerit(lane.riders, now) ?? 1 / (1 + lane.riders);
      if (merit <= bestMerit) continue;
      best = lane;
      bestMerit = merit;
    }
    return best;
  }

  #takesRiders(lane: Lane, now: number): boolean {
    if (!lane.isOpen(now)) return false;
    // When its pool is ended it carries all that waits.
    return lane.age(now) < this.#turnMillis || this.#pool.isClosing;
  }

  get #turnMillis(): number {
    return this.#isScarce && this.#pool.waitingCount > 0 ? scarceTurnMillis : turnMillis;
  }

  /** Whether lanes may have so many of the connections that others would have to wait for long. */
  get #isScarce(): boolean {
    return this.#settings.max * 4 > this.#pool.options.max;
  }

  #serve(now: number): void {
    // Whoever boards may bring others to board meanwhile: each is taken off first.
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const lane = next.rider.isOver ? undefined : this.#best(next.rider.habit, undefined, now);
      if (lane === undefined && !next.rider.isOver) break;
      this.#waiting.shift();
      if (lane !== undefined) this.#board(lane, next.rider, now);
    }
    if (this.#isServed) this.#whenServed?.();
  }

  #openAnother(): void {
    this.#isOpening = true;
    const taken = this.watchUse?.();
    const loads = new Set([...this.#lanes].map(({ client }) => client.load));
    const elsewhere: Preferred = (client) => !loads.has((client as EndpointClient).load);
    this.#pool.acquireNow((_error, client, release) => {
      this.#isOpening = false;
      if (client !== undefined) this.#begin(client as Lane["client"], release, taken);
      this.#walkIfInVain();
    }, elsewhere);
  }

  /** Makes a lane of a connection that was taken. */
  #begin(client: Lane["client"], release: Release, taken: LaneTaken | undefined): void {
    const fit = isUsable(client);
    if (fit && !client.isShareable) this.#isImpossible = true;
    if (!fit || this.#isImpossible || this.#waiting.length === 0) {
      release(fit ? undefined : true);
      return;
    }
    const now = performance.now();
    const givenBack = taken?.(client);
    const lane = new Lane(client, release, now, () => {
      this.#lanes.delete(lane);
      givenBack?.();
      if (this.#waiting.length > 0 && this.#mayOpen) this.#openAnother();
      this.#walkIfInVain();
      if (this.#isServed) this.#whenServed?.();
    });
    this.#lanes.add(lane);
    this.#watch();
    this.#serve(now);
    lane.leaveIfEmpty();
  }

  /** Where there is no lane, and none to come, nobody waits for one. */
  #walkIfInVain(): void {
    if (this.#waiting.length === 0 || this.#lanes.size > 0 || this.#isOpening) return;
    this.#walk(this.#waiting.splice(0).map(({ rider }) => rider));
  }

  #walk(these: readonly Rider[]): void {
    for (const rider of these) this.#pool.admit(() => rider.walk());
    if (this.#isServed) this.#whenServed?.();
  }

  /** Looks after what is under way for as long as there is something. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const due = performance.now() + watchMillis;
    this.#timer = setTimeout(() => {
      const now = performance.now();
      if (now - due > watchMillis) this.#blockedAt = now;
      // What has arrived while the event loop was busy is read first.
      setImmediate(() => this.#look());
    }, watchMillis).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const lane of [...this.#lanes]) {
      if (!lane.isLate(now)) continue;
      const moved = lane.relieve();
      this.counts.moved += moved.length;
      this.#walk(moved);
    }
    // Where lanes have no room it is a matter of time, unless that is limited.
    const isOpen = this.#isOneOpen(now);
    const { connectionTimeoutMillis = 0 } = this.#pool.options;
    if (!isOpen || connectionTimeoutMillis > 0) {
      const patience = isOpen ? connectionTimeoutMillis / 2 : patienceMillis;
      const isLate = ({ since }: Waiting): boolean => now - since > patience;
      const late = this.#waiting.filter(isLate);
      this.#waiting = this.#waiting.filter((one) => !isLate(one));
      if (late.length > 0) this.#walk(late.map(({ rider }) => rider));
    }
    if (this.#lanes.size > 0 || this.#waiting.length > 0) this.#watch();
  }
}
