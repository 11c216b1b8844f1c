import { AURORA_SETTINGS } from "./aurora.ts";
import { configure, copy, initialize, makeStandby, prependHbaRules } from "./data-folder.ts";
import { freePorts } from "./free-port.ts";
import { HBA_RULES } from "./iam/roles.ts";
import { identifier } from "./identifier.ts";
import type { Postmaster } from "./postmaster.ts";
import { endAtOnce, type Running } from "./running.ts";
import { BASE_SETTINGS } from "./settings.ts";
import { dataOf, ownerOf, type Site } from "./site.ts";
import { setUpstream } from "./upstream.ts";

/** How long servers may take to start. */
export const START_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS = 5;

/** The name of the nth reader of a cluster. */
export function readerName(number: number): string {
  return `reader${number}`;
}

/** Makes the data folders: one by initdb, the others as copies of it before it is ever used. */
export async function prepare(site: Site): Promise<void> {
  const { config, folder, binaries } = site;
  const owner = ownerOf(site);
  const writerData = dataOf(site, "writer");
  await initialize(writerData, { ...owner, ...config, bin: binaries.bin });
  await configure(writerData, {
    ...BASE_SETTINGS,
    // In quotes: a comma would begin another one.
    ...(config.iam ? { unix_socket_directories: identifier(folder) } : {}),
    ...(config.aurora ? AURORA_SETTINGS : {}),
    ...config.settings,
  });
  if (config.iam) await prependHbaRules(writerData, HBA_RULES);
  const [, ...readers] = serverNames(site);
  await Promise.all(
    readers.map(async (name) => {
      await copy(writerData, dataOf(site, name), owner);
      await makeStandby(dataOf(site, name));
    }),
  );
}

/**
 * Starts all servers at the same time, on other ports when one was snatched away.
 *
 * @returns the writer's, then the readers'
 */
export async function launch(site: Site, running: Running): Promise<readonly Postmaster[]> {
  const names = serverNames(site);
  return onFreePorts(names.length, async (ports) => {
    const [writer = 0] = ports;
    return Promise.all(
      names.map(async (name, index) => {
        await configure(dataOf(site, name), { cluster_name: name });
        if (index > 0) await setUpstream(site, name, { name: "writer", port: writer });
        return running.start(site, name, ports[index] ?? 0);
      }),
    );
  });
}

/** Starts servers and waits until they are ready, again on other ports when one was snatched away. */
export async function onFreePorts(
  count: number,
  start: (ports: readonly number[]) => Promise<readonly Postmaster[]>,
): Promise<readonly Postmaster[]> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const postmasters = await start(await freePorts(count));
    try {
      await Promise.all(postmasters.map((postmaster) => postmaster.ready(deadline)));
      return postmasters;
    } catch (error) {
      const again = postmasters.some((postmaster) => postmaster.portWasTaken);
      if (!again || attempt === PORT_ATTEMPTS) throw error;
      await endAtOnce(postmasters);
    }
  }
}

function serverNames({ config }: Site): string[] {
  return ["writer", ...Array.from({ length: config.readers }, (_, index) => readerName(index + 1))];
}
