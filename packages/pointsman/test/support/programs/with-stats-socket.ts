// Has a stats socket, as the user that is asked for, and ends in the way that it was asked to.
import { createConnection } from "node:net";
import { text } from "node:stream/consumers";
import { poolOfArguments } from "./pool-of.ts";

const user = process.env["AS_USER"];
if (user !== undefined) process.setuid?.(Number(user));
const pool = await poolOfArguments({ allowExitOnIdle: true, idleTimeoutMillis: 60_000 });
await pool.query("select 1");
const end = process.argv[5];
if (end === "answered") {
  const file = `${process.env["DATABASE_STATS_SOCKET"]}/pointsman-${process.pid}-1.sock`;
  const { pid } = JSON.parse(await text(createConnection(file)));
  process.stdout.write(`told by ${pid === process.pid ? "itself" : pid}`);
}
if (end === "exit") process.exit(0);
if (end === "killed") process.kill(process.pid, "SIGKILL");
