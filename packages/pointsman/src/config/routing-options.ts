import { ConfigError } from "../errors.ts";
import { type RoutingMode, routingModes } from "../routing/mode.ts";
import type { Target } from "../routing/route.ts";
import { readTableRule, type TableRule } from "../routing/table-rules.ts";
import { kindOf } from "./kind-of.ts";
import { suggest } from "./suggest.ts";

/** @throws ConfigError for a mode that there is not */
export function checkMode(name: string, value: unknown): void {
  if (routingModes.includes(value as RoutingMode)) return;
  const meant = typeof value === "string" ? suggest(value, routingModes) : undefined;
  throw new ConfigError(
    name,
    `${name} must be one of ${routingModes.join(", ")}; got ${shown(value)}.${
      meant === undefined ? "" : ` Did you mean ${meant}?`
    }`,
  );
}

/** @throws ConfigError for the first rule that is none */
export function checkTables(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(
      name,
      `${name} must be an object such as { sessions: "writer", "audit.*": "writer" }; got ${kindOf(value)}.`,
    );
  }
  for (const [table, target] of Object.entries(value)) {
    if (target !== undefined && target !== "writer" && target !== "reader") {
      throw new ConfigError(
        `${name}.${table}`,
        `${name}[${JSON.stringify(table)}] must be "reader" or "writer"; got ${shown(target)}.`,
      );
    }
    checkTableName(`${name}.${table}`, name, table);
  }
}

/** @throws ConfigError for the first name that is none */
export function checkTableNames(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new ConfigError(
      name,
      `${name} must be a list of tables such as ["renditions", "audit.events"]; got ${kindOf(value)}.`,
    );
  }
  for (const [index, table] of value.entries()) {
    if (typeof table !== "string") {
      throw new ConfigError(
        `${name}[${index}]`,
        `${name}[${index}] must be the name of a table; got ${kindOf(table)}.`,
      );
    }
    checkTableName(`${name}[${index}]`, name, table);
  }
}

function checkTableName(option: string, name: string, table: string): void {
  if (readTableRule(table, "writer") !== undefined) return;
  throw new ConfigError(
    option,
    `${JSON.stringify(table)} in ${name} names no table. Write table, schema.table or schema.*, with * for any characters, and "…" around what has a dot, a space or a star in it.`,
  );
}

/** The rules of the option `tables`, which was checked. */
export function readTables(tables: Readonly<Record<string, Target>>): readonly TableRule[] {
  return Object.freeze(
    Object.entries(tables).flatMap(([table, target]) => {
      const rule = target === undefined ? undefined : readTableRule(table, target);
      return rule === undefined ? [] : [rule];
    }),
  );
}

/** The names of a list of tables, which was checked. */
export function readTableNames(names: readonly string[]): readonly TableRule[] {
  return Object.freeze(names.map((name) => readTableRule(name, "writer") as TableRule));
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : kindOf(value);
}
