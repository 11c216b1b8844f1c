import { rm } from "node:fs/promises";
import { copyRunning } from "./base-copy.ts";
import { configure, makeStandby } from "./data-folder.ts";
import { reappear } from "./faults.ts";
import { cutOff, rearrange } from "./iam/members.ts";
import { waitForReplay } from "./replay.ts";
import { startAgain } from "./restart.ts";
import type { Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import { dataOf, type Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";
import { poll } from "./wait.ts";

const STREAM_TIMEOUT_MS = 10_000;
const REPLAY_TIMEOUT_MS = 30_000;

/** Puts everything back that can be broken. */
export async function heal(site: Site, running: Running): Promise<void> {
  const { roster, writerEndpoint } = running;
  const { writer, servers } = roster;
  writerEndpoint.catchUp();
  const others = servers.filter((server) => server !== writer);
  // Before they can go on: nobody must reach them as the writers that they take themselves for.
  const strays = others.filter(({ follows }) => follows !== writer);
  await Promise.all(strays.map((stray) => leave(site, running, stray)));

  for (const server of servers) {
    server.postmaster.thaw();
    reappear(running, server);
  }
  await Promise.all([...running.relays].map((relay) => relay.heal()));
  if (!writer.postmaster.running) await startAgain(site, running, writer);
  await Promise.all(
    others.map(async (server) => {
      if (strays.includes(server) || !(await canFollow(site, running, server))) {
        await rejoin(site, running, server);
      }
    }),
  );
  await rearrange(site, running);
  await waitForReplay(roster, REPLAY_TIMEOUT_MS);
}

/**
 * Has a server come back as a reader of the writer, with a copy of the writer's data. Without
 * pg_rewind there is no other way for one that has WAL of its own.
 */
export async function rejoin(site: Site, running: Running, server: LocalServer): Promise<void> {
  const { writer } = running.roster;
  const { name } = server;
  await leave(site, running, server);
  await rm(dataOf(site, name), { recursive: true, force: true, maxRetries: 5 });
  await copyRunning(site, writer, name);
  await makeStandby(dataOf(site, name));
  await configure(dataOf(site, name), { cluster_name: name });
  await setUpstream(site, name, { name: writer.name, port: writer.direct.port });
  server.role = "reader";
  server.follows = writer;
  await startAgain(site, running, server);
}

async function leave(site: Site, running: Running, server: LocalServer): Promise<void> {
  await server.postmaster.kill();
  cutOff(site, running, server);
  await server.control.close();
}

/** Has a reader run and apply all it gets; whether it streams from the writer then. */
async function canFollow(site: Site, running: Running, reader: LocalServer): Promise<boolean> {
  if (!reader.postmaster.running) await startAgain(site, running, reader);
  // What it was told while it could not hear is read again as well.
  await reader.lag(0);
  await reader.resumeReplay();
  return await untilItStreams(running.roster.writer, reader);
}

/** Whether a reader streams from a writer, at last. */
export async function untilItStreams(writer: LocalServer, reader: LocalServer): Promise<boolean> {
  const streams = await poll(
    async () => {
      const [row] = await writer.control.query<{ streaming: boolean }>(
        `SELECT EXISTS (
           SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'
         ) AS streaming`,
        [reader.name],
      );
      return row?.streaming || undefined;
    },
    performance.now() + STREAM_TIMEOUT_MS,
    5,
  );
  return streams === true;
}
