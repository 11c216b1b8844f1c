import type { OtherText, Part, Sample, SlowText } from "./reading.ts";

/** The form that is known here. */
const knownVersion = 1;

/** Why what a socket tells cannot be read. */
export class SnapshotError extends Error {
  /** What to do, in a sentence; absent: something else listens there. */
  readonly remedy: string | undefined;

  constructor(problem: string, remedy?: string) {
    super(problem);
    this.remedy = remedy;
  }
}

/**
 * Reads what a pool tells on its socket.
 *
 * @throws SnapshotError for anything else
 */
export function readSnapshot(id: string, text: string): Part {
  const told = parsed(text);
  const { version, pid, pool, uptimeMs, samples, slowest, others } = told as Record<
    string,
    unknown
  >;
  if (typeof version === "number" && version !== knownVersion) {
    throw new SnapshotError(
      `its numbers are in form ${version}, not ${knownVersion}`,
      "Use the version of pointsman that the application has.",
    );
  }
  const isWhole =
    version === knownVersion &&
    typeof pid === "number" &&
    typeof pool === "string" &&
    typeof uptimeMs === "number" &&
    Array.isArray(samples) &&
    samples.every(isSample) &&
    Array.isArray(slowest) &&
    slowest.every(isSlowText) &&
    areOthers(others);
  if (!isWhole) throw new SnapshotError(noPool);
  return {
    id,
    pid,
    pool,
    uptimeMs,
    samples,
    slowest,
    ...(others === undefined ? {} : { others }),
  };
}

const noPool = "what answers there is no pool of Pointsman";

function parsed(text: string): object {
  try {
    const told: unknown = JSON.parse(text);
    if (typeof told === "object" && told !== null) return told;
  } catch {
    // Said below.
  }
  throw new SnapshotError(noPool);
}

function isSample(value: unknown): value is Sample {
  const { name, labels, value: number } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof number === "number" &&
    typeof labels === "object" &&
    labels !== null &&
    Object.values(labels).every((label) => typeof label === "string")
  );
}

function isSlowText(value: unknown): value is SlowText {
  const row = (value ?? {}) as Record<string, unknown>;
  return (
    ["text", "role", "reason"].every((key) => typeof row[key] === "string") &&
    ["count", "maxMs", "totalMs"].every((key) => typeof row[key] === "number") &&
    ["number", "undefined"].includes(typeof row["id"])
  );
}

/** A pool of an earlier version does not tell of them. */
function areOthers(value: unknown): value is readonly OtherText[] | undefined {
  if (value === undefined) return true;
  return Array.isArray(value) && value.every(isOtherText);
}

function isOtherText(value: unknown): value is OtherText {
  return Array.isArray(value) && value.length >= 3 && value.every((one) => typeof one === "number");
}
