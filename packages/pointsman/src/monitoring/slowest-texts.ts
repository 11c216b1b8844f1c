import { LRUCache } from "lru-cache";
import { ownCopy } from "../statements/own-copy.ts";
import { longestSanitized, sanitizedText } from "../statements/sanitized-text.ts";
import type { StatementEvent } from "../telemetry/events.ts";
import { operationLabel } from "./pool-meter.ts";
import type { Snapshot } from "./snapshot.ts";

interface Row {
  readonly id: number;
  readonly text: string;
  readonly role: string;
  readonly reason: string;
  count: number;
  maxMs: number;
  totalMs: number;
  /** The time of late: what was added is half as much after {@link halfLifeMs}. */
  lateMs: number;
  /** When it was last as much, by `performance.now()`. */
  lateAt: number;
}

const longest = 500;
const mostTexts = 1000;
const mostBytes = 1024 * 1024;
const halfLifeMs = 30_000;

/**
 * Counts time by text, in bounded memory. What was not seen for the longest time is forgotten first.
 */
export class SlowestTexts {
  #lastId = 0;
  readonly #rows = new LRUCache<string, Row>({
    max: mostTexts,
    maxSize: mostBytes,
    // Key and text, in characters of two bytes, and what each row takes besides.
    sizeCalculation: ({ text }, key) => 2 * (text.length + key.length) + 200,
  });
  /** Texts as they are shown, by what they are: the same ones keep coming. */
  readonly #shown = new LRUCache<string, string>({
    max: mostTexts,
    maxSize: mostBytes,
    sizeCalculation: (shown, text) => 2 * (text.length + shown.length) + 100,
  });

  count({ text, commands, target, reason, durationMs }: StatementEvent): void {
    const shown = this.#show(text, commands);
    const key = `${target} ${reason} ${shown}`;
    const now = performance.now();
    let row = this.#rows.get(key);
    if (row === undefined) {
      const none = { count: 0, maxMs: 0, totalMs: 0, lateMs: 0, lateAt: now };
      this.#lastId += 1;
      row = { id: this.#lastId, text: shown, role: target, reason, ...none };
      this.#rows.set(key, row);
    }
    row.count += 1;
    row.totalMs += durationMs;
    row.maxMs = Math.max(row.maxMs, durationMs);
    row.lateMs = lateAt(row, now) + durationMs;
    row.lateAt = now;
  }

  #show(text: string, commands: readonly string[]): string {
    // To look such a text up takes longer than all the rest.
    if (text.length > longestSanitized) return untold(commands);
    const known = this.#shown.get(text);
    if (known !== undefined) return known;
    const sanitized = sanitizedText(text) ?? untold(commands);
    const oneLine = sanitized.replaceAll(/\s+/g, " ");
    const cut = oneLine.length > longest ? `${oneLine.slice(0, longest)}…` : oneLine;
    const shown = ownCopy(cut);
    this.#shown.set(ownCopy(text), shown);
    return shown;
  }

  /**
   * What there is to tell.
   *
   * @param most - so many are told with their texts that took the most time since the beginning, and
   * so many that took the most of late
   */
  told(most: number): Pick<Snapshot, "slowest" | "others"> {
    const now = performance.now();
    const rows = [...this.#rows.values()];
    const late = new Map(rows.map((row) => [row, lateAt(row, now)]));
    const inAll = rows.toSorted((a, b) => b.totalMs - a.totalMs).slice(0, most);
    const ofLate = rows.toSorted((a, b) => (late.get(b) ?? 0) - (late.get(a) ?? 0)).slice(0, most);
    const slowest = new Set([...inAll, ...ofLate]);
    return {
      slowest: [...slowest].map(({ id, text, role, reason, count, maxMs, totalMs }) => ({
        id,
        text,
        role,
        reason,
        count,
        meanMs: totalMs / count,
        maxMs,
        totalMs,
      })),
      others: rows
        .filter((row) => !slowest.has(row))
        .map(({ id, count, totalMs }) => [id, count, Math.round(totalMs * 1000) / 1000]),
    };
  }
}

/** What is shown of a text of which nothing may be shown. */
function untold(commands: readonly string[]): string {
  return `${operationLabel(commands)} …`;
}

function lateAt(row: Row, now: number): number {
  return row.lateMs * 0.5 ** ((now - row.lateAt) / halfLifeMs);
}
