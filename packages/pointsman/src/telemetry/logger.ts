import { ConfigError } from "../errors.ts";

/** How much a line matters. */
export type LogLevel = "error" | "warn" | "info" | "debug";

/** What a line tells for programs: docs/observability.md has the fields of each. */
export type LogDetails = Readonly<Record<string, unknown>>;

/** A logger that is a function. */
export type LogFunction = (level: LogLevel, message: string, details: LogDetails) => void;

/**
 * A logger as applications have them: pino (and so Fastify's `app.log`), bunyan, winston, `console`,
 * and what is shaped like one of them. It needs `error`, and `info` or `log`; a level that it does
 * not have is written as the next lower one: `error` as `warn`, `warn` as `warning` or `info`. Lines
 * of the level `debug` are left out where it has none.
 *
 * pino and bunyan take an object first and then the message, `warn(details, message)`; the others
 * the message first, `warn(message, details)`. pino and its children are known by their method
 * `bindings`, bunyan by `addStream`. For any other logger that wants the object first, give a
 * function.
 *
 * @example
 * ```ts
 * import { pino } from "pino";
 * import { createPool, type Logger } from "pointsman";
 *
 * const logger: Logger = pino();
 * const pool = createPool({ logger, slowQuery: "500ms" });
 * ```
 */
export interface Logger {
  error(...args: never[]): unknown;
  warn?(...args: never[]): unknown;
  info?(...args: never[]): unknown;
  log?(...args: never[]): unknown;
  debug?(...args: never[]): unknown;
}

/** How lines are written, and which statements are slow. */
export interface LogSettings {
  readonly write: LogFunction;
  /** From how many milliseconds on. */
  readonly slowMillis: number;
}

/** Under which names a level may be found, the best first. */
const methods: Readonly<Record<LogLevel, readonly string[]>> = {
  error: ["error", "warn", "warning", "info", "log"],
  warn: ["warn", "warning", "info", "log"],
  info: ["info", "log"],
  debug: ["debug"],
};

/**
 * How lines are written with a logger.
 *
 * @throws ConfigError for what is none
 */
export function readLogger(logger: unknown): LogFunction {
  if (isMethods(logger)) return asFunction(logger);
  if (typeof logger === "function") return logger as LogFunction;
  throw new ConfigError(
    "logger",
    "logger must be a logger such as pino's, winston's or console, with the methods error, and info or log; or a function (level, message, details) => void.",
  );
}

type Methods = Readonly<Record<string, unknown>>;

function isMethods(logger: unknown): logger is Methods {
  if (logger === null || (typeof logger !== "object" && typeof logger !== "function")) return false;
  const { error, info, log } = logger as Methods;
  return [error, info ?? log].every((method) => typeof method === "function");
}

function asFunction(logger: Methods): LogFunction {
  const takesObjectFirst = ["bindings", "addStream"].some(
    (name) => typeof logger[name] === "function",
  );
  return (level, message, details) => {
    // Looked up with each line: what is written may be changed while the process runs.
    const name = methods[level].find((one) => typeof logger[one] === "function");
    if (name === undefined) return undefined;
    const args = takesObjectFirst ? [details, message] : [message, details];
    return (logger[name] as (...args: unknown[]) => undefined).apply(logger, args);
  };
}
