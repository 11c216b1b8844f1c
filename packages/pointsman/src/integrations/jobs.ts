import type { Session } from "./session-host.ts";

export type { Session } from "./session-host.ts";

/** The field of a payload that holds the token. */
const field = "pointsmanToken";

/** A payload that may carry a token. */
export type WithToken<Payload extends object> = Payload & { readonly [field]?: string };

/**
 * Writes the token of a session into the payload of a job, so that the worker sees what was written
 * before the job was queued. Call it behind the writes that the job needs: it takes what the session
 * has seen so far.
 *
 * @param payload - an object that the queue can store as JSON; it is not changed
 * @param session - `undefined`, or a session that has seen nothing, adds nothing
 * @returns a copy of the payload, with the token in its field `pointsmanToken`
 *
 * @example
 * ```ts
 * import { tokenOf, withToken } from "pointsman/jobs";
 *
 * const payload = await pool.session(async (session) => {
 *   const { rows } = await pool.query("insert into orders (customer) values (7) returning id");
 *   return withToken({ orderId: rows[0].id as number }, session);
 * });
 *
 * // in the worker
 * const { rows } = await pool.session(
 *   () => pool.query("select customer from orders where id = $1", [payload.orderId]),
 *   { after: tokenOf(payload) },
 * );
 * console.log(rows.length); // 1
 * ```
 */
export function withToken<Payload extends object>(
  payload: Payload,
  session: Pick<Session, "token"> | undefined,
): WithToken<Payload> {
  const token = session?.token;
  return token === undefined ? payload : { ...payload, [field]: token };
}

/**
 * The token that {@link withToken} has written into the payload of a job, for
 * `pool.session(work, { after })`.
 *
 * @param payload - whatever the queue has handed over
 * @returns `undefined` where there is none
 *
 * @example
 * ```ts
 * import { tokenOf } from "pointsman/jobs";
 *
 * console.log(tokenOf({ orderId: 7 })); // undefined
 * ```
 */
export function tokenOf(payload: unknown): string | undefined {
  if (typeof payload !== "object" || payload === null) return undefined;
  const token = (payload as { readonly [field]?: unknown })[field];
  return typeof token === "string" ? token : undefined;
}
