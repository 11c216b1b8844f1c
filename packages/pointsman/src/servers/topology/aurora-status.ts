/** One instance, as Aurora's status function has it. */
export interface AuroraInstance {
  readonly id: string;
  readonly isWriter: boolean;
  readonly lagMillis: number | undefined;
}

/** What Aurora calls the session of the writer. */
const writerSession = "MASTER_SESSION_ID";

/** Rows of instances that are gone stay for a while: these are older, in seconds. */
const longestSilence = 300;

/** Asks for everything that {@link readAuroraStatus} reads, as one text. */
export const auroraStatus = `select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
 'id', server_id, 'session', session_id, 'lag', replica_lag_in_msec,
 'age', extract(epoch from pg_catalog.clock_timestamp() - last_update_timestamp)
)), '[]')::text from pg_catalog.aurora_replica_status()`;

/**
 * The instances in the answer to {@link auroraStatus}.
 *
 * @returns `undefined` when it makes no sense, which it does with exactly one writer
 */
export function readAuroraStatus(text: string): readonly AuroraInstance[] | undefined {
  const rows = JSON.parse(text) as readonly Readonly<Record<string, unknown>>[];
  const instances: AuroraInstance[] = [];
  for (const { id, session, lag, age } of rows) {
    if (typeof id !== "string" || id === "" || typeof session !== "string") continue;
    const isWriter = session === writerSession;
    // It has none for the instance that answers.
    if (!isWriter && typeof age === "number" && age > longestSilence) continue;
    instances.push({
      id,
      isWriter,
      lagMillis: typeof lag === "number" && lag >= 0 && !isWriter ? lag : undefined,
    });
  }
  return instances.filter(({ isWriter }) => isWriter).length === 1 ? instances : undefined;
}
