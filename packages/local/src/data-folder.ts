import { randomBytes } from "node:crypto";
import { appendFile, chown, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { cached, keyOf } from "./cache.ts";
import { run } from "./command.ts";
import { giveIdentity } from "./control-file.ts";
import { ClusterError } from "./errors.ts";
import { identifier, literal } from "./identifier.ts";
import type { Owner } from "./owner.ts";
import { formatSettings, type Settings } from "./settings.ts";
import { runSingleUser } from "./single-user.ts";

// In bytes; macOS has the least. Linux has 107.
const LONGEST_SOCKET_PATH = 103;
/** The superuser in the folder that is copied for each cluster. */
const TEMPLATE_USER = "template";

/**
 * A path for a new folder that the account can get to. Nothing is there yet.
 *
 * @param options `forSockets: true`: short enough for sockets of PostgreSQL in the folder
 */
export async function choosePath(
  account: Account | undefined,
  { forSockets }: { readonly forSockets: boolean },
): Promise<string> {
  const name = `pointsman-local-${randomBytes(8).toString("hex")}`;
  const path = join(await realpath(await enterable(account)), name);
  if (!forSockets || Buffer.byteLength(socketPath(path, 65_535)) <= LONGEST_SOCKET_PATH)
    return path;
  return join(await realpath("/tmp"), name);
}

/** Where a server with this port has its socket, of those in a folder. */
export function socketPath(folder: string, port: number): string {
  return join(folder, `.s.PGSQL.${port}`);
}

/** Makes an empty folder that only the account can enter. */
export async function makeFolder(path: string, account: Account | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (account) await chown(path, account.uid, account.gid);
}

/** The temporary folder, unless the account cannot enter it (root's TMPDIR may be its own). */
async function enterable(account: Account | undefined): Promise<string> {
  const folder = tmpdir();
  if (!account) return folder;
  const entered = await run("/bin/sh", ["-c", 'cd -- "$0"', folder], { account, cwd: "/" });
  return entered.status === 0 ? folder : "/tmp";
}

const INITDB = [
  `--username=${TEMPLATE_USER}`,
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  "--locale=C",
  "--no-sync",
  "--no-instructions",
];

/**
 * Makes the data folder of a new PostgreSQL with one superuser, who logs in with a password. What
 * initdb does takes longer than all else, and its outcome is always the same: it is kept, and each
 * folder is a copy with an identity and a user of its own.
 *
 * @throws ClusterError `INITDB_FAILED`, with what initdb said
 */
export async function initialize(
  data: string,
  options: Owner & { bin: string; folder: string; user: string; password: string },
): Promise<void> {
  const template = await cached({
    key: await keyOf(options.bin, ...INITDB),
    make: () => runInitdb(options),
  });
  await copy(template, data, options);
  await giveIdentity(data);
  const user = identifier(options.user);
  await runSingleUser(
    data,
    [
      // Nobody can rename himself, and single-user mode has nobody else.
      `UPDATE pg_authid SET rolname = ${literal(options.user)} WHERE rolname = '${TEMPLATE_USER}'`,
      `ALTER ROLE ${user} PASSWORD ${literal(options.password)}`,
    ],
    options,
  );
}

async function runInitdb(options: Owner & { bin: string; folder: string }): Promise<string> {
  const { account, folder, onStart, onEnd } = options;
  const data = join(folder, "template");
  const passwordFile = join(folder, "password");
  // Nobody will know it: each copy gets its own.
  await writeFile(passwordFile, `${randomBytes(16).toString("hex")}\n`, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const result = await run(
    join(options.bin, "initdb"),
    [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...INITDB],
    { account, cwd: folder, onStart, onEnd },
  );
  await rm(passwordFile, { force: true });
  if (result.status !== 0) {
    throw new ClusterError(
      "INITDB_FAILED",
      `initdb could not make a data folder in ${folder}. It said:\n${result.output.trim()}`,
    );
  }
  return data;
}

/**
 * Copies the data folder of a server that has never run.
 *
 * @throws ClusterError `START_FAILED`, with what cp said
 */
export async function copy(
  from: string,
  to: string,
  options: Owner & { folder: string },
): Promise<void> {
  await makeFolder(to, options.account);
  // By cp as the account, so that everything belongs to it: faster than to copy and chown here.
  const result = await run("cp", ["-R", `${from}/.`, to], {
    account: options.account,
    cwd: options.folder,
    onStart: options.onStart,
    onEnd: options.onEnd,
  });
  if (result.status !== 0) {
    throw new ClusterError(
      "START_FAILED",
      `A data folder could not be copied. cp said:\n${result.output.trim()}`,
    );
  }
}

/**
 * Copies some entries of a running server's data folder. Files that vanish meanwhile are left out.
 *
 * @throws ClusterError `START_FAILED`, with what cp said
 */
export async function copyEntries(
  from: string,
  entries: readonly string[],
  to: string,
  options: Owner & { folder: string },
): Promise<void> {
  const paths = entries.map((entry) => join(from, entry));
  const result = await run("cp", ["-R", ...paths, to], {
    account: options.account,
    cwd: options.folder,
    onStart: options.onStart,
    onEnd: options.onEnd,
  });
  const complaints = result.output.split("\n").filter((line) => line.trim() !== "");
  const vanished = complaints.every((line) => line.endsWith("No such file or directory"));
  // Without a complaint, a status that is not 0 means that a signal has ended it.
  if (result.status === 0 || (result.status === 1 && complaints.length > 0 && vanished)) return;
  throw new ClusterError(
    "START_FAILED",
    `The writer's data could not be copied for a reader. cp said:\n${result.output.trim()}`,
  );
}

/** Puts rules before those that a data folder has for who may log in, and how. */
export async function prependHbaRules(data: string, rules: string): Promise<void> {
  const file = join(data, "pg_hba.conf");
  await writeFile(file, rules + (await readFile(file, "utf8")));
}

/** Adds settings to a data folder; the last of the same name wins. */
export async function configure(data: string, settings: Settings): Promise<void> {
  await appendFile(join(data, "postgresql.conf"), `\n${formatSettings(settings)}`);
}

/** Makes a data folder that of a reader: its server will follow and never write. */
export async function makeStandby(data: string): Promise<void> {
  await writeFile(join(data, "standby.signal"), "");
}
