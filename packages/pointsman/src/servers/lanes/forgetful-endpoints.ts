/** How many losses within this time, in milliseconds, are no accident. */
const tooMany = 5;
const window = 60_000;

/**
 * The endpoints whose servers lose what is prepared there again and again: a pooler hands each
 * transaction to another connection of its own, or somebody discards all after each use. Nothing is
 * prepared there any more, since each loss costs its statement a second try.
 */
export class ForgetfulEndpoints {
  readonly #losses = new Map<string, number[]>();
  readonly #found = new Set<string>();
  readonly #tell: (endpoint: string) => void;

  /** @param tell - called once for each */
  constructor(tell: (endpoint: string) => void) {
    this.#tell = tell;
  }

  has(endpoint: string): boolean {
    return this.#found.size > 0 && this.#found.has(endpoint);
  }

  /** A connection to it has lost its prepared statements. */
  lost(endpoint: string, now: number): void {
    if (this.#found.has(endpoint)) return;
    const recent = (this.#losses.get(endpoint) ?? []).filter((at) => now - at < window);
    recent.push(now);
    this.#losses.set(endpoint, recent);
    if (recent.length < tooMany) return;
    this.#losses.delete(endpoint);
    this.#found.add(endpoint);
    this.#tell(endpoint);
  }
}
