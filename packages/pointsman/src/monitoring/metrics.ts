/** What tells the series of one metric apart, by the name of Prometheus's label. */
export type Label = "role" | "reason" | "endpoint" | "operation" | "error" | "state" | "outcome";

export interface Metric {
  /** `counter`: only grows. `gauge`: is read when somebody asks. `histogram`: spreads over buckets. */
  readonly kind: "counter" | "gauge" | "histogram";
  /** A counter that the pool keeps itself, and that is read as a gauge is. */
  readonly isKept?: true;
  /** The name in OpenTelemetry: that of the semantic conventions, where they have one. */
  readonly otel: string;
  /** The name in Prometheus. */
  readonly prometheus: string;
  /** In OpenTelemetry's notation (UCUM). */
  readonly unit: string;
  readonly description: string;
  readonly labels: readonly Label[];
  /** What a gauge of several processes is together, where that is not their sum. */
  readonly together?: "min" | "max" | "average";
}

/** Every metric there is. The one source for names; docs/observability.md has the same. */
export const metrics = {
  statements: {
    kind: "counter",
    otel: "pointsman.statements",
    prometheus: "pointsman_statements_total",
    unit: "{statement}",
    description: "Statements answered, by where they went and why.",
    labels: ["role", "reason", "endpoint"],
  },
  statementDuration: {
    kind: "histogram",
    otel: "db.client.operation.duration",
    prometheus: "pointsman_statement_duration_seconds",
    unit: "s",
    description: "From the call of a statement until its answer was complete.",
    labels: ["role", "operation", "error"],
  },
  waitTime: {
    kind: "histogram",
    otel: "db.client.connection.wait_time",
    prometheus: "pointsman_connection_wait_seconds",
    unit: "s",
    description: "From the call of a statement until it was sent, for the last time.",
    labels: ["role"],
  },
  retries: {
    kind: "counter",
    otel: "pointsman.retries",
    prometheus: "pointsman_retries_total",
    unit: "{retry}",
    description: "Statements sent again, or elsewhere, by where they were sent then and why.",
    labels: ["role", "reason"],
  },
  freshness: {
    kind: "counter",
    otel: "pointsman.freshness",
    prometheus: "pointsman_freshness_total",
    unit: "{statement}",
    description: "Statements answered, by how what they read was made fresh enough.",
    labels: ["outcome"],
  },
  guards: {
    kind: "counter",
    otel: "pointsman.guards",
    prometheus: "pointsman_guards_total",
    unit: "{guard}",
    description: "Reads that asked their reader, in their own flight, whether it was far enough.",
    labels: ["endpoint", "outcome"],
  },
  connections: {
    kind: "gauge",
    otel: "db.client.connection.count",
    prometheus: "pointsman_connections",
    unit: "{connection}",
    description: "Connections that are open.",
    labels: ["role", "state"],
  },
  connectionsMax: {
    kind: "gauge",
    otel: "db.client.connection.max",
    prometheus: "pointsman_connections_max",
    unit: "{connection}",
    description: "Connections that may be open.",
    labels: ["role"],
  },
  connectionsWaiting: {
    kind: "gauge",
    otel: "db.client.connection.pending_requests",
    prometheus: "pointsman_connections_waiting",
    unit: "{request}",
    description: "Callers that wait for a connection, or for a client of connect().",
    labels: ["role"],
  },
  connectionTimeouts: {
    kind: "counter",
    isKept: true,
    otel: "db.client.connection.timeouts",
    prometheus: "pointsman_connection_timeouts_total",
    unit: "{timeout}",
    description:
      "Callers that got no connection, or no client of connect(), within connectionTimeoutMillis.",
    labels: ["role"],
  },
  connectTime: {
    kind: "histogram",
    otel: "db.client.connection.create_time",
    prometheus: "pointsman_connection_create_seconds",
    unit: "s",
    description: "How long it took to open a connection, or to fail to.",
    labels: ["role", "endpoint", "error"],
  },
  evictions: {
    kind: "counter",
    otel: "pointsman.evictions",
    prometheus: "pointsman_evictions_total",
    unit: "{connection}",
    description: "Connections that were open and are closed, by the reason.",
    labels: ["role", "reason"],
  },
  readerAvailable: {
    kind: "gauge",
    otel: "pointsman.reader.available",
    prometheus: "pointsman_reader_available",
    unit: "1",
    description:
      "1 while new connections to a reader are tried, 0 while it is out. One that has left the cluster has no series.",
    labels: ["endpoint"],
    together: "min",
  },
  readerLag: {
    kind: "gauge",
    otel: "pointsman.reader.lag",
    prometheus: "pointsman_reader_lag_seconds",
    unit: "s",
    description:
      "How far a reader was behind the writer when it was last asked. One that has left the cluster has no series.",
    labels: ["endpoint"],
    together: "max",
  },
  failovers: {
    kind: "counter",
    otel: "pointsman.failovers",
    prometheus: "pointsman_failovers_total",
    unit: "{failover}",
    description: "How often the writer had to be looked for.",
    labels: [],
  },
  failoverDuration: {
    kind: "histogram",
    otel: "pointsman.failover.duration",
    prometheus: "pointsman_failover_duration_seconds",
    unit: "s",
    description: "How long the writer was looked for.",
    labels: ["outcome"],
  },
  writerSearching: {
    kind: "gauge",
    otel: "pointsman.writer.searching",
    prometheus: "pointsman_writer_searching",
    unit: "1",
    description: "1 while the writer is looked for, else 0.",
    labels: [],
    together: "max",
  },
  writerWaiting: {
    kind: "gauge",
    otel: "pointsman.writer.waiting",
    prometheus: "pointsman_writer_waiting",
    unit: "{request}",
    description: "Callers that wait until the writer is found.",
    labels: [],
  },
  refusals: {
    kind: "counter",
    isKept: true,
    otel: "pointsman.refusals",
    prometheus: "pointsman_refusals_total",
    unit: "{statement}",
    description: "Statements that a reader refused and that were repeated on the writer.",
    labels: [],
  },
  refusedTexts: {
    kind: "gauge",
    otel: "pointsman.refused_texts",
    prometheus: "pointsman_refused_texts",
    unit: "{text}",
    description: "Texts that are remembered as refused by a reader, and go to the writer.",
    labels: [],
  },
  laneReads: {
    kind: "counter",
    isKept: true,
    otel: "pointsman.lane.reads",
    prometheus: "pointsman_lane_reads_total",
    unit: "{statement}",
    description: "Reads that lanes have carried, and of these the ones sent elsewhere as well.",
    labels: ["role", "outcome"],
  },
  lanes: {
    kind: "gauge",
    otel: "pointsman.lanes",
    prometheus: "pointsman_lanes",
    unit: "{connection}",
    description: "Connections that are open as lanes.",
    labels: ["role"],
  },
  laneRiders: {
    kind: "gauge",
    otel: "pointsman.lane.riders",
    prometheus: "pointsman_lane_riders",
    unit: "{statement}",
    description: "Reads that are on their way in lanes.",
    labels: ["role"],
  },
  processShare: {
    kind: "gauge",
    otel: "pointsman.process_position.share",
    prometheus: "pointsman_process_position_share",
    unit: "1",
    description:
      "Of the last thousand reads outside of sessions: the share that went to the writer because the process had just written.",
    labels: [],
    together: "average",
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

/** Values of the labels of one series. */
export type Labels = Readonly<Partial<Record<Label, string>>>;
