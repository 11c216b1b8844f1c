import { makeStandby, socketPath } from "./data-folder.ts";
import { ClusterError } from "./errors.ts";
import { rejoin, untilItStreams } from "./heal.ts";
import { rearrange } from "./iam/members.ts";
import type { Line } from "./line.ts";
import { becomeWriter, followInstead } from "./promote.ts";
import { startAgain } from "./restart.ts";
import { endCleanly, type Running } from "./running.ts";
import type { LocalServer, Reader } from "./server.ts";
import { dataOf, type Site } from "./site.ts";
import { openStandIn } from "./stand-in.ts";
import { setUpstream } from "./upstream.ts";
import { wholeMilliseconds } from "./whole-milliseconds.ts";

/** How {@link Cluster.demote} goes about it. */
export interface DemoteOptions {
  /** The reader that takes the writer's place. Default: the first one that runs. */
  readonly to?: Reader | undefined;
  /**
   * How long connections to the old writer may take to become quiet, in milliseconds, before they
   * are reset. Default: 500.
   */
  readonly graceMs?: number | undefined;
  /**
   * Whether connections to the old writer stay open. Default: true. With false the old writer ends
   * them as a server does that is stopped in order: each client is told so (`57P01`), whatever it
   * has under way.
   */
  readonly keepConnections?: boolean | undefined;
  /** As for {@link Cluster.promote}: until then, new connections reach the old writer, a reader. */
  readonly endpointDelayMs?: number | undefined;
}

/** Has the writer and a reader change places. */
export async function demote(
  site: Site,
  running: Running,
  { to, graceMs = 500, keepConnections = true, endpointDelayMs = 0 }: DemoteOptions,
): Promise<void> {
  wholeMilliseconds("A grace", graceMs);
  wholeMilliseconds("A delay of the endpoint", endpointDelayMs);
  const { roster, relays } = running;
  const old = roster.writer;
  old.mustAnswer();
  const reader = successor(running, to);
  await followInstead(site, running, reader);
  const held = await Promise.all(
    [...relays].map((relay) => relay.hold(old.direct, keepConnections ? graceMs : undefined)),
  );
  const lines = held.flat();
  try {
    await old.control.close();
    await endCleanly(old.postmaster);
    // In order: the reader has all of its WAL, so that it can follow without another copy.
    await makeStandby(dataOf(site, old.name));
    await setUpstream(site, old.name, { name: reader.name, port: reader.direct.port });
    await becomeWriter(site, running, reader, endpointDelayMs);
    old.role = "reader";
    old.follows = reader;
    await startAgain(site, running, old);
    if (!(await untilItStreams(reader, old))) await rejoin(site, running, old);
    await rearrange(site, running);
    await Promise.all(lines.map((line) => replaceBackend(site, old, line)));
  } catch (error) {
    for (const line of lines) line.reset();
    throw error;
  } finally {
    for (const relay of relays) relay.release(old.direct);
  }
}

/** @throws ClusterError `INVALID_OPTION`, `NOT_RUNNING` */
function successor({ roster }: Running, to: Reader | undefined): LocalServer {
  const reader = to
    ? roster.findReader(to)
    : roster.readers.find(({ state }) => state === "running");
  if (reader === undefined) {
    throw new ClusterError(
      "INVALID_OPTION",
      "There is no reader that could take the writer's place. Add one first.",
    );
  }
  reader.mustAnswer();
  return reader;
}

/** Puts a backend of the server that is a reader now behind a client. */
async function replaceBackend(site: Site, server: LocalServer, line: Line): Promise<void> {
  const { config, folder } = site;
  const { startup, prepared } = line.conversation;
  if (startup === undefined) {
    line.reset();
    return;
  }
  try {
    const { socket, key } = await openStandIn({
      // Behind a gateway, a password need not get the superuser in any more.
      at: config.iam ? { path: socketPath(folder, server.direct.port) } : server.direct,
      credentials: config,
      startup,
      prepared,
    });
    line.adopt(server.direct, socket, key);
  } catch {
    // Its database is gone, or it asked for something that only a writer has.
    line.reset();
  }
}
