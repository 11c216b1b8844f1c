import {
  type FunctionEffect,
  type FunctionRule,
  readFunctionRule,
} from "../catalog/function-rules.ts";
import { ConfigError } from "../errors.ts";
import { builtinFunction } from "../statements/builtin-functions.ts";
import { kindOf } from "./kind-of.ts";

/** @throws ConfigError for the first rule that is none */
export function checkFunctions(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(
      name,
      `${name} must be an object such as { "billing.total_for": "read", "audit.*": "write" }; got ${kindOf(value)}.`,
    );
  }
  for (const [written, effect] of Object.entries(value)) {
    const option = `${name}.${written}`;
    if (effect !== undefined && effect !== "read" && effect !== "write") {
      throw new ConfigError(
        option,
        `${name}[${JSON.stringify(written)}] must be "read" or "write"; got ${typeof effect === "string" ? JSON.stringify(effect) : kindOf(effect)}.`,
      );
    }
    if (readFunctionRule(written, "read") === undefined) {
      throw new ConfigError(
        option,
        `${JSON.stringify(written)} in ${name} names no function. Write function, schema.function or schema.*, without parentheses, with * for any characters, and "…" around what has a dot, a space or a star in it.`,
      );
    }
    if (effect === "read" && isUnsafeBuiltin(written)) {
      throw new ConfigError(
        option,
        `${written} is a function of PostgreSQL's own, and known to do more than read. If you mean one of yours, write its schema: "public.${written}".`,
      );
    }
  }
}

function isUnsafeBuiltin(written: string): boolean {
  const knowledge = builtinFunction(undefined, written.replace(/^pg_catalog\./, ""))?.knowledge;
  return knowledge !== undefined && knowledge !== "harmless";
}

/** The rules of the option `functions`, which was checked. */
export function readFunctions(
  functions: Readonly<Record<string, FunctionEffect | undefined>>,
): readonly FunctionRule[] {
  return Object.freeze(
    Object.entries(functions).flatMap(([written, effect]) => {
      const rule = effect === undefined ? undefined : readFunctionRule(written, effect);
      return rule === undefined ? [] : [rule];
    }),
  );
}
