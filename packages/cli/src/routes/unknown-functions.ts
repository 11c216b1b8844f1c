import { routeOf } from "./route.ts";
import type { Routed } from "./table.ts";

/** A function that keeps statements from readers, since nobody knows what it does. */
export interface UnknownFunction {
  /** As the statements spell it. */
  readonly name: string;
  /** How many statements call it, and how often they are called; a statement of a file counts once. */
  readonly statements: number;
  readonly calls: number;
}

/** Those that the statements of the writer call, by what saying what they do would bring. */
export function unknownFunctions(
  rows: readonly (Routed & { readonly calls?: number })[],
): UnknownFunction[] {
  const found = new Map<string, UnknownFunction>();
  for (const { answer, calls = 1 } of rows) {
    if (answer === undefined || "refused" in answer) continue;
    if (routeOf(answer).reason !== "unknown-function") continue;
    for (const { schema, name, knowledge } of answer.functions) {
      if (knowledge !== "unknown") continue;
      const full = schema === undefined ? name : `${schema}.${name}`;
      const before = found.get(full) ?? { name: full, statements: 0, calls: 0 };
      found.set(full, {
        name: full,
        statements: before.statements + 1,
        calls: before.calls + calls,
      });
    }
  }
  return [...found.values()].sort((a, b) => b.calls - a.calls || (a.name < b.name ? -1 : 1));
}

const most = 5;

/** What to tell the router of them; `undefined`: there are none. */
export function adviceOn(unknown: readonly UnknownFunction[]): string | undefined {
  if (unknown.length === 0) return undefined;
  const rules = unknown.slice(0, most).map(({ name }) => `${JSON.stringify(name)}: "read"`);
  const rest = unknown.length > most ? `, … and ${unknown.length - most} more` : "";
  return `Nobody knows what some functions do, and statements that call them go to the writer. Say so of those that only read: functions: { ${rules.join(", ")}${rest} }.`;
}
