/** What is shown beside the figures. */
export interface Surroundings {
  readonly source: string;
  readonly gone: readonly string[];
  /** Why the source cannot be read now, and for how long it has not been, in milliseconds. */
  readonly trouble?: { readonly reason: string; readonly millis: number } | undefined;
  readonly isPaused?: boolean;
  /** Told at the bottom, where somebody can press keys. */
  readonly intervalMillis?: number;
}
