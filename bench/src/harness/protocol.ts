import type { Servers } from "./benchmark.ts";

/** What the harness tells a measured process; it answers each with one {@link Answer}. */
export type Order =
  | { readonly do: "open"; readonly contender: string; readonly servers: Servers }
  | { readonly do: "slice"; readonly operations: number; readonly concurrency: number }
  | { readonly do: "close" };

/** One slice, measured: nanoseconds for all of its operations. */
export interface Slice {
  readonly wallNs: number;
  readonly cpuNs: number;
}

export type Answer =
  | { readonly ok: true; readonly slice?: Slice | undefined }
  | { readonly ok: false; readonly error: string };
