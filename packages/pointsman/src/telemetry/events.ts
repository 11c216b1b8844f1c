import { type Channel, channel } from "node:diagnostics_channel";
import type { Target } from "../routing/route.ts";
import type { ShadowRoute } from "../shadow/shadow-route.ts";
import type { Effect } from "../statements/types.ts";
import type { EvictionReason } from "./eviction-reasons.ts";
import type { FreshnessOutcome } from "./freshness-outcomes.ts";

/** A statement is called. Published in the asynchronous context of its caller. */
export interface StatementStartEvent {
  /** Tells the events of one statement from those of others; unique in the process. */
  readonly id: number;
  /** The SQL text, without its values; empty: it cannot be seen. */
  readonly text: string;
  readonly effect: Effect;
  /** The commands in it, as `SELECT` or `CREATE TABLE`. */
  readonly commands: readonly string[];
  /** The relations that it names, as they are spelled: read ones first, each once. */
  readonly relations: readonly string[];
  /** Of these, the ones that it writes to. */
  readonly writes: readonly string[];
}

/** It is decided where a statement goes first. */
export interface RouteEvent {
  readonly id: number;
  readonly target: Target;
  /** One of the reasons of `docs/routing.md`. */
  readonly reason: string;
}

/** A statement is sent again, or elsewhere. */
export interface RetryEvent {
  readonly id: number;
  /** Counted from 1. */
  readonly attempt: number;
  /** Where it is sent now, and why. */
  readonly target: Target;
  readonly reason: string;
  /** What it has failed with before; absent: its reader was behind. */
  readonly error?: unknown;
}

/** A reader was asked, in the flight of a read, whether it has what the read must see. */
export interface GuardEvent {
  readonly id: number;
  /** `host:port` */
  readonly endpoint: string;
  readonly outcome: "proved" | "behind";
}

/**
 * A statement has been answered; a cursor or a stream when it is read to its end, closed, or has
 * failed. Published in the asynchronous context of its caller.
 */
export interface StatementEvent extends StatementStartEvent {
  /** Where it was sent in the end, and why; with one server: where it would have been. */
  readonly target: Target;
  readonly reason: string;
  /** `host:port` of the endpoint that served it, as it was configured; empty: none did. */
  readonly endpoint: string;
  /** Milliseconds from the call until the answer was complete, waiting for a connection included. */
  readonly durationMs: number;
  /** Of these, the milliseconds before it was sent for the last time; absent: it was not sent. */
  readonly waitMs?: number;
  /** How often it was sent again, or elsewhere. */
  readonly retries: number;
  /** How what it reads was made fresh enough. */
  readonly freshness: FreshnessOutcome;
  /** The error, when it failed; what its caller has given it up with, where it was given up. */
  readonly error?: unknown;
  /** With `shadow`: where it would have gone without, and what is known of how that had ended. */
  readonly shadow?: ShadowRoute;
}

/** A connection was opened, or could not be: told of each attempt that was begun. */
export interface ConnectEvent {
  readonly role: Target;
  /** `host:port` */
  readonly endpoint: string;
  /** Milliseconds that it took, from its turn on. */
  readonly durationMs: number;
  /** Why it could not be opened. */
  readonly error?: unknown;
}

/** A connection that was open is closed. It is told once, as soon as its pool lets go of it. */
export interface EvictionEvent {
  readonly role: Target;
  readonly endpoint: string;
  readonly reason: EvictionReason;
  /** Milliseconds that it was open. */
  readonly ageMs: number;
  /** What went wrong with it, where something did. */
  readonly error?: unknown;
}

/**
 * A reader's endpoint is used no longer for new connections, or again, or from now on when the
 * topology of the cluster has told of it.
 */
export interface ReaderEvent {
  /** `host:port` */
  readonly endpoint: string;
  readonly available: boolean;
  /** Why, in a sentence. */
  readonly because: string;
}

/** The writer is not where it was, and is looked for. */
export interface FailoverEvent {
  /** `found`: what has waited goes on. `ended`: the pool was ended before it was found. */
  readonly phase: "searching" | "found" | "ended";
  /** `host:port` of the writer's endpoint; when it is found, of the one that leads to it. */
  readonly endpoint: string;
  /** Milliseconds that it was looked for; absent while it begins. */
  readonly durationMs?: number;
  /** What has set the search off; absent at its end. */
  readonly error?: unknown;
}

/** A reader has refused a text that looked like a read, and the writer has accepted it. */
export interface LearningEvent {
  /** The SQL text, without its values; of a long one the first 1,000 characters. */
  readonly text: string;
  /** What the reader has said: PostgreSQL's message, in its language. */
  readonly because: string;
  /** What to tell the router, so that no reader is asked. */
  readonly advice: string;
}

/** What is published, by the name of the channel behind `pointsman:`. */
export interface PointsmanEvents {
  "statement:start": StatementStartEvent;
  route: RouteEvent;
  guard: GuardEvent;
  retry: RetryEvent;
  "statement:end": StatementEvent;
  connect: ConnectEvent;
  eviction: EvictionEvent;
  reader: ReaderEvent;
  failover: FailoverEvent;
  learning: LearningEvent;
}

export type EventName = keyof PointsmanEvents;

/** What each channel carries. The one source for names; docs/observability.md has the same. */
export const eventMeanings: Readonly<Record<EventName, string>> = {
  "statement:start": "A statement is called.",
  route: "It is decided where a statement goes first.",
  guard: "A reader was asked, in the flight of a read, whether it has what the read must see.",
  retry: "A statement is sent again, or elsewhere.",
  "statement:end":
    "A statement has been answered; a cursor or a stream when it is read to its end, closed, or has failed.",
  connect: "A connection was opened, or could not be.",
  eviction: "A connection that was open is closed.",
  reader: "A reader's endpoint is used no longer for new connections, or again.",
  failover: "The writer is looked for, and found.",
  learning: "A reader has refused a text that looked like a read, and the writer has accepted it.",
};

/** The channels of `node:diagnostics_channel`. They cost nothing while nobody listens. */
export const channels = Object.fromEntries(
  Object.keys(eventMeanings).map((name) => [name, channel(`pointsman:${name}`)]),
) as { readonly [K in EventName]: Channel<unknown, PointsmanEvents[K]> };
