import { ClusterError } from "./errors.ts";
import { rearrange } from "./iam/members.ts";
import { removeServer } from "./remove-server.ts";
import type { Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";
import { poll } from "./wait.ts";

/** What {@link Cluster.promote} does with the others. */
export interface PromoteOptions {
  /**
   * Leave the old writer running, and writing: `cluster.servers` has it as its last one, and
   * connections to it stay. Default: false, which stops it in order and takes it out of the cluster.
   */
  readonly keepOldWriter?: boolean | undefined;
  /**
   * Whether the other readers follow the new writer. Those that do not stay with the old one, also
   * when it is gone, and never get what is written from then on. Default: true.
   */
  readonly follow?: boolean | undefined;
}

const PROMOTION_TIMEOUT_S = 60;
const FOLLOW_TIMEOUT_MS = 30_000;

/** Makes a reader the writer. */
export async function promote(
  site: Site,
  running: Running,
  reader: LocalServer,
  { keepOldWriter = false, follow = true }: PromoteOptions,
): Promise<void> {
  const { roster } = running;
  // Before the promotion: what a reader has of the WAL beyond the point where the new writer begins
  // its own timeline would keep it from following. A reader of a reader is never ahead of it.
  if (follow) await followInstead(site, running, reader);
  if (!keepOldWriter) await removeServer(site, running, roster.writer);

  const [row] = await reader.control.query<{ done: boolean }>(
    `SELECT pg_promote(true, ${PROMOTION_TIMEOUT_S}) AS done`,
  );
  if (row?.done !== true) {
    throw new ClusterError(
      "TIMEOUT",
      `The server ${reader.name} was not promoted within ${PROMOTION_TIMEOUT_S} s. Its log may tell why.`,
    );
  }
  reader.follows = undefined;
  roster.promote(reader);
  await rearrange(site, running);
  // It means nothing to a writer, but readers that are copied from it would have it.
  await reader.control.query("ALTER SYSTEM RESET recovery_min_apply_delay");
}

/** Has the readers that follow the same server as this one follow this one. */
async function followInstead(site: Site, { roster }: Running, reader: LocalServer): Promise<void> {
  const others = roster.readers.filter(
    (other) => other !== reader && other.follows === reader.follows,
  );
  await Promise.all(
    others.map(async (other) => {
      await setUpstream(site, other.name, { name: reader.name, port: reader.direct.port });
      await other.reload();
      other.follows = reader;
    }),
  );
  const late = await Promise.all(others.map((other) => untilItFollows(other, reader)));
  if (late.flat().length === 0) return;
  throw new ClusterError(
    "TIMEOUT",
    `${late.flat().join(" and ")} did not follow ${reader.name} within ${FOLLOW_TIMEOUT_MS} ms. ` +
      "Has it more of the WAL? Its log may tell why.",
  );
}

/** @returns its name if it does not follow in time */
async function untilItFollows(other: LocalServer, reader: LocalServer): Promise<string[]> {
  const done = await poll(
    async () => {
      // As long as it applies nothing, it does not look for more either, and has time to follow.
      if (await other.heldBack()) return true;
      const [row] = await reader.control.query<{ streaming: boolean }>(
        `SELECT EXISTS (
           SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'
         ) AS streaming`,
        [other.name],
      );
      return row?.streaming || undefined;
    },
    performance.now() + FOLLOW_TIMEOUT_MS,
    5,
  );
  return done ? [] : [other.name];
}
