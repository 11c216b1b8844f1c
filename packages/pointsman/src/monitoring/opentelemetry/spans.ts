import {
  type Attributes,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type {
  ConnectEvent,
  FailoverEvent,
  GuardEvent,
  RetryEvent,
  StatementEvent,
  StatementStartEvent,
} from "../../telemetry/events.ts";
import { listenTo } from "../../telemetry/listen.ts";
import { errorLabel } from "../pool-meter.ts";
import { serverAttributes } from "./attributes.ts";
import { type QueryText, StatementNamer } from "./statement-names.ts";
import { isOfServer, toldError } from "./told-error.ts";

/** What spans are made, and what is in them. */
export interface SpanSettings {
  readonly namespace: string | undefined;
  readonly queryText: QueryText;
  readonly requireParentSpan: boolean;
  readonly connectSpans: boolean;
}

/** Makes spans of the events of a pool. */
export class PoolSpans {
  readonly #tracer: Tracer;
  readonly #settings: SpanSettings;
  readonly #namer: StatementNamer;
  readonly #open = new Map<number, Span>();
  readonly #stopStarting: () => void;
  readonly #stopListening: () => void;
  #isStopped = false;

  constructor(pool: object, tracer: Tracer, settings: SpanSettings) {
    this.#tracer = tracer;
    this.#settings = settings;
    this.#namer = new StatementNamer(settings.queryText);
    const { requireParentSpan, connectSpans } = settings;
    this.#stopStarting = listenTo(pool, {
      "statement:start": (event) => this.#start(event),
      // These belong to nobody's request, and so have no parent.
      ...(requireParentSpan ? {} : { failover: (event) => this.#searched(event) }),
      ...(requireParentSpan || !connectSpans ? {} : { connect: (event) => this.#connected(event) }),
    });
    this.#stopListening = listenTo(pool, {
      retry: (event) => this.#retried(event),
      guard: (event) => this.#asked(event),
      "statement:end": (event) => this.#end(event),
    });
  }

  /** No span is made any more; those of statements that are under way end with them. */
  stop(): void {
    this.#isStopped = true;
    this.#stopStarting();
    if (this.#open.size === 0) this.#stopListening();
  }

  /** It is heard in the context of the statement's caller. */
  #start(event: StatementStartEvent): void {
    const active = context.active();
    if (this.#settings.requireParentSpan && trace.getSpan(active) === undefined) return;
    const { name, attributes } = this.#namer.names(event);
    const options = { kind: SpanKind.CLIENT, attributes: this.#inDatabase(attributes) };
    this.#open.set(event.id, this.#tracer.startSpan(name, options, active));
  }

  #inDatabase(attributes: Attributes): Attributes {
    const { namespace } = this.#settings;
    return namespace === undefined ? attributes : { ...attributes, "db.namespace": namespace };
  }

  #retried({ id, attempt, target, reason, error }: RetryEvent): void {
    this.#open.get(id)?.addEvent("pointsman.retry", {
      "pointsman.attempt": attempt,
      "pointsman.role": target,
      "pointsman.reason": reason,
      ...(error === undefined ? {} : { "error.type": errorLabel(error) }),
    });
  }

  #asked({ id, endpoint, outcome }: GuardEvent): void {
    if (outcome === "behind") {
      this.#open.get(id)?.addEvent("pointsman.reader_behind", serverAttributes(endpoint));
    }
  }

  #end(event: StatementEvent): void {
    const span = this.#open.get(event.id);
    if (span === undefined) return;
    this.#open.delete(event.id);
    span.setAttributes({
      ...serverAttributes(event.endpoint),
      "pointsman.role": event.target,
      "pointsman.reason": event.reason,
      "pointsman.freshness": event.freshness,
      "pointsman.retries": event.retries,
      ...(event.waitMs === undefined ? {} : { "pointsman.wait_ms": event.waitMs }),
    });
    if (event.error !== undefined) this.#fail(span, event.error);
    span.end();
    if (this.#isStopped && this.#open.size === 0) this.#stopListening();
  }

  #fail(span: Span, error: unknown): void {
    const told = toldError(error, this.#settings.queryText === "as-sent");
    span.setAttribute("error.type", errorLabel(error));
    if (isOfServer(error)) span.setAttribute("db.response.status_code", error.code);
    span.recordException(told);
    span.setStatus({ code: SpanStatusCode.ERROR, message: told.message });
  }

  #connected({ role, endpoint, durationMs, error }: ConnectEvent): void {
    const attributes = { "pointsman.role": role };
    this.#past(`connect ${endpoint}`, SpanKind.CLIENT, endpoint, durationMs, attributes, error);
  }

  #searched({ phase, endpoint, durationMs, error }: FailoverEvent): void {
    if (durationMs === undefined) return;
    const attributes = { "pointsman.outcome": phase };
    this.#past(`failover ${endpoint}`, SpanKind.INTERNAL, endpoint, durationMs, attributes, error);
  }

  /** A span of what is over, of the pool's own. */
  #past(
    name: string,
    kind: SpanKind,
    endpoint: string,
    durationMs: number,
    attributes: Attributes,
    error: unknown,
  ): void {
    const span = this.#tracer.startSpan(
      name,
      {
        kind,
        startTime: Date.now() - durationMs,
        attributes: this.#inDatabase({
          "db.system.name": "postgresql",
          ...serverAttributes(endpoint),
          ...attributes,
        }),
      },
      ROOT_CONTEXT,
    );
    if (error !== undefined) this.#fail(span, error);
    span.end();
  }
}
