import { ConfigError } from "../errors.ts";
import type { PoolOptions } from "./options.ts";

/** Options that ask for what only a writer can tell or do. */
const needWriter: readonly (readonly [
  option: keyof PoolOptions,
  isAsked: (options: PoolOptions) => boolean,
])[] = [
  ["maxLag", ({ maxLag }) => maxLag !== undefined],
  ["maxStaleness", ({ maxStaleness }) => maxStaleness !== undefined],
  ["consistency", ({ consistency }) => consistency === "strong"],
  [
    "topology",
    ({ topology = "static" }) =>
      (typeof topology === "string" ? topology : topology.type) !== "static",
  ],
];

/**
 * Checks what a read-only pool cannot do.
 *
 * @throws ConfigError for the first option that it cannot keep
 */
export function checkReadOnly(options: PoolOptions, shadow: boolean): void {
  if (shadow) {
    throw new ConfigError(
      "shadow",
      "shadow sends everything to the writer, and with readOnly there is no connection to it. Leave one of them out.",
    );
  }
  for (const [option, isAsked] of needWriter) {
    if (!isAsked(options)) continue;
    throw new ConfigError(
      option,
      `${option} asks for what the writer alone can tell, and with readOnly there is no connection to it. Leave ${option} out where the pool is read-only.`,
    );
  }
  // What was sent already cannot be held back when a connection is found not to be read-only.
  if ((options as { pipeline?: unknown }).pipeline === true) {
    throw new ConfigError(
      "pipeline",
      "pipeline sends statements before it is known what those before them did, which readOnly must know. Leave one of them out.",
    );
  }
}
