import { sanitizedText } from "../statements/sanitized-text.ts";
import type {
  ConnectEvent,
  EvictionEvent,
  FailoverEvent,
  LearningEvent,
  ReaderEvent,
  RetryEvent,
  StatementEvent,
} from "./events.ts";
import type { LogDetails, LogLevel } from "./logger.ts";

interface LineKind {
  readonly level: LogLevel;
  readonly when: string;
}

/**
 * Every line there is, by how its message begins. The one source; docs/observability.md has the
 * same.
 */
export const logLines = {
  "outcome unknown": {
    level: "error",
    when: "A connection was lost behind a write that had been sent: it may have happened, or not.",
  },
  "slow statement": { level: "warn", when: "A statement has taken `slowQuery` or longer." },
  "connect failed": { level: "warn", when: "A connection could not be opened." },
  "reader out": {
    level: "warn",
    when: "A reader's endpoint is used no longer for new connections.",
  },
  "reader back": { level: "info", when: "It is used again." },
  "writer lost": { level: "warn", when: "The writer is not where it was, and is looked for." },
  "writer found": { level: "info", when: "It was found; what has waited goes on." },
  "writer not found": { level: "warn", when: "The pool was ended before it was found." },
  "refusal learnt": {
    level: "warn",
    when: "A reader has refused a text that looked like a read, and the writer has accepted it.",
  },
  retry: { level: "debug", when: "A statement is sent again, or elsewhere." },
  "connection closed": {
    level: "debug",
    when: "A connection that was open is closed, for another reason than its age, its idleness or the end of the pool.",
  },
} as const satisfies Record<string, LineKind>;

/** One line: its kind, with which its message begins, the rest of the message, and its details. */
export interface LogLine {
  readonly kind: keyof typeof logLines;
  readonly message: string;
  readonly details: LogDetails;
}

/** How much of a text is written. */
const longest = 1_000;

/** Connections end for these reasons all the time. */
const ordinary: ReadonlySet<string> = new Set(["idle", "lifetime", "pool-ended"]);

/**
 * What is told of a statement that has been answered.
 *
 * @param slowMillis - from which duration on it is slow
 */
export function statementLine(event: StatementEvent, slowMillis: number): LogLine | undefined {
  const { target, reason, endpoint, durationMs } = event;
  const isUnknown = codeOf(event.error) === "WRITE_OUTCOME_UNKNOWN";
  if (!isUnknown && durationMs < slowMillis) return undefined;
  const place = endpoint === "" ? `no connection to a ${target}` : `${target} ${endpoint}`;
  const details = {
    durationMs: rounded(durationMs),
    ...(event.waitMs === undefined ? {} : { waitMs: rounded(event.waitMs) }),
    role: target,
    reason,
    endpoint,
    freshness: event.freshness,
    retries: event.retries,
    ...textIn(event.text),
    ...errorIn(event.error),
  };
  const kind = isUnknown ? "outcome unknown" : "slow statement";
  const message = `${kind}: ${Math.round(durationMs)} ms on ${place} (${reason})`;
  return { kind, message, details };
}

/** What is told of a statement that is sent again. */
export function retryLine({ attempt, target, reason, error }: RetryEvent): LogLine {
  return {
    kind: "retry",
    message: `retry: attempt ${attempt} on the ${target} (${reason})`,
    details: { attempt, role: target, reason, ...errorIn(error) },
  };
}

/** What is told of a connection that was to be opened. */
export function connectLine(event: ConnectEvent): LogLine | undefined {
  const { role, endpoint, durationMs, error } = event;
  if (error === undefined) return undefined;
  return {
    kind: "connect failed",
    message: `connect failed: ${role} ${endpoint} after ${Math.round(durationMs)} ms: ${messageOf(error)}`,
    details: { role, endpoint, durationMs: rounded(durationMs), ...errorIn(error) },
  };
}

/** What is told of a connection that is closed. */
export function evictionLine(event: EvictionEvent): LogLine | undefined {
  const { role, endpoint, reason, ageMs, error } = event;
  if (ordinary.has(reason)) return undefined;
  return {
    kind: "connection closed",
    message: `connection closed: ${role} ${endpoint} (${reason})`,
    details: { role, endpoint, reason, ageMs: rounded(ageMs), ...errorIn(error) },
  };
}

/** What is told of a reader that is out, or back. */
export function readerLine({ endpoint, available, because }: ReaderEvent): LogLine {
  const kind = available ? "reader back" : "reader out";
  return { kind, message: `${kind}: ${endpoint}: ${because}`, details: { endpoint, because } };
}

/** What is told while the writer is looked for. */
export function failoverLine({ phase, endpoint, durationMs = 0, error }: FailoverEvent): LogLine {
  if (phase === "searching") {
    const because = error === undefined ? "" : `: ${messageOf(error)}`;
    return {
      kind: "writer lost",
      message: `writer lost: ${endpoint} is looked for${because}`,
      details: { endpoint, ...errorIn(error) },
    };
  }
  const kind = phase === "found" ? "writer found" : "writer not found";
  return {
    kind,
    message: `${kind}: ${endpoint} after ${Math.round(durationMs)} ms`,
    details: { endpoint, durationMs: rounded(durationMs) },
  };
}

/** What is told of a text that a reader has refused. */
export function learningLine({ text, because, advice }: LearningEvent): LogLine {
  return {
    kind: "refusal learnt",
    message: `refusal learnt: ${because}. ${advice}`,
    details: { because, advice, ...textIn(text) },
  };
}

function textIn(text: string): { readonly text?: string } {
  const clean = sanitizedText(text);
  if (clean === undefined) return {};
  return { text: clean.length > longest ? `${clean.slice(0, longest)}…` : clean };
}

/** An error as any logger can write it; those of PostgreSQL have values in their other fields. */
function errorIn(error: unknown): { readonly error?: LogDetails } {
  if (error === undefined) return {};
  const code = codeOf(error);
  return { error: { ...(code === undefined ? {} : { code }), message: messageOf(error) } };
}

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function rounded(millis: number): number {
  return Math.round(millis * 10) / 10;
}
