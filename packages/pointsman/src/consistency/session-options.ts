import { ConfigError } from "../errors.ts";
import type { FreshnessOptions } from "./read-freshness.ts";

/** What a session may be told when it is opened. */
export interface SessionOptions extends FreshnessOptions {
  /** A token of another session: this one sees at least what that has seen. */
  after?: string | null | undefined;
}

/** @throws ConfigError */
export function checkSessionOptions(options: SessionOptions): SessionOptions {
  for (const name of Object.keys(options)) {
    if (["after", "consistency", "maxStaleness"].includes(name)) continue;
    throw new ConfigError(
      name,
      `There is no option ${name} of a session. Known are: after, consistency, maxStaleness.`,
    );
  }
  return options;
}
