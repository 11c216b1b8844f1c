import { isSubmittable, type QueryInput } from "../query-input.ts";

/** A query that can be sent otherwise than pg would send it: prepared, or among others. */
export interface QueryPlan {
  readonly text: string;
  /** The name that its caller has given it; absent: none. */
  readonly name: string | undefined;
  readonly values: readonly unknown[] | undefined;
  readonly rowMode: unknown;
  /** Parsers of values that its caller has given it. */
  readonly types: unknown;
}

/** What may be said of a query that is not left to pg, or to the application's own client. */
const understood: ReadonlySet<string> = new Set([
  "text",
  "values",
  "name",
  "rowMode",
  "types",
  "queryMode",
  "query_timeout",
  "signal",
  "target",
  "consistency",
  "maxStaleness",
]);

/** @returns `undefined` for what is left to pg */
export function planOf(query: QueryInput, values: unknown): QueryPlan | undefined {
  if (values !== undefined && values !== null && !Array.isArray(values)) return undefined;
  const given = (values ?? undefined) as readonly unknown[] | undefined;
  if (typeof query === "string") {
    return { text: query, name: undefined, values: given, rowMode: undefined, types: undefined };
  }
  if (query === null || isSubmittable(query)) return undefined;
  const config = query as unknown as Readonly<Record<string, unknown>>;
  for (const key in config) {
    if (!understood.has(key) && config[key] !== undefined) return undefined;
  }
  const { text, name, values: own, rowMode, types } = config;
  if (typeof text !== "string") return undefined;
  if (name !== undefined && name !== null && (typeof name !== "string" || name === "")) {
    return undefined;
  }
  if (own !== undefined && own !== null && !Array.isArray(own)) return undefined;
  const parameters = given ?? ((own ?? undefined) as readonly unknown[] | undefined);
  // "extended" is what an empty list of values would not be.
  if (config["queryMode"] !== undefined && (parameters?.length ?? 0) === 0) return undefined;
  return {
    text,
    name: (name ?? undefined) as string | undefined,
    values: parameters,
    rowMode,
    types,
  };
}

/** What pg is given to send a query by the name of a prepared statement. */
export function asNamed(
  { text, values, rowMode, types }: QueryPlan,
  name: string,
  signal: AbortSignal | undefined,
): QueryInput {
  return { text, values, name, rowMode, types, signal } as unknown as QueryInput;
}
