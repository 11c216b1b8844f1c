/**
 * How what a statement reads was made fresh enough. The one source; docs/observability.md has the
 * same.
 */
export const freshnessOutcomes = {
  "not-needed":
    "It reads nothing that must be fresh: it writes, or nothing was written that it must see.",
  known: "Its reader was known to have what it must see.",
  proved: "Its reader has shown in the same round trip that it has what it must see.",
  waited: "It waited until a reader had what it must see.",
  "other-reader": "One reader had not what it must see, and another one had.",
  writer: "It went to the writer, since no reader could be shown to have what it must see.",
  unmet: "No reader could be shown to have what it must see, and it was not served.",
} as const satisfies Record<string, string>;

export type FreshnessOutcome = keyof typeof freshnessOutcomes;
