import type { Queue } from "bullmq";
import type { Pool } from "pointsman";
import { type WithToken, withToken } from "pointsman/jobs";

/** What the worker is told of an order: where it is, and up to where the database must be seen. */
export type ConfirmJob = WithToken<{ readonly orderId: number }>;

export const queueName = "confirmations";

/** Takes an order, and queues the mail that confirms it. */
export function placeOrder(
  pool: Pool,
  queue: Queue<ConfirmJob>,
  email: string,
  title: string,
): Promise<number> {
  return pool.session(async (session) => {
    const { rows } = await pool.query<{ id: number }>(
      "insert into orders (email, title) values ($1, $2) returning id",
      [email, title],
    );
    const orderId = rows[0]?.id as number;
    // Behind the write, so that the token includes it.
    await queue.add("confirm", withToken({ orderId }, session));
    return orderId;
  });
}
