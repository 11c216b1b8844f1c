import { createPool } from "pointsman";
import { createSchema } from "./schema.ts";

const pool = createPool();
await createSchema(pool);
await pool.end();
