import { PrismaPg } from "@prisma/adapter-pg";
import { createPool } from "pointsman";
import { PrismaClient } from "@/generated/prisma/client.ts";

function connect() {
  // DATABASE_URL and DATABASE_READER_URL say where the servers are. Prisma does not know how many
  // there are: its adapter takes the pool for the pg.Pool that it is.
  const pool = createPool();
  pool.on("error", (error) => console.error("A database connection was lost:", error.message));
  return { pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool) }) };
}

// `next dev` loads modules anew with every change, and connections must outlive that.
const kept = globalThis as { shopDatabase?: ReturnType<typeof connect> };
kept.shopDatabase ??= connect();

/**
 * Ask `prisma` for one row by `findFirst()`. The calls of `findUnique()` that come together are made
 * one statement by Prisma, whichever requests they belong to, and that runs in the session of one of
 * them: it need not show what the others have written.
 */
export const { pool, prisma } = kept.shopDatabase;

/** Once nothing is under way. A pool that Prisma was given is not Prisma's to end. */
export async function disconnect(): Promise<void> {
  await prisma.$disconnect();
  await pool.end();
}
