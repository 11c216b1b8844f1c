import type { Finding } from "../finding.ts";

/** One step of the way to the database. */
export interface Check<Subject> {
  readonly name: string;
  /** Checks before it that must not have failed. */
  readonly needs: readonly string[];
  /** The side where it is of interest; absent: both. */
  readonly side?: "reader";
  /** What to do when it takes too long; absent: the same for all. */
  readonly slow?: string;
  /**
   * It is given up, and `signal` aborted, when it takes longer than `timeoutMillis`. What it throws
   * is bad.
   */
  readonly look: (subject: Subject, signal: AbortSignal, timeoutMillis: number) => Promise<Finding>;
}
