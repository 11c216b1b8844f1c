import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressOf } from "./address-of.ts";

/** The path of pgpool-II's program; `undefined` when it is not to be measured. */
export const pgpoolProgram = process.env["POINTSMAN_BENCH_PGPOOL"];

/** A pgpool-II that runs. */
export interface Pgpool {
  /** Where clients find it, as the user of the writer's URL. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * It ends with this process, however that ends: nothing is written to the shell's input, which then
 * closes. SIGINT: at once, without waiting for clients.
 */
const endsWithItsInput =
  'exec 3<&0; "$@" 3<&- & program=$!; { read -r _ <&3; kill -INT $program; } & wait $program';
const started = "pgpool-II successfully started";
const mostOutput = 4000;

/**
 * Starts pgpool-II in front of a writer and a reader: streaming replication mode, and reads balanced
 * to the reader alone.
 *
 * @param program - path of the program
 * @param connections - how many clients it serves at once, with as many connections to each server
 * @throws Error with its last output when it does not start
 */
export async function startPgpool(
  program: string,
  writer: string,
  reader: string,
  connections: number,
): Promise<Pgpool> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-pgpool-"));
  const url = new URL(writer);
  url.port = String(await freePort());
  const [settings, passwords, admins] = ["pgpool.conf", "pool_passwd", "pcp.conf"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(settings, settingsOf(folder, url.port, [writer, reader], connections));
  const { user, password } = addressOf(writer);
  await writeFile(passwords, `${user}:TEXT${password}\n`, { mode: 0o600 });
  await writeFile(admins, "");
  const command = [program, "-n", "-f", settings, "-F", admins];
  const shell = spawn("sh", ["-c", endsWithItsInput, "sh", ...command], { stdio: "pipe" });
  const over = once(shell, "exit");
  const stop = async (): Promise<void> => {
    shell.stdin?.end();
    await over;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isStarted(shell);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: url.href, stop };
}

function isStarted(shell: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const hear = (data: Buffer): void => {
      output = (output + data.toString()).slice(-mostOutput);
      if (output.includes(started)) resolve();
    };
    // Read to the end: it would wait for room in a pipe that nobody empties.
    shell.stdout?.on("data", hear);
    shell.stderr?.on("data", hear);
    // What it has said last may come after its end, and the outputs close when the input has.
    shell.once("exit", () => shell.stdin?.end());
    shell.once("close", () => reject(new Error(`pgpool-II did not start: ${output}`)));
  });
}

function settingsOf(
  folder: string,
  port: string,
  servers: readonly [writer: string, reader: string],
  connections: number,
): string {
  const { user, password, database } = addressOf(servers[0]);
  const settings = {
    backend_clustering_mode: "streaming_replication",
    load_balance_mode: "on",
    listen_addresses: "127.0.0.1",
    port,
    num_init_children: connections,
    max_pool: 1,
    enable_pool_hba: "off",
    pool_passwd: "pool_passwd",
    sr_check_user: user,
    sr_check_password: password,
    sr_check_database: database,
    socket_dir: folder,
    pcp_socket_dir: folder,
    pcp_listen_addresses: "",
    pid_file_name: join(folder, "pgpool.pid"),
    logdir: folder,
    work_dir: folder,
    ...Object.fromEntries(
      servers.flatMap((server, index) => {
        const { host, port } = addressOf(server);
        return [
          [`backend_hostname${index}`, host],
          [`backend_port${index}`, port],
          [`backend_weight${index}`, index],
          [`backend_flag${index}`, "DISALLOW_TO_FAILOVER"],
        ];
      }),
    ),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  return lines.join("");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}
