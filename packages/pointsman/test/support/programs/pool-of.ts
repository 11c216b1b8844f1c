import pg, { type PoolConfig } from "pg";

/** A pool of the kind, and on the endpoints, that the program was called with. */
export async function poolOfArguments(options: PoolConfig = {}): Promise<pg.Pool> {
  const [kind, writer = "", reader = ""] = process.argv.slice(2);
  if (kind === "pg.Pool") return new pg.Pool({ ...options, connectionString: writer });
  const { Pool } = await import("pointsman");
  return kind === "with readers"
    ? new Pool({ ...options, writer, reader })
    : new Pool({ ...options, connectionString: writer });
}
