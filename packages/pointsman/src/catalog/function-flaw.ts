import { flawOfBuiltin } from "./body-flaws.ts";
import type { FunctionRow, TreeMark } from "./catalog-rows.ts";
import { doubtOfExtensionFunction } from "./extension-functions.ts";
import { type Flaw, worse } from "./flaw.ts";

/** Settings that change how a function reads, on any server alike; settings of users' own, too. */
const harmlessSetting =
  /^(?:search_path|timezone|datestyle|intervalstyle|work_mem|statement_timeout|lock_timeout|plan_cache_mode|enable_\w+|jit\w*|row_security|client_min_messages|extra_float_digits|lc_\w+|bytea_output|xmloption|constraint_exclusion|random_page_cost|\w+\.\w+)=/i;

/** What a function does by itself, as far as its declaration tells. */
export function flawOfDeclaration(row: FunctionRow): Flaw | undefined {
  const [, , name, kind, volatility, language, extension, , settings, , calls, mark] = row;
  let flaw = flawOfTree(calls, mark);
  const setting = settings?.find((one) => !harmlessSetting.test(one));
  if (setting !== undefined) {
    flaw = worse(flaw, { kind: "unknown", because: `has the clause SET ${setting}` });
  }
  // What aggregates call is known by their dependencies; the rest has its body looked at.
  if (kind === "a" || language === "sql" || language === "plpgsql") return flaw;
  // Of one of PostgreSQL's own functions under another name its declaration is believed as well.
  const isBelieved = language === "internal" && volatility !== "v";
  if (isBelieved) return flaw;
  if (language !== "c" || extension === null) {
    return worse(flaw, { kind: "unknown", because: `is written in ${language}` });
  }
  const because = doubtOfExtensionFunction(extension, name, volatility);
  return because === undefined ? flaw : worse(flaw, { kind: "unknown", because });
}

/** What is stored as a tree does by its commands, and by the builtins that it calls. */
export function flawOfTree(calls: readonly string[] | null, mark: TreeMark): Flaw | undefined {
  let flaw: Flaw | undefined = mark === null ? undefined : marks[mark];
  for (const name of calls ?? []) flaw = worse(flaw, flawOfBuiltin(name));
  return flaw;
}

const marks: Readonly<Record<NonNullable<TreeMark>, Flaw>> = {
  writes: { kind: "writes", because: "changes data" },
  locks: { kind: "writes", because: "locks rows (FOR UPDATE)" },
};
