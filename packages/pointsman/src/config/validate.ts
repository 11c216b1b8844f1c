import { checkConsistency, checkDuration } from "../consistency/read-freshness.ts";
import { ConfigError } from "../errors.ts";
import { commentOf, type SqlTags } from "../statements/sql-comment.ts";
import { readLogger } from "../telemetry/logger.ts";
import { checkFunctions } from "./function-options.ts";
import { kindOf } from "./kind-of.ts";
import { type OptionKind, optionTable, sideOptions } from "./options.ts";
import { checkMode, checkTableNames, checkTables } from "./routing-options.ts";
import { suggest } from "./suggest.ts";

/** Options of other routers and of earlier habits, with what to use here. */
const elsewhere: Readonly<Record<string, string>> = {
  replicas: "readers",
  replica: "reader",
  slaves: "readers",
  slave: "reader",
  master: "writer",
  primary: "writer",
  read: "reader",
  write: "writer",
  url: "writer",
};

/**
 * Checks names and values of options.
 *
 * @throws ConfigError for the first mistake found
 */
export function validateOptions(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    const row = Object.hasOwn(optionTable, name) ? optionTable[name] : undefined;
    if (row === undefined) throw unknownOption(name, Object.keys(optionTable), "");
    if (value !== undefined) checkValue(name, value, row.kind);
  }
}

/** What is wrong with a name that no option has. */
export function unknownOption(name: string, known: readonly string[], prefix: string): ConfigError {
  const meant = prefix === "" ? (elsewhere[name] ?? suggest(name, known)) : suggest(name, known);
  return new ConfigError(
    prefix + name,
    `There is no option ${prefix}${name}. ${
      meant === undefined
        ? `Known are: ${[...known].sort().join(", ")}.`
        : `Did you mean ${prefix}${meant}?`
    }`,
  );
}

function checkValue(name: string, value: unknown, kind: OptionKind): void {
  switch (kind) {
    case "positive integer":
      checkPositiveInteger(name, value);
      return;
    case "non-negative number":
      if (value === null || (typeof value === "number" && value >= 0)) return;
      throw wrong(name, value, "a number of 0 or more");
    case "positive number":
      if (typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY) return;
      throw wrong(name, value, "a number above 0");
    case "fallback":
      if (value !== "writer" && value !== "error") throw wrong(name, value, '"writer" or "error"');
      return;
    case "boolean":
      if (typeof value !== "boolean") throw wrong(name, value, "true or false");
      return;
    case "text":
      if (typeof value !== "string") throw wrong(name, value, "a string", true);
      return;
    case "function":
      if (typeof value !== "function") throw wrong(name, value, "a function");
      return;
    case "port":
      checkPort(name, value);
      return;
    case "tls":
      if (typeof value === "boolean" || (typeof value === "object" && value !== null)) return;
      if (value === "true" || value === "no-verify") return;
      throw wrong(name, value, "true, false or an object of options of tls.connect");
    case "timeout":
      if (value === false || (typeof value === "number" && value >= 0)) return;
      throw wrong(name, value, "a number of 0 or more, or false");
    case "stream":
      if (typeof value === "function" || (typeof value === "object" && value !== null)) return;
      throw wrong(name, value, "a function that makes a socket");
    case "side name":
      if (value !== "reader" && value !== "writer")
        throw wrong(name, value, '"reader" or "writer"');
      return;
    case "mode":
      checkMode(name, value);
      return;
    case "tables":
      checkTables(name, value);
      return;
    case "table names":
      checkTableNames(name, value);
      return;
    case "logger":
      readLogger(value);
      return;
    case "tags":
      checkTags(name, value);
      return;
    case "lanes":
      checkLimits(name, value, ["max", "depth", "after"]);
      return;
    case "prepare":
      checkLimits(name, value, ["max", "after"]);
      return;
    case "catalog":
      checkLimits(name, value, ["refreshMillis"]);
      return;
    case "functions":
      checkFunctions(name, value);
      return;
    case "side":
      checkGroup(name, value, sideOptions);
      return;
    case "cache":
      checkGroup(name, value, ["maxEntries", "maxBytes"]);
      return;
    case "consistency":
      checkConsistency(value);
      return;
    case "duration":
      checkDuration(name, value);
      return;
    case "names":
      if (Array.isArray(value) && value.every((one) => typeof one === "string" && one !== "")) {
        return;
      }
      throw wrong(name, value, 'a list of names such as ["access_log", "audit.events"]');
    case "freshness":
      checkFreshness(name, value);
      return;
    case "endpoints":
      if (!Array.isArray(value) || value.length === 0) {
        throw new ConfigError(
          name,
          `${name} must be a list of at least one endpoint; got ${kindOf(value)}. Leave it out to work with the writer alone.`,
        );
      }
      return;
    case "endpoint":
    case "auth":
    case "topology":
    case "anything":
      return;
  }
}

