import type { Call } from "./call.ts";
import type { Config } from "./config/config.ts";
import type { Demand } from "./consistency/demand.ts";
import type { Freshness } from "./consistency/freshness.ts";
import { PointsmanError } from "./errors.ts";
import { reasonFrom } from "./reason-from.ts";
import { routes } from "./routing/decide.ts";
import type { ReadOnlyPolicy } from "./routing/read-only.ts";
import type { Route } from "./routing/route.ts";
import { readerBehind } from "./servers/companions.ts";
import type { Rider } from "./servers/lanes/lane.ts";
import { Quota } from "./servers/quota.ts";
import type { AcquireCallback, Preferred, Release } from "./servers/settling-pool.ts";
import type { Sides } from "./servers/sides.ts";
import type { Staging } from "./staging.ts";
import { remaining, takePatiently, takeWithin } from "./take-client.ts";
import type { TakenClient, TrackCallback, Wants } from "./taken-client.ts";

/** Takes connections for statements whose route is known. */
export class Connections {
  readonly #sides: Sides;
  readonly #freshness: Freshness;
  readonly #readOnly: ReadOnlyPolicy | undefined;
  /** What reads may have of the writer while every reader is out; absent: nothing. */
  readonly #fallback: Quota | undefined;

  constructor(
    sides: Sides,
    freshness: Freshness,
    readOnly: ReadOnlyPolicy | undefined,
    { readerFallbackMax, maxWaiting }: Pick<Config, "readerFallbackMax" | "maxWaiting">,
  ) {
    this.#sides = sides;
    this.#freshness = freshness;
    this.#readOnly = readOnly;
    if (readerFallbackMax > 0) this.#fallback = new Quota(readerFallbackMax, maxWaiting);
  }

