import type { RelationName } from "../statements/types.ts";

/**
 * The schemas that a table may be in that is named without one. Not empty.
 *
 * @param searchPath - where such names are looked for, in this order; `undefined`: not known yet
 * @param besides - schemas that count as well while it is not known
 */
export function schemasOf(
  { schema, name }: RelationName,
  searchPath: readonly string[] | undefined,
  besides: () => readonly string[],
): readonly string[] {
  if (schema !== undefined) return [schema];
  if (searchPath === undefined) return ["public", ...besides()];
  // All names in pg_catalog begin like this, and it is in every path.
  const searched = searchPath.filter((one) => one !== "pg_catalog" || name.startsWith("pg_"));
  return searched.length === 0 ? [""] : searched;
}
