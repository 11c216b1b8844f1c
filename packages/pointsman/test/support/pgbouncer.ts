import { spawn, spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { ended, freePort } from "./own-process.ts";
import { until } from "./waiting.ts";

/** Whether tests can start a PgBouncer; those that cannot are skipped by name. */
export const hasPgBouncer = spawnSync("pgbouncer", ["--version"]).status === 0;

/** What the name of a test that needs a PgBouncer says. */
export const needsPgBouncer = "needs pgbouncer on the PATH";

/** A PgBouncer of the test's own in front of a server, in transaction mode. */
export interface PgBouncer {
  /** The way to the server through it. */
  readonly url: string;
  /** Asks its console, such as `show servers`. */
  ask(command: string): Promise<Record<string, string | number>[]>;
  stop(): Promise<void>;
}

/**
 * Starts a PgBouncer on loopback.
 *
 * @param server - the URL that it connects to
 * @param settings - of PgBouncer, besides those that a test cannot do without
 */
export async function startPgBouncer(
  server: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PgBouncer> {
  const target = new URL(server);
  const [database, user, password] = [
    target.pathname.slice(1),
    decodeURIComponent(target.username),
    decodeURIComponent(target.password),
  ];
  const folder = await mkdtemp(join(tmpdir(), "pointsman-pgbouncer-"));
  // Of root it demands to be somebody else, who has to read this.
  await chmod(folder, 0o755);
  const port = await freePort();
  const users = join(folder, "users.txt");
  const file = join(folder, "pgbouncer.ini");
  await writeFile(users, `"${user}" "${password}"\n`);
  const all = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: users,
    admin_users: user,
    pool_mode: "transaction",
    ...settings,
  };
  await writeFile(
    file,
    [
      "[databases]",
      `${database} = host=${target.hostname} port=${target.port} dbname=${database}`,
      "[pgbouncer]",
      ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
      "",
    ].join("\n"),
  );
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn("pgbouncer", [file], { stdio: ["ignore", "ignore", "pipe"], ...nobody });
  let told = "";
  child.stderr?.on("data", (data) => {
    told += data;
  });
  const url = new URL(server);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  const console = new URL(url);
  console.pathname = "/pgbouncer";
  const ask = async (command: string) => {
    const client = new Client(console.href);
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(command)).rows;
    } finally {
      await client.end();
    }
  };
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until("pgbouncer answers", async () => {
      if (child.exitCode !== null) throw new Error(`pgbouncer has ended: ${told}`);
      return ask("show version").then(
        () => true,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: url.href, ask, stop };
}
