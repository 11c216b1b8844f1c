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
/** How many runs the least that one has taken is remembered for. */
const leastOf = 20;
/** A prepared statement is given up when it takes so many times as long, and this much longer. */
const slowerTimes = 2;
const slowerMillis = 1;
const runsToCompare = 20;
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

/** Which commands are prepared: what they do is planned, and no table of them is a secret of the text's. */
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
  readonly #whenPrepared = new Average(newestRiding);
  /** The least that a run by itself has taken of late, and of the ones that are being looked at. */
  #least = Number.POSITIVE_INFINITY;
  #leastNow = Number.POSITIVE_INFINITY;
  #ridesWatched = 0;
  #late = 0;
  #name: string | undefined;
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
      facts.session.length === 0;
    this.#isPreparable =
      isOne && !varies && prepared.has(node) && facts.repeatable && facts.session.length === 0;
  }

  /** What a run is expected to take at the server, in milliseconds. */
  get expectedMillis(): number {
    return this.#riding.runs > 0 ? this.#riding.millis : Math.min(shortMillis, this.#alone.millis);
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
    if (this.#name !== undefined) return this.#name;
    if (!this.#isPreparable || this.#preparedIsSlower || this.#runs < after) return undefined;
    // By the text alone: behind a pooler another client may have prepared it.
    const digest = createHash("sha256").update(this.#text).digest("base64url");
    this.#name = `pointsman_${digest.slice(0, 22)}`;
    return this.#name;
  }

  /** It has run on a connection of its own. */
  ranAlone(millis: number, name: string | undefined): void {
    this.#runs += 1;
    if (name === undefined) this.#alone.add(millis);
    else this.#ranPrepared(millis);
    this.#leastNow = Math.min(this.#leastNow, millis);
    if (this.#runs % leastOf > 0) return;
    this.#least = this.#leastNow;
    this.#leastNow = Number.POSITIVE_INFINITY;
  }

  /** It has run among others. */
  rode(millis: number, name: string | undefined): void {
    this.#runs += 1;
    this.#riding.add(millis);
    if (name !== undefined) this.#ranPrepared(millis);
    if (this.#riding.runs > 1 / newestRiding && this.#riding.millis > shortMillis) this.#ban();
    this.#ridesWatched += 1;
    if (this.#ridesWatched % lateIn > 0) return;
    this.#late = 0;
    // Long without a fault: what was before is forgiven.
    if (this.#bans > 0) this.#bans -= 1;
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

  #ranPrepared(millis: number): void {
    const average = this.#whenPrepared;
    average.add(millis);
    if (average.runs < runsToCompare || this.#alone.runs === 0) return;
    if (average.millis <= this.#alone.millis * slowerTimes + slowerMillis) return;
    this.#preparedIsSlower = true;
    this.#name = undefined;
  }
}
