import { type ConnectionOptions, Worker } from "bullmq";
import type { Pool } from "pointsman";
import { tokenOf } from "pointsman/jobs";
import { type ConfirmJob, queueName } from "./orders.ts";

/** Works off the queue: reads each order on a reader that has it, and writes its mail. */
export function startConfirmations(pool: Pool, connection: ConnectionOptions): Worker<ConfirmJob> {
  return new Worker<ConfirmJob>(
    queueName,
    // A session for each job: what it writes itself slows down no other.
    ({ data }) => pool.session(() => confirm(pool, data.orderId), { after: tokenOf(data) }),
    { connection },
  );
}

async function confirm(pool: Pool, orderId: number): Promise<void> {
  const { rows } = await pool.query<{ email: string; title: string }>(
    "select email, title from orders where id = $1",
    [orderId],
  );
  const [order] = rows;
  if (order === undefined) throw new Error(`There is no order ${orderId}.`);
  // A job may come again: one mail for each order.
  await pool.query(
    "insert into mails (order_id, recipient, body) values ($1, $2, $3) on conflict do nothing",
    [orderId, order.email, `Thank you for ordering “${order.title}”.`],
  );
}
