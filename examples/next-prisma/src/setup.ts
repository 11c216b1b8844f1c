import { disconnect, pool } from "@/lib/database.ts";
import { migrate } from "@/lib/migrations.ts";
import { seed } from "@/seed.ts";

// `npm run setup`: brings the database that DATABASE_URL names up to date.
try {
  const migrations = await migrate(pool);
  await seed();
  console.log(migrations.length > 0 ? `Migrated: ${migrations.join(", ")}` : "Nothing to migrate.");
} finally {
  await disconnect();
}
