import { createPool } from "pointsman";
import { createSchema } from "./schema.ts";

// `npm run setup`: makes the tables in the database that DATABASE_URL names.
const pool = createPool();
await createSchema(pool);
await pool.end();
