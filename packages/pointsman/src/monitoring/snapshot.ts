/** One number, as Prometheus would be told. */
export interface Sample {
  /** The name in Prometheus, with what it has behind it: `_bucket`, `_sum`, `_count`. */
  readonly name: string;
  /** Those of the metric, and `le` of a bucket. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One text, and what became of it. A text that goes two ways is there twice. */
export interface SlowText {
  /**
   * Tells it from all others that the pool has counted, also from the same text where that was
   * forgotten and has come again.
   */
  readonly id: number;
  /** Without literals and comments, at most 500 characters. */
  readonly text: string;
  readonly role: string;
  readonly reason: string;
  readonly count: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly totalMs: number;
}

/** One of the other texts that are kept: its `id`, `count` and `totalMs`. */
export type OtherText = readonly [id: number, count: number, totalMs: number];

/** What a pool tells on its socket. */
export interface Snapshot {
  /**
   * Of this form; it changes when a reader of the last one would not understand it. Fields that are
   * added change nothing.
   */
  readonly version: 1;
  readonly pid: number;
  /** `host:port/database` of the writer, or of the first reader where there is no writer. */
  readonly pool: string;
  /** When it was taken, in milliseconds since 1970. */
  readonly at: number;
  /** For how long the pool has been there. */
  readonly uptimeMs: number;
  readonly samples: readonly Sample[];
  /** Those that took the most time, since the pool was made or lately. */
  readonly slowest: readonly SlowText[];
  /**
   * All others that are kept: whoever sees a text among the slowest for the first time knows by them
   * what it had taken before, or that it was not there.
   */
  readonly others: readonly OtherText[];
}
