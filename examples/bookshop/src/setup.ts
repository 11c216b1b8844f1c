import { createPool } from "pointsman";
import { createSchema, hasSchema } from "./database.ts";
import { seed } from "./seed.ts";

// `npm run setup`: creates the tables in the database that DATABASE_URL names, and fills them.
// SIZE=0.1 makes a smaller shop.
const { SIZE = "1" } = process.env;
const pool = createPool();
try {
  if (await hasSchema(pool)) {
    console.log("This database has a bookshop in it already.");
  } else {
    await createSchema(pool);
    const size = await seed(pool, {
      size: Number(SIZE),
      onProgress: ({ table, done, total }) => console.log(`${done} of ${total} rows (${table})`),
    });
    console.log(`The shelves are filled: ${size.books} books, ${size.orders} orders.`);
  }
} finally {
  await pool.end();
}