  /**
   * Takes a connection for a route. Where no reader can be reached it is the writer's, and the
   * route that is called back says so.
   *
   * @param budget - milliseconds to wait at most; `undefined`: as the pool was configured
   * @param wants - what the statement must see; where it is known that no reader has that, the
   * error that is called back with is `readerBehind`
   */
  take(route: Route, budget: number | undefined, wants: Wants, callback: TrackCallback): void {
    const { demand, staging } = wants;
    if (staging !== undefined && this.#takeStaged(staging, route, budget, demand, callback)) return;
    const { readers, reader } = this.#sides;
    if (this.#readOnly?.mayWrite === false && route.target === "writer") {
      // Nothing leads here. If anything did, it would stop here.
      const error = this.#readOnly.error("The statement was not sent.");
      callback(error, undefined, () => {}, route);
      return;
    }
    if (route.target === "writer" || readers === undefined) {
      takeWithin(this.#sides.writer, budget, route, callback);
      return;
    }
    if (demand !== undefined && demand.line?.position !== undefined) {
      if (this.#freshness.isHopeless(demand)) {
        callback(readerBehind, undefined, () => {}, route);
        return;
      }
    }
    if (demand !== undefined) {
      if (this.#freshness.isDoubtful(demand)) {
        this.#freshness.resolveDoubt(demand).then(() => this.take(route, budget, wants, callback));
        return;
      }
    }
    const limit = budget ?? (reader.options.connectionTimeoutMillis || undefined);
    const deadline = limit === undefined ? undefined : performance.now() + limit;
    const preferred = demand && this.#freshness.preference(demand);
    this.#acquireReader(route, deadline, readers.addresses.all.length, callback, preferred);
  }

  /** @returns whether the connection comes from what stands between the pool and its connections */
  #takeStaged(
    staging: Staging,
    route: Route,
    budget: number | undefined,
    demand: Demand | undefined,
    callback: TrackCallback,
  ): boolean {
    const { readers } = this.#sides;
    const side = readers === undefined ? "writer" : route.target;
    const taking = staging.take(side, demand, (error, client, release) =>
      callback(error, client as TakenClient | undefined, release, route),
    );
    if (taking === "unreachable") {
      const deadline = budget === undefined ? undefined : performance.now() + budget;
      this.#acquireInstead(deadline, callback);
    } else if (taking === "behind") {
      process.nextTick(callback, readerBehind, undefined, () => {}, route);
    } else if (taking === "as ever") {
      if (side === "writer" || staging.through === undefined) return false;
      const wants = { demand, staging: undefined };
      this.take(route, budget, wants, (error, client, release, taken) => {
        if (client?.side !== "reader") callback(error, client, release, taken);
        else
          staging.through?.(client, (own) => callback(error, own as TakenClient, release, taken));
      });
    }
    return true;
  }

  /**
   * Sends a read on a lane, now or as soon as one has room.
   *
   * @returns `false`: it needs a connection of its own
   */
  ride(route: Route, { habit, demand, staging }: Call, rider: Rider): boolean {
    if (habit === undefined || !habit.isShared || staging !== undefined) return false;
    // What a reader has refused may write, whatever its text says.
    if (route.reason === "refused" || route.reason === "after-refusal") return false;
    const { readers, reader, lanes } = this.#sides;
    const isOnReader = route.target === "reader" && readers !== undefined;
    const own = isOnReader ? lanes.reader : lanes.writer;
    if (own === undefined || !own.carries(habit)) return false;
    if (!isOnReader) {
      if (this.#readOnly !== undefined) return false;
      own.take(rider, undefined);
      return true;
    }
    const { addresses, identity } = readers;
    if (identity.problem !== undefined) return false;
    if (!addresses.available && reader.idleCount === 0) return false;
    if (demand !== undefined) {
      const { line } = demand;
      if (line?.position !== undefined && this.#freshness.isHopeless(demand)) return false;
      if (this.#freshness.isDoubtful(demand)) return false;
    }
    own.take(rider, demand && this.#freshness.preference(demand));
    return true;
  }

  #acquireReader(
    route: Route,
    deadline: number | undefined,
    attempts: number,
    callback: TrackCallback,
    preferred: Preferred | undefined,
  ): void {
    const { readers, reader } = this.#sides;
    if (readers === undefined) return;
    const { addresses, identity } = readers;
    if (identity.problem !== undefined) {
      callback(identity.problem, undefined, () => {}, route);
      return;
    }
    if (attempts === 0 || (!addresses.available && reader.idleCount === 0)) {
      this.#acquireInstead(deadline, callback);
      return;
    }
    if (deadline === undefined || reader.idleCount > reader.waitingCount) {
      const taken: AcquireCallback = (error, client, release) => {
        if (error !== undefined && addresses.isConnectFailure(error)) {
          // Another endpoint if one is left, else the writer.
          this.#acquireReader(route, deadline, attempts - 1, callback, preferred);
        } else callback(error, client as TakenClient | undefined, release, route);
      };
      reader.acquire(taken, undefined, preferred);
      return;
    }
    // A reader that stays silent has half of the time, so that the writer has the other.
    const left = remaining(deadline);
    const unreachable = (): boolean => addresses.opening > 0 || !addresses.available;
    takePatiently(reader, [left / 2, left], unreachable, (outcome, error, client, release) => {
      if (outcome === "given up") this.#acquireInstead(deadline, callback);
      else if (error !== undefined && addresses.isConnectFailure(error)) {
        this.#acquireReader(route, deadline, attempts - 1, callback, preferred);
      } else callback(error, client, release, route);
    });
  }

  /** Takes the writer's connection, since no reader can be reached, if reads may have one. */
  #acquireInstead(deadline: number | undefined, callback: TrackCallback): void {
    const route = routes.writer["reader-unavailable"];
    const quota = this.#fallback;
    if (quota === undefined) {
      callback(this.#noReader(), undefined, () => {}, route);
      return;
    }
    quota.take(deadline, (problem) => {
      if (problem !== undefined) {
        callback(problem, undefined, () => {}, route);
        return;
      }
      const budget = deadline === undefined ? undefined : remaining(deadline);
      takeWithin(this.#sides.writer, budget, route, (error, client, release, taken) => {
        if (client === undefined) {
          quota.giveBack();
          callback(error, client, release, taken);
          return;
        }
        const giveBack: Release = (problem) => {
          quota.giveBack();
          release(problem);
        };
        callback(error, client, giveBack, taken);
      });
    });
  }

  /** Reads that wait for what they may have of the writer. */
  get waiting(): number {
    return this.#fallback?.waiting ?? 0;
  }

  /** Resolves once no read is on the writer, or waits to be, for want of a reader. */
  async fallbackOver(): Promise<void> {
    await this.#fallback?.free();
  }

  #noReader(): PointsmanError {
    const { all } = this.#sides.readers?.addresses ?? { all: [] };
    const cause = all.find(({ lastError }) => lastError !== undefined)?.lastError;
    const why =
      this.#readOnly === undefined
        ? 'readerFallback: "error" keeps reads off the writer. The statement was not sent. Send it with target: "writer" if it cannot wait.'
        : "a read-only pool has no writer to serve it. The statement was not sent.";
    return new PointsmanError(
      "READER_UNAVAILABLE",
      `No reader can be used${cause === undefined ? "" : ` (${reasonFrom(cause)})`}, and ${why}`,
      { cause },
    );
  }
}
