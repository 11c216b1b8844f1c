import type { Quantile } from "./quantile.ts";

/** What is not known. */
export const unknown = "-";

/** A number of things, or of things in a second: at most five characters. */
export function countText(count: number | undefined): string {
  if (count === undefined) return unknown;
  if (count <= 0) return "0";
  if (count < 0.05) return "<0.1";
  if (count < 9.95) return String(Number(count.toFixed(1)));
  if (count < 9999.5) return String(Math.round(count));
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  return `${Number((count / 1_000_000).toFixed(1))}M`;
}

/** A time in three digits or fewer: at most seven characters. */
export function durationText(millis: number | undefined): string {
  if (millis === undefined) return unknown;
  if (millis < 0.005) return "0 ms";
  if (millis < 0.995) return `${millis.toFixed(2)} ms`;
  if (millis < 9.95) return `${millis.toFixed(1)} ms`;
  if (millis < 999.5) return `${Math.round(millis)} ms`;
  if (millis < 9950) return `${(millis / 1000).toFixed(1)} s`;
  if (millis < 99_500) return `${Math.round(millis / 1000)} s`;
  if (millis < 99.5 * 60_000) return `${Math.round(millis / 60_000)} min`;
  return `${Math.round(millis / 3_600_000)} h`;
}

export function quantileText(quantile: Quantile | undefined): string {
  if (quantile === undefined) return unknown;
  return `${quantile.isMore ? ">" : ""}${durationText(1000 * quantile.seconds)}`;
}

/** A share between 0 and 1: at most five characters. */
export function shareText(share: number): string {
  if (share <= 0) return "0 %";
  if (share < 0.005) return "<1 %";
  return `${Math.round(100 * share)} %`;
}

/** How long something has been there: its two greatest units. */
export function uptimeText(millis: number): string {
  const seconds = Math.floor(Math.max(0, millis) / 1000);
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  const told = units.slice(first, first + 2).filter(([count], at) => at === 0 || count > 0);
  return told.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A share between 0 and 1 as a bar of so many columns. What is more than nothing is seen. */
export function bar(share: number, width: number): string {
  const parts = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const drawn = share > 0 ? Math.max(1, parts) : 0;
  return "█".repeat(Math.floor(drawn / 8)) + (eighths[drawn % 8] ?? "");
}
