import { auroraFunctions } from "./aurora-functions.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { Settings } from "./settings.ts";

/** What Aurora's parameters have, and clients tell it by. */
export const AURORA_SETTINGS: Settings = {
  "rds.extensions": "aurora_stat_utils, plpgsql",
};

/** Tells a reader the name of its writer, for aurora_replica_status() to show. */
export function writerName(name: string): Settings {
  return { "pointsman_local.writer": name };
}

/**
 * Makes every database of a new writer look like one of Aurora, and with them all that are created
 * later.
 *
 * @param lineTo opens a line to a database
 */
export async function imitateAurora(
  lineTo: (database: string) => Pick<ControlConnection, "query" | "close">,
): Promise<void> {
  const admin = lineTo("postgres");
  try {
    const [row] = await admin.query<{ wal_level: string }>("SHOW wal_level");
    const functions = auroraFunctions(row?.wal_level ?? "");
    // Nobody connects to template0 otherwise, but what is created from it must be like the rest.
    await admin.query("ALTER DATABASE template0 ALLOW_CONNECTIONS true");
    for (const database of ["postgres", "template1", "template0"]) {
      const line = lineTo(database);
      try {
        await line.query(functions);
      } finally {
        await line.close();
      }
    }
    await admin.query("ALTER DATABASE template0 ALLOW_CONNECTIONS false");
  } finally {
    await admin.close();
  }
}
