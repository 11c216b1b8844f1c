import type { ClientBase, Pool, PoolClient } from "pg";

/** What `connect` calls back with. */
export interface CalledBack {
  readonly error: Error | undefined;
  readonly client: PoolClient | undefined;
  readonly release: (reason?: Error | boolean) => void;
}

/** Connects by callback. */
export function connectBack(pool: Pool): Promise<CalledBack> {
  return new Promise((resolve) => {
    pool.connect((error, client, release) => resolve({ error, client, release }));
  });
}

/** Puts a checkout on the writer, by something that is no plain read and leaves nothing behind. */
export async function onTheWriter(client: ClientBase): Promise<void> {
  await backendOf(client);
}

/** The process that serves a checkout on the writer. */
export async function backendOf(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid as number;
}
