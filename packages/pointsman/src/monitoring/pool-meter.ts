import type { PoolStats, SideStats } from "../stats.ts";
import { listenTo } from "../telemetry/listen.ts";
import { BoundedLabels } from "./bounded-labels.ts";
import type { Labels, Metric, metrics } from "./metrics.ts";

type Named<K extends Metric["kind"], Kept = object> = {
  [N in keyof typeof metrics]: (typeof metrics)[N] extends { readonly kind: K } & Kept ? N : never;
}[keyof typeof metrics];

type KeptName = Named<"counter", { readonly isKept: true }>;
export type CounterName = Exclude<Named<"counter">, KeptName>;
export type HistogramName = Named<"histogram">;
/** What is read when somebody asks. */
export type ReadingName = Named<"gauge"> | KeptName;

/** Who keeps the numbers. */
export interface Recorder {
  add(counter: CounterName, labels: Labels): void;
  record(histogram: HistogramName, value: number, labels: Labels): void;
}

/** What is needed of a pool to read it. */
export interface Metered {
  stats(): PoolStats;
}

/** pg's own, when a `query_timeout` is over; this library's error has the same. */
const queryOutOfTime = "Query read timeout";

/**
 * What an error is called in a label: its SQLSTATE or code, else its class, and `QueryTimeout` where
 * a `query_timeout` is over, which has neither. Empty: there is none.
 */
export function errorLabel(error: unknown): string {
  if (error === undefined) return "";
  const { code, name, message } = error as Readonly<Record<"code" | "name" | "message", unknown>>;
  if (typeof code === "string") return code;
  if (message === queryOutOfTime) return "QueryTimeout";
  return typeof name === "string" ? name : "unknown";
}

/** What a statement is called in a label: its command; of several that one, if they are the same. */
export function operationLabel(commands: readonly string[]): string {
  const [first = "unknown"] = commands;
  if (commands.length < 2) return first;
  return commands.every((command) => command === first) ? `BATCH ${first}` : "BATCH";
}

/**
 * Has a recorder hear what happens in a pool, with labels whose values are bounded.
 *
 * @returns ends it
 */
export function meterPool(pool: Metered, recorder: Recorder): () => void {
  const bounded = new BoundedLabels();
  const add = (counter: CounterName, labels: Labels): void =>
    recorder.add(counter, bounded.of(counter, labels));
  const record = (histogram: HistogramName, value: number, labels: Labels): void =>
    recorder.record(histogram, value, bounded.of(histogram, labels));
  return listenTo(pool, {
    "statement:end": (event) => {
      const { target: role, reason, endpoint, commands, durationMs, waitMs, freshness } = event;
      const error = errorLabel(event.error);
      add("statements", { role, reason, endpoint });
      const operation = operationLabel(commands);
      record("statementDuration", durationMs / 1000, { role, operation, error });
      if (waitMs !== undefined) record("waitTime", waitMs / 1000, { role });
      add("freshness", { outcome: freshness });
    },
    retry: ({ target, reason }) => add("retries", { role: target, reason }),
    guard: ({ endpoint, outcome }) => add("guards", { endpoint, outcome }),
    connect: ({ role, endpoint, durationMs, error }) => {
      record("connectTime", durationMs / 1000, { role, endpoint, error: errorLabel(error) });
    },
    eviction: ({ role, reason }) => add("evictions", { role, reason }),
    failover: ({ phase, durationMs = 0 }) => {
      if (phase === "searching") add("failovers", {});
      else record("failoverDuration", durationMs / 1000, { outcome: phase });
    },
  });
}

/** One value that was read. */
export interface Reading {
  readonly metric: ReadingName;
  readonly value: number;
  readonly labels: Labels;
}

/** Reads what a pool keeps itself. */
export function readPool(pool: Metered): readonly Reading[] {
  const { writer, reader, clients, freshness, failover, refusals, refusedTexts } = pool.stats();
  const endpoints = reader?.endpoints ?? [];
  // What has left the cluster is not missed there. It may have come back by the same name.
  const there = endpoints.filter(({ gone }) => !gone);
  const isGone = (name: string): boolean =>
    endpoints.some(({ endpoint }) => endpoint === name) &&
    !there.some(({ endpoint }) => endpoint === name);
  return [
    ...readSide("writer", writer),
    // With one server a client is a connection, and whoever waits for it is counted with them.
    ...(reader === undefined
      ? []
      : [...readSide("reader", reader), ...readWaits("client", clients)]),
    ...there.map(({ endpoint, available }) =>
      reading("readerAvailable", Number(available), { endpoint }),
    ),
    ...freshness.servers.flatMap(({ endpoint, lagMillis }) =>
      lagMillis === undefined || isGone(endpoint)
        ? []
        : [reading("readerLag", lagMillis / 1000, { endpoint })],
    ),
    reading("writerSearching", Number(failover.searching), {}),
    reading("writerWaiting", failover.waiting, {}),
    reading("refusals", refusals, {}),
    reading("refusedTexts", refusedTexts, {}),
    ...(freshness.processShare === undefined
      ? []
      : [reading("processShare", freshness.processShare, {})]),
  ];
}

function readSide(role: "writer" | "reader", side: SideStats): readonly Reading[] {
  const { total, idle, max, lanes } = side;
  return [
    reading("connections", idle, { role, state: "idle" }),
    reading("connections", total - idle, { role, state: "used" }),
    reading("connectionsMax", max, { role }),
    ...readWaits(role, side),
    ...(lanes === undefined
      ? []
      : [
          reading("lanes", lanes.open, { role }),
          reading("laneRiders", lanes.riding, { role }),
          reading("laneReads", lanes.carried, { role, outcome: "carried" }),
          reading("laneReads", lanes.moved, { role, outcome: "moved" }),
        ]),
  ];
}

function readWaits(
  role: "writer" | "reader" | "client",
  { waiting, timeouts }: SideStats,
): readonly Reading[] {
  return [
    reading("connectionsWaiting", waiting, { role }),
    reading("connectionTimeouts", timeouts, { role }),
  ];
}

function reading(metric: ReadingName, value: number, labels: Labels): Reading {
  return { metric, value, labels };
}
