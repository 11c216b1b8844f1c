import type { Servers } from "./servers.ts";

/** What the harness tells a measured process; it answers each with one {@link Answer}. */
export type Order =
  | { readonly do: "open"; readonly contender: string; readonly servers: Servers }
  | { readonly do: "slice"; readonly operations: number; readonly concurrency: number }
  | { readonly do: "close" };

/** One slice, measured: nanoseconds for all of its operations. */
export interface Slice {
  readonly wallNs: number;
  readonly cpuNs: number;
  /** What the contender has found, if it looks for anything. */
  readonly found?: unknown;
}

export type Answer =
  | { readonly ok: true; readonly slice?: Slice | undefined }
  | { readonly ok: false; readonly error: string };