/** Checks the values of one endpoint's fields, whose names are known. */
export function checkEndpoint(option: string, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    const kind = name === "weight" ? "positive number" : optionTable[name]?.kind;
    if (kind !== undefined && value !== undefined) checkValue(`${option}.${name}`, value, kind);
  }
}

/** Checks a port; `value` is a string when it comes from the environment or a URL. */
export function checkPort(name: string, value: unknown): void {
  const port = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw wrong(name, value, "a port, from 0 to 65535");
}

/** Checks the sizes of one side's pool against each other. */
export function checkSizes(
  side: string,
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
): void {
  if (min === undefined || min <= (max ?? 10)) return;
  throw new ConfigError(
    `${side}.min`,
    `min must not be above max, which is ${max ?? 10} for the ${side}; got ${min}.`,
  );
}

function checkGroup(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, value, `an object with ${known.join(", ")}`);
  }
  for (const [key, inner] of Object.entries(value)) {
    if (!known.includes(key)) throw unknownOption(key, known, `${name}.`);
    if (inner === undefined) continue;
    checkValue(`${name}.${key}`, inner, optionTable[key]?.kind ?? "positive integer");
  }
}

/** A switch, or an object of limits; what `after` counts may be none. */
function checkLimits(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value === "boolean") return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, value, `true, false or an object with ${known.join(", ")}`);
  }
  const { after, ...limits } = value as { readonly after?: unknown };
  checkGroup(name, limits, known);
  if (after !== undefined && !(Number.isInteger(after) && (after as number) >= 0)) {
    throw wrong(`${name}.after`, after, "a whole number of 0 or more");
  }
}

function checkTags(name: string, value: unknown): void {
  if (typeof value === "function") return;
  try {
    commentOf(value as SqlTags);
  } catch (error) {
    throw new ConfigError(
      name,
      `${name} must be an object of tags such as { application: "shop" }, or a function that returns one: ${(error as Error).message}.`,
    );
  }
}

function checkFreshness(name: string, value: unknown): void {
  const known = ["wait", "positions", "window", "secret"];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(name, value, `an object with ${known.join(", ")}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw unknownOption(key, known, `${name}.`);
  }
  const { wait, positions, window, secret } = value as Record<string, unknown>;
  for (const [key, millis] of Object.entries({ wait, window })) {
    if (millis !== undefined) checkValue(`${name}.${key}`, millis, "non-negative number");
  }
  const sources = ["auto", "wal", "transaction-id", "time-window"];
  if (positions !== undefined && !sources.includes(positions as string)) {
    throw wrong(`${name}.positions`, positions, `one of ${sources.join(", ")}`);
  }
  if (secret === undefined) return;
  const secrets = [secret].flat();
  if (secrets.length === 0 || secrets.some((one) => typeof one !== "string" || one.length < 16)) {
    throw wrong(`${name}.secret`, {}, "a text of 16 characters or more, or a list of such");
  }
}

/** Checks a size; `value` may be a string when it comes from the environment. */
export function checkPositiveInteger(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) {
    throw wrong(name, value, "a whole number of 1 or more");
  }
}

/** What is wrong with the value of an option. A value that may be a secret is not shown. */
export function wrong(name: string, value: unknown, expected: string, secret = false): ConfigError {
  const shown =
    secret || typeof value === "object" || typeof value === "function"
      ? kindOf(value)
      : typeof value === "string"
        ? JSON.stringify(value)
        : String(value);
  return new ConfigError(name, `${name} must be ${expected}; got ${shown}.`);
}
