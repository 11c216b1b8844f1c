/** How short reads share connections. */
export interface LaneSettings {
  /** How many lanes one side has at most. */
  readonly max: number;
  /** How many reads one lane carries at once. */
  readonly depth: number;
  /** How often a text must have run by itself, and have been short, before it rides. */
  readonly after: number;
}

/** Which texts become prepared statements. */
export interface PrepareSettings {
  /** How often a text must have run before it is prepared. */
  readonly after: number;
  /** How many prepared statements one connection keeps. */
  readonly max: number;
}
