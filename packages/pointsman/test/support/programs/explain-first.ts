// Usage: explain-first.ts URL TEXT. Asks where a text would go, and has nothing else to do.
import { createPool } from "pointsman";

const [writer, text = ""] = process.argv.slice(2) as [string, string?];
const pool = createPool({ writer });
const { target, reason } = await pool.explain(text);
process.stdout.write(`${target} ${reason}\n`);
await pool.end();
