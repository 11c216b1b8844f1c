import { createHash } from "node:crypto";
import type { Classification } from "../../statements/types.ts";

/** The longest that a text may take at the server on average and still ride, in milliseconds. */
const shortMillis = 1;
/**
 * What it may take on a connection of its own before it rides, besides the way to the server: at
 * best, and on average, which is much more where this process is busy.
 */
const shortAloneMillis = { least: 2, average: 20 };
/** The share of the newest run in an average, once there have been enough. */
const newestAlone = 0.1;
const newestRiding = 0.01;
/** It is as well off in a lane as long as it takes this much less there than by itself. */
const worthRiding = 4;
/** How much may be under way in a lane for one more to board, in milliseconds of the server's time. */
const leastPatience = 2;
const mostPatience = 20;
/** How many runs the least that one has taken is remembered for. */
const leastOf = 20;
/** A prepared statement is given up when it takes so many times as long, and this much longer. */
const slowerTimes = 2;
const slowerMillis = 1;
const runsToCompare = 20;
const plainEvery = 128;
/** A text that holds others up so often in so many rides stays away from lanes. */
const mostLate = 3;
const lateIn = 1000;
/** How long it does, in milliseconds: each time twice as long. */
const banMillis = 1000;
const mostBanMillis = 300_000;

/** A moving average of milliseconds, in which the first runs count alike. */
class Average {
  runs = 0;
  millis = 0;
  readonly #newest: number;

  constructor(newest: number) {
    this.#newest = newest;
  }

  add(millis: number): void {
    this.runs += 1;
    this.millis += (millis - this.millis) * Math.max(this.#newest, 1 / this.runs);
  }
}

/** What the runs of one text take as it is, and prepared. */
class Comparison {
  readonly plain = new Average(newestAlone);
  readonly prepared = new Average(newestRiding);

  /** @returns whether it has turned out to be slower when it is prepared */
  add(millis: number, isPrepared: boolean): boolean {
    (isPrepared ? this.prepared : this.plain).add(millis);
    const { plain, prepared } = this;
    if (prepared.runs < runsToCompare || plain.runs === 0) return false;
    return prepared.millis > plain.millis * slowerTimes + slowerMillis;
  }
}

/** Which commands are prepared: the ones that PostgreSQL plans. */
const prepared: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
]);

/** What the runs of one text have shown: how long it takes, and how it is best sent. */
export class Habit {
  /** Whether what it does allows it to share a connection with others, and to run twice. */
  readonly isShared: boolean;
  readonly #text: string;
  /** Whether its parameters are all that differs from one run to the next. */
  readonly #isPreparable: boolean;
  readonly #alone = new Average(newestAlone);
  readonly #riding = new Average(newestRiding);
  /** By itself and in lanes: as it is, and prepared. */
  readonly #manners = { alone: new Comparison(), riding: new Comparison() };
  /** The least that a run by itself has taken of late, and of the ones that are being looked at. */
  #least = Number.POSITIVE_INFINITY;
  #leastNow = Number.POSITIVE_INFINITY;
  #ridesWatched = 0;
  #late = 0;
  #name: string | undefined;
  #named = 0;
  #preparedIsSlower = false;
  #runs = 0;
  /** Runs after which it may ride again. */
  #proof: number | undefined;
  #bans = 0;
  #bannedUntil = 0;

  /** @param varies - the text stands for others that differ from it in their literals */
  constructor(text: string, facts: Classification, varies: boolean) {
    const [statement, another] = facts.statements;
    const isOne = statement !== undefined && another === undefined;
    const { node = "" } = statement ?? {};
    this.#text = text;
    this.isShared =
      isOne &&
      node === "SelectStmt" &&
      facts.verdict === "plain-read" &&
      facts.effect === "read" &&
      facts.reader &&
      facts.repeatable &&
      facts.session.length === 0 &&
      // What is known of others may be out of date, and what rides may run twice.
      facts.functions.every(({ knowledge }) => knowledge === "harmless");
    this.#isPreparable =
      isOne && !varies && prepared.has(node) && facts.repeatable && facts.session.length === 0;
  }

