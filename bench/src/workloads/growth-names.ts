import type { KindOfText } from "./distinct-texts.ts";
import type { WayToRead } from "./growing-accesses.ts";

// What is measured, what is counted and what the tables look up have the same names.

/** As in "10,000 literal texts". */
export const overTexts = (kind: KindOfText, count: number): string =>
  `${count.toLocaleString("en")} ${kind}`;

/** As in "10,000 literal texts: pointsman". */
export const overTextsBy = (way: WayToRead, kind: KindOfText, count: number): string =>
  `${overTexts(kind, count)}: ${way}`;

export const byCallers = "callers at once";

export const byReaders = (count: number): string =>
  `${count} ${count === 1 ? "reader" : "readers"}`;

/** The contender whose memory is looked at. */
export const holdingTextsBy = (way: WayToRead, kind: KindOfText): string =>
  `memory of ${kind}: ${way}`;

export const holdingCallersBy = (way: WayToRead): string => `memory of callers: ${way}`;

/** What was counted, in MB. */
export const heldByTexts = (way: WayToRead, kind: KindOfText, count: number): string =>
  `memory of ${overTexts(kind, count)}: ${way}, MB`;

export const heldByCallers = (way: WayToRead, count: number): string =>
  `memory of ${count.toLocaleString("en")} callers: ${way}, MB`;

export const keptAfterCallers = (way: WayToRead, count: number): string =>
  `memory after ${count.toLocaleString("en")} callers: ${way}, MB`;
