import type { Target } from "./route.ts";
import { type RuleName, readRuleName } from "./rule-name.ts";

/** Where reads of some tables go. */
export interface TableRule {
  /** The name, as it was given. */
  readonly written: string;
  readonly name: RuleName;
  readonly target: Target;
}

/** @returns `undefined` when the name is none */
export function readTableRule(written: string, target: Target): TableRule | undefined {
  const name = readRuleName(written);
  return name === undefined ? undefined : Object.freeze({ written, name, target });
}

/** The one of several rules that decides for a table whose schema is known. */
export function ruleFor(
  rules: readonly TableRule[],
  schema: string,
  table: string,
): TableRule | undefined {
  const fitting = rules.filter(({ name }) => matches(name, schema, table));
  const narrowest = fitting.filter(
    ({ name }) => !fitting.some((other) => isNarrower(other.name, name)),
  );
  return strictest(narrowest);
}

/** The rule for the writer, if there is one. */
export function strictest(rules: readonly TableRule[]): TableRule | undefined {
  return rules.find(({ target }) => target === "writer") ?? rules[0];
}

/** The schemas of the rules that a table without a schema might be meant by. */
export function schemasNamedFor(rules: readonly TableRule[], table: string): string[] {
  return rules
    .filter(({ name }) => !name.table.isAnything && name.table.matches(table))
    .flatMap(({ name }) => name.schema.texts);
}

export function matches({ schema, table }: RuleName, inSchema: string, name: string): boolean {
  return table.matches(name) && schema.matches(inSchema);
}

/** Whether a name says more than another: it matches a part of what that matches. */
function isNarrower(one: RuleName, than: RuleName): boolean {
  return covers(than, one) && !covers(one, than);
}

function covers(one: RuleName, other: RuleName): boolean {
  return one.schema.covers(other.schema) && one.table.covers(other.table);
}