  /** What a run is expected to take at the server, in milliseconds. */
  get expectedMillis(): number {
    return this.#riding.runs > 0 ? this.#riding.millis : Math.min(shortMillis, this.#alone.millis);
  }

  /** How much may be under way in a lane when it boards, in milliseconds of the server's time. */
  get patienceMillis(): number {
    return Math.min(mostPatience, Math.max(leastPatience, this.#alone.millis * 2));
  }

  /**
   * Whether it has proved short, so that others may wait behind it.
   *
   * @param after - how often it must have run by itself
   * @param wayMillis - what the way to the server and back takes
   */
  rides(after: number, wayMillis: number): boolean {
    if (!this.isShared || this.#runs < (this.#proof ?? after)) return false;
    if (this.#bans > 0 && performance.now() < this.#bannedUntil) return false;
    if (this.#proof === undefined && after === 0) return true;
    const { least, average } = shortAloneMillis;
    const fastest = Math.min(this.#least, this.#leastNow);
    return fastest - wayMillis <= least && this.#alone.millis - wayMillis <= average;
  }

  /** The name of its prepared statement, if it is to have one: the same in every process. */
  preparedName(after: number): string | undefined {
    if (this.#name !== undefined) {
      // Now and then as it is, to know what that takes by now.
      this.#named += 1;
      return this.#named % plainEvery === 0 ? undefined : this.#name;
    }
    if (!this.#isPreparable || this.#preparedIsSlower || this.#runs < after) return undefined;
    // By the text alone: behind a pooler another client may have prepared it.
    const digest = createHash("sha256").update(this.#text).digest("base64url");
    this.#name = `pointsman_${digest.slice(0, 22)}`;
    return this.#name;
  }

  /** It has run on a connection of its own. */
  ranAlone(millis: number, name: string | undefined): void {
    this.#runs += 1;
    this.#alone.add(millis);
    this.#compare(this.#manners.alone, millis, name);
    this.#leastNow = Math.min(this.#leastNow, millis);
    if (this.#runs % leastOf > 0) return;
    this.#least = this.#leastNow;
    this.#leastNow = Number.POSITIVE_INFINITY;
  }

  /** It has run among others. */
  rode(millis: number, name: string | undefined): void {
    this.#runs += 1;
    this.#riding.add(millis);
    this.#compare(this.#manners.riding, millis, name);
    if (this.#riding.runs > 1 / newestRiding && this.#isLong) this.#ban();
    this.#ridesWatched += 1;
    if (this.#ridesWatched % lateIn > 0) return;
    this.#late = 0;
    // Long without a fault: what was before is forgiven.
    if (this.#bans > 0) this.#bans -= 1;
  }

  /**
   * Whether it takes too long to have others wait for it. Where everything takes long, because the
   * machine or the server is busy, it is the relation that counts.
   */
  get #isLong(): boolean {
    const { millis } = this.#riding;
    return millis > shortMillis && millis > this.#alone.millis / worthRiding;
  }

  /** It has held others up: a text that does it again and again stays away for a while. */
  wasLate(): void {
    this.#late += 1;
    if (this.#late >= mostLate) this.#ban();
  }

  #ban(): void {
    this.#bannedUntil = performance.now() + Math.min(mostBanMillis, banMillis * 2 ** this.#bans);
    this.#bans += 1;
    this.#late = 0;
    this.#riding.runs = 0;
    this.#riding.millis = 0;
  }

  /** It has failed among others; a few more runs by itself tell whether that was chance. */
  failedRiding(after: number): void {
    this.#proof = this.#runs + after;
  }

  #compare(manner: Comparison, millis: number, name: string | undefined): void {
    if (!manner.add(millis, name !== undefined)) return;
    this.#preparedIsSlower = true;
    this.#name = undefined;
  }
}
