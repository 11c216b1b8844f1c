import { LRUCache } from "lru-cache";
import { ownCopy } from "../statements/own-copy.ts";
import { longestSanitized, sanitizedText } from "../statements/sanitized-text.ts";
import type { StatementEvent } from "../telemetry/events.ts";
import { operationLabel } from "./pool-meter.ts";
import type { SlowText } from "./snapshot.ts";

interface Row {
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
      row = { text: shown, role: target, reason, ...none };
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

  /** So many with the most time since the beginning, and so many with the most of late. */
  top(most: number): readonly SlowText[] {
    const now = performance.now();
    const rows = [...this.#rows.values()];
    const late = new Map(rows.map((row) => [row, lateAt(row, now)]));
    const inAll = [...rows].sort((a, b) => b.totalMs - a.totalMs).slice(0, most);
    const ofLate = rows.sort((a, b) => (late.get(b) ?? 0) - (late.get(a) ?? 0)).slice(0, most);
    return [...new Set([...inAll, ...ofLate])].map(({ text, role, reason, ...row }) => ({
      text,
      role,
      reason,
      count: row.count,
      meanMs: row.totalMs / row.count,
      maxMs: row.maxMs,
      totalMs: row.totalMs,
    }));
  }
}

/** What is shown of a text of which nothing may be shown. */
function untold(commands: readonly string[]): string {
  return `${operationLabel(commands)} …`;
}

function lateAt(row: Row, now: number): number {
  return row.lateMs * 0.5 ** ((now - row.lateAt) / halfLifeMs);
}
