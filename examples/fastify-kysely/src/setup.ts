import { createPool } from "pointsman";
import { databaseOn } from "./database.ts";
import { migrate } from "./migrate.ts";
import { seed } from "./seed.ts";

// `npm run setup`: makes the tables in the database that DATABASE_URL names, and fills the shelves.
const pool = createPool();
try {
  const db = databaseOn(pool);
  const applied = await migrate(db);
  console.log(applied.length === 0 ? "The tables are up to date." : `Applied ${applied}.`);
  const books = await db.selectFrom("books").select("id").limit(1).execute();
  if (books.length === 0) {
    await seed(db);
    console.log("The shelves are filled.");
  }
} finally {
  await pool.end();
}
