import { type RuleName, readRuleName } from "../routing/rule-name.ts";

/** What a user says of a function. */
export type FunctionEffect = "read" | "write";

/** What a user says of the functions of some name. */
export interface FunctionRule {
  /** The name, as it was given. */
  readonly written: string;
  readonly name: RuleName;
  readonly effect: FunctionEffect;
}

/** @returns `undefined` when the name is none */
export function readFunctionRule(
  written: string,
  effect: FunctionEffect,
): FunctionRule | undefined {
  const name = readRuleName(written);
  return name === undefined ? undefined : Object.freeze({ written, name, effect });
}

/**
 * What is said of a function. Where rules disagree, `write` counts.
 *
 * @param schema - `undefined`: not known, so that rules for any schema count alone
 */
export function ruleForFunction(
  rules: readonly FunctionRule[],
  schema: string | undefined,
  name: string,
): FunctionRule | undefined {
  const fitting = rules.filter((rule) => {
    if (!rule.name.table.matches(name)) return false;
    return schema === undefined ? rule.name.schema.isAnything : rule.name.schema.matches(schema);
  });
  return fitting.find(({ effect }) => effect === "write") ?? fitting[0];
}
