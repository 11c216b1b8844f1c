import { derive, isSubmittable, type QueryInput } from "./query-input.ts";
import { mirrorMark } from "./refusal.ts";

/**
 * Stands in for a statement that a standby would refuse: the server itself raises the error, in the
 * statement's own turn, so that an open transaction is aborted by it as on a standby.
 */
export function mirrorStatement(query: QueryInput, refusal: string): QueryInput {
  const text = `DO $pointsman$ BEGIN RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = '${refusal.replaceAll("'", "''")}', HINT = 'This connection mirrors a reader: a real one would refuse this too. Send it through the pool itself, or to pool.writer.', SCHEMA = '${mirrorMark.schema}', CONSTRAINT = '${mirrorMark.constraint}'; END $pointsman$`;
  return withText(query, text);
}

/** A query with another text in place of its own, and no values. */
export function withText(query: QueryInput, text: string): QueryInput {
  if (typeof query === "string") return text;
  if (!isSubmittable(query)) return derive(query, { text, values: undefined, name: undefined });
  const holder = query as unknown as { text?: string; values?: unknown; cursor?: typeof query };
  const carrier = (holder.cursor ?? holder) as unknown as { text?: string; values?: unknown };
  carrier.text = text;
  carrier.values = null;
  return query;
}
