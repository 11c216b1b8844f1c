import { AsyncResource } from "node:async_hooks";
import { freshnessReasons } from "../routing/reasons.ts";
import type { Route } from "../routing/route.ts";
import type { Proof } from "../servers/companions.ts";
import type { ShadowRoute } from "../shadow/shadow-route.ts";
import type { Classification } from "../statements/types.ts";
import { describe } from "./description.ts";
import { markPool } from "./event-pool.ts";
import { channels, type StatementStartEvent } from "./events.ts";
import type { FreshnessOutcome } from "./freshness-outcomes.ts";
import { publish } from "./publish.ts";

let lastId = 0;

const { "statement:start": start, "statement:end": end, route, guard, retry } = channels;

/** Whether anybody listens to what becomes of statements. Asked for each: it is on the hot path. */
function isHeard(): boolean {
  return (
    end.hasSubscribers ||
    start.hasSubscribers ||
    route.hasSubscribers ||
    retry.hasSubscribers ||
    guard.hasSubscribers
  );
}

/** What has been answered, and by whom. */
export interface Answer {
  readonly route: Route;
  /** `host:port`; empty: nobody has. */
  readonly endpoint: string;
  readonly error: Error | undefined;
  readonly shadow?: ShadowRoute | undefined;
}

/** One statement as those see it who listen to its channels. It exists only while somebody does. */
export class StatementTrace {
  readonly #pool: object;
  readonly #text: string;
  readonly #facts: Classification;
  readonly #id: number;
  readonly #at = performance.now();
  readonly #context = new AsyncResource("pointsman.statement");
  #isStarted = false;
  #retries = 0;
  #sentAt: number | undefined;
  #freshness: FreshnessOutcome = "not-needed";

  private constructor(pool: object, text: string, facts: Classification) {
    lastId += 1;
    this.#id = lastId;
    this.#pool = pool;
    this.#text = text;
    this.#facts = facts;
  }

  /** @returns `undefined`: nobody listens */
  static of(pool: object, text: string, facts: Classification): StatementTrace | undefined {
    return isHeard() ? new StatementTrace(pool, text, facts) : undefined;
  }

  /** It is taken on, in its caller's context. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    publish("statement:start", this.#pool, () => this.#described());
  }

  #described(): StatementStartEvent {
    const { commands, relations, writes } = describe(this.#facts);
    const { effect } = this.#facts;
    return { id: this.#id, text: this.#text, effect, commands, relations, writes };
  }

  routed({ target, reason }: Route): void {
    publish("route", this.#pool, () => ({ id: this.#id, target, reason }));
  }

  /** @param error - what it has failed with before, where it had */
  retried({ target, reason }: Route, error: unknown): void {
    this.#retries += 1;
    publish("retry", this.#pool, () => ({
      id: this.#id,
      attempt: this.#retries,
      target,
      reason,
      ...(error === undefined ? {} : { error }),
    }));
  }

  /**
   * It is sent.
   *
   * @param freshness - what is known of that before it is answered
   */
  sent(freshness: "not-needed" | "known" | "proved"): void {
    this.#sentAt = performance.now();
    this.#freshness = freshness;
  }

  /** A question to its reader whose answer is told. */
  watching(proof: Proof, endpoint: string): Proof {
    return {
      ...proof,
      holds: (row) => {
        const holds = proof.holds(row);
        const outcome = holds ? "proved" : "behind";
        publish("guard", this.#pool, () => ({ id: this.#id, endpoint, outcome }));
        return holds;
      },
    };
  }

  answered({ route, endpoint, error, shadow }: Answer): void {
    this.start();
    if (!end.hasSubscribers) return;
    const event = {
      ...this.#described(),
      target: route.target,
      reason: route.reason,
      endpoint,
      durationMs: performance.now() - this.#at,
      ...(this.#sentAt === undefined ? {} : { waitMs: this.#sentAt - this.#at }),
      retries: this.#retries,
      freshness: this.#freshnessBy(route, error),
      ...(error === undefined ? {} : { error }),
      ...(shadow === undefined ? {} : { shadow }),
    };
    this.#context.runInAsyncScope(() => end.publish(markPool(event, this.#pool)));
  }

  #freshnessBy({ reason }: Route, error: Error | undefined): FreshnessOutcome {
    if ((error as { code?: unknown } | undefined)?.code === "FRESHNESS_UNAVAILABLE") return "unmet";
    if (freshnessReasons.has(reason)) return "writer";
    if (reason === "waited") return "waited";
    return reason === "fresher-reader" ? "other-reader" : this.#freshness;
  }
}
