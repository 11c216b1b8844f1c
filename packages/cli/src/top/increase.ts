import type { Part, Reading, Sample, SlowText } from "./reading.ts";

/** What was added between two readings. */
export interface Increase {
  readonly millis: number;
  /** Of counters and histograms how much was added; of gauges it means nothing. */
  readonly samples: readonly Sample[];
  /** `maxMs` is the greatest since the pool was made. Absent: nobody tells texts. */
  readonly slowest: readonly SlowText[] | undefined;
}

/**
 * What was added since. A counter that is less than it was has begun anew, and so has a pool that is
 * younger than it was: all that it has counts. A pool that was not there before counts only if it is
 * younger than that: what it had before is not known.
 */
export function increaseOf(now: Reading, then: Reading): Increase {
  const millis = now.at - then.at;
  const added = now.parts.flatMap((part) => {
    const before = then.parts.find(({ id }) => id === part.id);
    const isNew = before === undefined || (part.uptimeMs ?? 0) < (before.uptimeMs ?? 0);
    if (!isNew) return [addedTo(part, before)];
    return before !== undefined || (part.uptimeMs ?? Infinity) <= millis ? [part] : [];
  });
  return {
    millis,
    samples: added.flatMap(({ samples }) => samples),
    slowest: slowestOf({ ...now, parts: added }, now),
  };
}

/** Texts of all pools, the same ones summed; `undefined`: nobody tells any. */
export function slowestOf(
  { parts }: Pick<Reading, "parts">,
  tellers: Pick<Reading, "parts"> = { parts },
): readonly SlowText[] | undefined {
  if (tellers.parts.every(({ slowest }) => slowest === undefined)) return undefined;
  const rows = new Map<string, SlowText>();
  for (const row of parts.flatMap(({ slowest = [] }) => slowest)) {
    const key = keyOfText(row);
    const known = rows.get(key);
    rows.set(key, known === undefined ? row : summed(known, row));
  }
  return [...rows.values()].filter(({ count }) => count > 0).sort((a, b) => b.totalMs - a.totalMs);
}

function summed(a: SlowText, b: SlowText): SlowText {
  return {
    ...a,
    count: a.count + b.count,
    totalMs: a.totalMs + b.totalMs,
    maxMs: Math.max(a.maxMs, b.maxMs),
  };
}

function addedTo(part: Part, before: Part): Part {
  const had = new Map(before.samples.map((sample) => [keyOfSample(sample), sample.value]));
  const samples = part.samples.map((sample) => {
    const added = sample.value - (had.get(keyOfSample(sample)) ?? 0);
    return { ...sample, value: added < 0 ? sample.value : added };
  });
  const slowest = addedTexts(part, before);
  return { ...part, samples, ...(slowest === undefined ? {} : { slowest }) };
}

/**
 * A text that was not there before has begun since where the pool told all that there were. Where it
 * told the slowest only, nobody knows what is new of it: it is left out until it was told twice.
 */
function addedTexts({ slowest }: Part, before: Part): Part["slowest"] {
  const had = new Map<number | string, Pick<SlowText, "count" | "totalMs">>();
  for (const row of before.slowest ?? []) had.set(keyOfRow(row), row);
  for (const [id, count, totalMs] of before.others ?? []) had.set(id, { count, totalMs });
  return slowest?.flatMap((row) => {
    const old = had.get(keyOfRow(row));
    if (old === undefined) return before.others === undefined ? [] : [row];
    // One that was forgotten and has come again has begun anew.
    if (old.count > row.count) return [row];
    return [{ ...row, count: row.count - old.count, totalMs: row.totalMs - old.totalMs }];
  });
}

function keyOfSample({ name, labels }: Sample): string {
  return JSON.stringify([name, ...Object.entries(labels).sort()]);
}

function keyOfText({ text, role, reason }: SlowText): string {
  return `${role} ${reason} ${text}`;
}

function keyOfRow(row: SlowText): number | string {
  return row.id ?? keyOfText(row);
}

/** How many of something there were in a second. */
export function perSecond(count: number, millis: number): number {
  return millis > 0 ? (1000 * count) / millis : 0;
}
