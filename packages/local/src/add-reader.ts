import { rm } from "node:fs/promises";
import { admit } from "./admit.ts";
import { copyRunning } from "./base-copy.ts";
import { configure, makeStandby } from "./data-folder.ts";
import { ClusterError } from "./errors.ts";
import { rearrange } from "./iam/members.ts";
import { onFreePorts, readerName } from "./launch.ts";
import { MOST_READERS } from "./options.ts";
import type { Postmaster } from "./postmaster.ts";
import { endAtOnce, type Running } from "./running.ts";
import type { LocalServer } from "./server.ts";
import { dataOf, logOf, type Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";

/** Starts one reader more, on a copy of the writer's data. */
export async function addReader(site: Site, running: Running): Promise<LocalServer> {
  const { roster } = running;
  const { writer } = roster;
  if (roster.readers.length >= MOST_READERS) {
    throw new ClusterError(
      "INVALID_OPTION",
      `There are ${MOST_READERS} readers, as many as a cluster can have. Remove one first.`,
    );
  }
  // The writer was the first to be added: the names of those that are gone are not given again.
  const name = readerName(roster.added);
  const started: Postmaster[] = [];
  try {
    await copyRunning(site, writer, name);
    await makeStandby(dataOf(site, name));
    await configure(dataOf(site, name), { cluster_name: name });
    await setUpstream(site, name, { name: writer.name, port: writer.direct.port });
    const [postmaster] = await onFreePorts(1, async ([port = 0]) => {
      const one = running.start(site, name, port);
      started.push(one);
      return [one];
    });
    const reader = await admit(site, running, postmaster as Postmaster, writer);
    await rearrange(site, running);
    return reader;
  } catch (error) {
    await endAtOnce(started);
    for (const path of [dataOf(site, name), logOf(site, name)]) {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    }
    throw error;
  }
}
