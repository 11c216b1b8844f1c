import { setUp } from "./set-up.ts";

// `npm run setup`: brings the database that DATABASE_URL names up to date.
const migrations = await setUp();
console.log(migrations.length > 0 ? `Migrated: ${migrations.join(", ")}` : "Nothing to migrate.");
