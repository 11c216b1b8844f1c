import { ConfigError } from "./errors.ts";
import { isolationLevels } from "./statements/isolation-levels.ts";
import type { IsolationLevel } from "./statements/types.ts";

/** How a transaction is opened, and what happens when it fails. */
export interface TransactionOptions {
  /** Default: the database's own, usually `"read committed"`. */
  isolationLevel?: IsolationLevel | undefined;
  /** Declares that the transaction only reads: it then runs on a reader. Default: `false`. */
  readOnly?: boolean | undefined;
  /** For `serializable` and read-only: wait for a snapshot that cannot fail. Default: `false`. */
  deferrable?: boolean | undefined;
  /**
   * Settings that hold for this transaction alone, as `SET LOCAL` would make them: by name, such as
   * `{ "app.tenant": "north", statement_timeout: 5000 }`. They are set behind BEGIN, in a round trip
   * of their own, and gone with the transaction, so nobody else on the connection has them. Default:
   * none. Nested in another transaction they are refused, since they would hold on behind it.
   */
  set?: Readonly<Record<string, string | number | boolean>> | undefined;
  /**
   * How often the whole callback is run again after a serialisation failure (40001), a deadlock
   * (40P01), or when its connection was lost before COMMIT (`TRANSACTION_LOST`) or had led to a
   * server that is no longer the writer (25006). Default: 0, since only the caller knows whether the
   * callback does anything besides its statements, such as sending mail.
   */
  retries?: number | undefined;
}

/** What is sent before the first statement of a transaction. */
export interface Opening {
  readonly begin: string;
  /** What sets the transaction's own settings, if it has any. */
  readonly settings: { readonly text: string; readonly values: string[] } | undefined;
}

const optionNames: readonly (keyof TransactionOptions)[] = [
  "isolationLevel",
  "readOnly",
  "deferrable",
  "set",
  "retries",
];

/** @throws ConfigError for the first mistake in the options */
export function openingOf(options: TransactionOptions): Opening {
  checkOptions(options);
  return { begin: beginText(options), settings: settingsQuery(options.set) };
}

function beginText(options: TransactionOptions): string {
  const { isolationLevel, readOnly, deferrable } = options;
  let text = "BEGIN";
  if (isolationLevel !== undefined) text += ` ISOLATION LEVEL ${isolationLevel.toUpperCase()}`;
  if (readOnly === true) text += " READ ONLY";
  if (deferrable === true) text += " DEFERRABLE";
  return text;
}

/** One query for all settings; `set_config(…, true)` is what `SET LOCAL` is for values. */
function settingsQuery(set: TransactionOptions["set"] = {}): Opening["settings"] {
  const settings = Object.entries(set);
  if (settings.length === 0) return undefined;
  const calls = settings.map(
    (_, at) => `pg_catalog.set_config($${2 * at + 1}, $${2 * at + 2}, true)`,
  );
  return {
    text: `select ${calls.join(", ")}`,
    values: settings.flatMap(([name, value]) => [name, String(value)]),
  };
}

/** @throws ConfigError for the first mistake */
function checkOptions(options: TransactionOptions): void {
  const must: Must = (name, wanted, value) =>
    new ConfigError(name, `${name} must be ${wanted}; got ${JSON.stringify(value)}.`);
  if (typeof options !== "object" || options === null) {
    throw must("options", "an object such as { readOnly: true }", options);
  }
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    throw new ConfigError(
      name,
      `There is no option ${name} of a transaction. Known are: ${optionNames.join(", ")}.`,
    );
  }
  const { isolationLevel, readOnly, deferrable, set, retries } = options;
  if (isolationLevel !== undefined && !isolationLevels.includes(isolationLevel)) {
    throw must("isolationLevel", `one of ${isolationLevels.join(", ")}`, isolationLevel);
  }
  for (const [name, value] of Object.entries({ readOnly, deferrable })) {
    if (value !== undefined && typeof value !== "boolean") throw must(name, "true or false", value);
  }
  if (set !== undefined) checkSettings(set, must);
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    throw must("retries", "a whole number of 0 or more", retries);
  }
}

/** How the transaction itself is opened has options of its own. */
const ownOptions: Readonly<Record<string, keyof TransactionOptions>> = {
  transaction_isolation: "isolationLevel",
  transaction_read_only: "readOnly",
  transaction_deferrable: "deferrable",
};

type Must = (name: string, wanted: string, value: unknown) => ConfigError;

/** A value that is missing would leave the setting as it was: another tenant's, or nobody's. */
function checkSettings(set: unknown, must: Must): void {
  if (typeof set !== "object" || set === null || Array.isArray(set)) {
    throw must("set", 'an object such as { "app.tenant": "north" }', set);
  }
  for (const [name, value] of Object.entries(set)) {
    const option = ownOptions[name.toLowerCase()];
    if (option !== undefined) {
      throw new ConfigError("set", `The option ${option} says ${name}: leave it out of set.`);
    }
    const fits = ["string", "number", "boolean"].includes(typeof value);
    if (!fits) throw must(`set["${name}"]`, "a string, a number, true or false", value);
  }
}
