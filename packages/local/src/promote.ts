import { ClusterError } from "./errors.ts";
import { rearrange } from "./iam/members.ts";
import { receiveAll } from "./receive-all.ts";
import { removeServer } from "./remove-server.ts";
import type { Roster } from "./roster.ts";
import type { Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import type { Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";
import { poll } from "./wait.ts";
import { wholeMilliseconds } from "./whole-milliseconds.ts";

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
  /**
   * How long the writer endpoint still leads new connections to where it led before, in
   * milliseconds, as a name does until DNS and those who remember its answer have followed. To a
   * server that is gone, they are refused. Default: 0.
   */
  readonly endpointDelayMs?: number | undefined;
}

const PROMOTION_TIMEOUT_S = 60;
const FOLLOW_TIMEOUT_MS = 30_000;

/** Makes a reader the writer. */
export async function promote(
  site: Site,
  running: Running,
  reader: LocalServer,
  { keepOldWriter = false, follow = true, endpointDelayMs = 0 }: PromoteOptions,
): Promise<void> {
  wholeMilliseconds("A delay of the endpoint", endpointDelayMs);
  const { roster } = running;
  reader.mustAnswer();
  const oldWriterRuns = roster.writer.state === "running";
  // A writer that stops in order sees to it itself.
  if (!oldWriterRuns) await receiveAll(site, running, reader);
  // Before the promotion: what a reader has of the WAL beyond the point where the new writer begins
  // its own timeline would keep it from following. A reader of a reader is never ahead of it.
  if (follow) await followInstead(site, running, reader);
  if (oldWriterRuns && !keepOldWriter) await removeServer(site, running, roster.writer);
  await becomeWriter(site, running, reader, endpointDelayMs);
}

/** Ends a reader's recovery, and has the endpoints lead to it as the writer. */
export async function becomeWriter(
  site: Site,
  running: Running,
  reader: LocalServer,
  endpointDelayMs: number,
): Promise<void> {
  const { roster, writerEndpoint } = running;
  const before = writerEndpoint.server;
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
  writerEndpoint.linger(before, endpointDelayMs, () => void rearrange(site, running));
  await rearrange(site, running);
  // It means nothing to a writer, but readers that are copied from it would have it.
  await reader.control.query("ALTER SYSTEM RESET recovery_min_apply_delay");
}

/** Has the readers that follow the same server as this one follow this one. */
export async function followInstead(
  site: Site,
  { roster }: Running,
  reader: LocalServer,
): Promise<void> {
  const others = siblingsOf(reader, roster);
  const running = others.filter(({ state }) => state === "running");
  await Promise.all(
    others.map(async (other) => {
      await setUpstream(site, other.name, { name: reader.name, port: reader.direct.port });
      // Others read it when they start, or when heal() has them go on.
      if (running.includes(other)) await other.reload();
      other.follows = reader;
    }),
  );
  const late = await Promise.all(running.map((other) => untilItFollows(other, reader)));
  if (late.flat().length === 0) return;
  throw new ClusterError(
    "TIMEOUT",
    `${late.flat().join(" and ")} did not follow ${reader.name} within ${FOLLOW_TIMEOUT_MS} ms. ` +
      "Has it more of the WAL? Its log may tell why.",
  );
}

/** The other readers that follow the same server. */
function siblingsOf(reader: LocalServer, { readers }: Roster): readonly LocalServer[] {
  return readers.filter((other) => other !== reader && other.follows === reader.follows);
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
