import { createPool } from "pointsman";
import { databaseOn, migrate } from "./database.ts";
import { seed } from "./seed.ts";

// `npm run setup`: makes the tables in the database that DATABASE_URL names, and fills the shelves.
const pool = createPool();
try {
  await migrate(pool);
  console.log("The tables are up to date.");
  if (await seed(databaseOn(pool))) console.log("The shelves are filled.");
} finally {
  await pool.end();
}
