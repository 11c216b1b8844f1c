// Has a stats socket, and ends in the way that it was asked to.
import { poolOfArguments } from "./pool-of.ts";

const pool = await poolOfArguments({ allowExitOnIdle: true, idleTimeoutMillis: 60_000 });
await pool.query("select 1");
const end = process.argv[5];
if (end === "exit") process.exit(0);
if (end === "killed") process.kill(process.pid, "SIGKILL");
