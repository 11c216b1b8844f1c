import type { TracedStatement } from "./trace.ts";

export interface ServerTotal {
  readonly server: string;
  readonly statements: number;
  /** Tenths of a percent; those of all servers make 1000. */
  readonly permille: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface ReasonTotal {
  readonly reason: string;
  readonly writer: number;
  readonly readers: number;
}

/** Counts what went where. */
export class Totals {
  requests = 0;
  statements = 0;
  readonly #durations: Map<string, number[]>;
  readonly #reasons = new Map<string, { writer: number; readers: number }>();

  constructor(servers: readonly string[]) {
    this.#durations = new Map(servers.map((server) => [server, []]));
  }

  add({ server, reason, target, durationMs }: TracedStatement): void {
    this.statements += 1;
    const durations = this.#durations.get(server) ?? [];
    durations.push(durationMs);
    this.#durations.set(server, durations);
    const count = this.#reasons.get(reason) ?? { writer: 0, readers: 0 };
    count[target === "writer" ? "writer" : "readers"] += 1;
    this.#reasons.set(reason, count);
  }

  /** How many statements each server has answered. */
  counts(): [server: string, statements: number][] {
    return [...this.#durations].map(([server, durations]) => [server, durations.length]);
  }

  servers(): ServerTotal[] {
    const shares = permilles([...this.#durations.values()].map((durations) => durations.length));
    return [...this.#durations].map(([server, durations], i) => ({
      server,
      statements: durations.length,
      permille: shares[i] ?? 0,
      ...percentiles(durations),
    }));
  }

  all(): Omit<ServerTotal, "server"> {
    return {
      statements: this.statements,
      permille: this.statements > 0 ? 1000 : 0,
      ...percentiles([...this.#durations.values()].flat()),
    };
  }

  /** The most frequent reason first. */
  reasons(): ReasonTotal[] {
    return [...this.#reasons]
      .map(([reason, count]) => ({ reason, ...count }))
      .sort((a, b) => b.writer + b.readers - (a.writer + a.readers));
  }
}

function percentiles(durations: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = durations.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Tenths of a percent that make exactly 1000: the largest remainders get what is left over. */
function permilles(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.map(() => 0);
  const exact = counts.map((count) => (1000 * count) / total);
  const shares = exact.map(Math.floor);
  const left = 1000 - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact
    .map((share, i) => ({ i, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder);
  for (const { i } of byRemainder.slice(0, left)) shares[i] = (shares[i] ?? 0) + 1;
  return shares;
}
