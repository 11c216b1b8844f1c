/** One number, as Prometheus is told. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One text, and what became of it since the pool was made. */
export interface SlowText {
  /** Tells it from all others of its pool, earlier ones included; absent: the pool does not tell. */
  readonly id?: number;
  readonly text: string;
  readonly role: string;
  readonly reason: string;
  readonly count: number;
  readonly maxMs: number;
  readonly totalMs: number;
}

/** What a pool tells of a text that is not among the slowest. */
export type OtherText = readonly [id: number, count: number, totalMs: number];

/** What one pool tells, or one endpoint of metrics. */
export interface Part {
  /** Tells it from others, as long as it is there. */
  readonly id: string;
  /** Absent: it does not tell. */
  readonly pid?: number;
  /** `host:port/database`; absent: it does not tell. */
  readonly pool?: string;
  readonly uptimeMs?: number;
  readonly samples: readonly Sample[];
  /** Absent: it tells no texts. */
  readonly slowest?: readonly SlowText[];
  /** All other texts that it knows; absent: it does not tell of them. */
  readonly others?: readonly OtherText[];
}

/** Whose numbers cannot be read, and so are missing. */
export interface LeftOut {
  /** A process number, or the name of a file. */
  readonly who: string;
  readonly problem: string;
}

/** What was read at one moment. */
export interface Reading {
  /** By `performance.now()`. */
  readonly at: number;
  /** At least one. */
  readonly parts: readonly Part[];
  /** Who is there, and does not answer: process numbers, or names of files. */
  readonly silent: readonly string[];
  /** Who is there, and cannot be read: one for each socket. */
  readonly leftOut: readonly LeftOut[];
}

/** Where readings come from. */
export interface Source {
  /** For people: without a password. */
  readonly name: string;
  /** @throws SourceError */
  read(): Promise<Reading>;
}

/** Why a source cannot be read, in a sentence, and in another one what to do. */
export class SourceError extends Error {}
