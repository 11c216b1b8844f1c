import { chown, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./account.ts";
import { copyEntries, makeFolder } from "./data-folder.ts";
import { ClusterError } from "./errors.ts";
import type { LocalServer } from "./server.ts";
import { dataOf, ownerOf, type Site } from "./site.ts";

// A running server's own: its lock, and files that mean nothing to another server. The WAL comes by
// streaming. https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP-DATA
const LEFT_OUT = ["postmaster.pid", "postmaster.opts", "backup_label.old", "tablespace_map.old"];
const LEFT_EMPTY = [
  "pg_wal",
  "pg_replslot",
  "pg_dynshmem",
  "pg_notify",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
];

/**
 * Copies the data folder of a running writer, by PostgreSQL's low-level interface for backups, so
 * that a server which starts there gets whatever changed meanwhile by the WAL.
 *
 * @param name of the new server
 * @throws ClusterError `START_FAILED`
 */
export async function copyRunning(site: Site, writer: LocalServer, name: string): Promise<void> {
  const from = dataOf(site, writer.name);
  const to = dataOf(site, name);
  const { account } = site;
  const sql = backupFunctions(site.binaries.version);
  // The backup lasts as long as the session that began it, and ends with it if we fail.
  const session = writer.control.to("postgres");
  try {
    await session.query(`SELECT ${sql.start}`, [`pointsman-local ${name}`]);
    await makeFolder(to, account);
    const entries = await readdir(from);
    const whole = entries.filter((entry) => ![...LEFT_OUT, ...LEFT_EMPTY].includes(entry));
    await copyEntries(from, whole, to, ownerOf(site));
    for (const entry of LEFT_EMPTY) {
      await makeFolder(join(to, entry), account);
    }
    const [backup] = await session.query<{ labelfile: string; spcmapfile: string }>(
      `SELECT labelfile, spcmapfile FROM ${sql.stop}`,
    );
    if (backup?.spcmapfile) {
      throw new ClusterError(
        "START_FAILED",
        "A reader cannot be added to a cluster with tablespaces: on the same machine it would write " +
          "to the writer's files. Drop them first.",
      );
    }
    await writeOwned(join(to, "backup_label"), backup?.labelfile ?? "", account);
  } finally {
    await session.close();
  }
}

/** The functions have other names and parameters since PostgreSQL 15. */
function backupFunctions(version: string): { readonly start: string; readonly stop: string } {
  return Number.parseInt(version, 10) < 15
    ? { start: "pg_start_backup($1, true, false)", stop: "pg_stop_backup(false, false)" }
    : { start: "pg_backup_start($1, true)", stop: "pg_backup_stop(false)" };
}

async function writeOwned(path: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (account) await chown(path, account.uid, account.gid);
}
