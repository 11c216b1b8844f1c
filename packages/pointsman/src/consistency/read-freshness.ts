import { ConfigError } from "../errors.ts";
import type { FreshnessWish } from "./demand.ts";
import { type Consistency, consistencyLevels, parseDuration } from "./levels.ts";

/** How fresh reads must be, as it may be said of a pool, a scope or a query. */
export interface FreshnessOptions {
  /** Default: that of the scope around, else that of the pool. */
  consistency?: Consistency | undefined;
  /** How old what is read may be: milliseconds, or `"500ms"`, `"5s"`, `"1m"`. Default: not bounded. */
  maxStaleness?: number | string | undefined;
}

/**
 * What a scope or a query asks for; `undefined` when it asks for nothing.
 *
 * @throws ConfigError
 */
export function readFreshness(options: unknown): FreshnessWish | undefined {
  if (typeof options !== "object" || options === null) return undefined;
  const { consistency, maxStaleness } = options as FreshnessOptions;
  if (consistency === undefined && maxStaleness === undefined) return undefined;
  return {
    ...(consistency === undefined ? {} : { consistency: checkConsistency(consistency) }),
    ...(maxStaleness === undefined
      ? {}
      : { maxStaleness: checkDuration("maxStaleness", maxStaleness) }),
  };
}

/** @throws ConfigError */
export function checkConsistency(value: unknown): Consistency {
  if (consistencyLevels.some((level) => level === value)) return value as Consistency;
  throw new ConfigError(
    "consistency",
    `consistency must be one of ${consistencyLevels.join(", ")}; got ${JSON.stringify(value)}.`,
  );
}

/** @throws ConfigError */
export function checkDuration(option: string, value: unknown): number {
  const millis = parseDuration(value);
  if (millis !== undefined) return millis;
  throw new ConfigError(
    option,
    `${option} must be a number of milliseconds above 0, or a text such as "500ms", "5s" or "1m"; got ${JSON.stringify(value)}.`,
  );
}
