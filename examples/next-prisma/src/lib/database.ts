import { PrismaPg } from "@prisma/adapter-pg";
import { createPool } from "pointsman";
import { pointsman } from "pointsman/prisma";
import { PrismaClient } from "@/generated/prisma/client.ts";

function connect() {
  // DATABASE_URL and DATABASE_READER_URL say where the servers are. Prisma does not know how many
  // there are: its adapter takes the pool for the pg.Pool that it is. The extension keeps apart what
  // Prisma would send together for several requests: each has a session of its own.
  const pool = createPool();
  pool.on("error", (error) => console.error("A database connection was lost:", error.message));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(pointsman());
  return { pool, prisma };
}

// `next dev` loads modules anew with every change, and connections must outlive that.
const kept = globalThis as { shopDatabase?: ReturnType<typeof connect> };
kept.shopDatabase ??= connect();

export const { pool, prisma } = kept.shopDatabase;

/** Once nothing is under way. A pool that Prisma was given is not Prisma's to end. */
export async function disconnect(): Promise<void> {
  await prisma.$disconnect();
  await pool.end();
}
