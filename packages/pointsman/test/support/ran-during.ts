import type { Cluster } from "@pointsman/local";

/** The statements that ran while something was done, as the servers' own logs tell. */
export interface Ran {
  /** On the writer, in order. */
  readonly writer: string[];
  /** On readers: in order for each, one reader after another. */
  readonly readers: string[];
}

/** What this library asks servers by itself: which one this is, and how far it has got. */
const ownQuestion = /pg_catalog\.pg_is_in_recovery\(\)/;

/**
 * Does something, and tells what ran where meanwhile. The cluster logs statements; nothing else may
 * run on it at that time.
 */
export async function ranDuring<T>(
  { servers }: Cluster,
  doIt: () => T | Promise<T>,
): Promise<{ result: T; ran: Ran }> {
  const before = servers.map((server) => server.log().length);
  const result = await doIt();
  const ran: Ran = { writer: [], readers: [] };
  servers.forEach((server, at) => {
    const texts = statementsOf(server.log().slice(before[at]));
    ran[server === servers[0] ? "writer" : "readers"].push(...texts);
  });
  return { result, ran };
}

const entryStart = /^\d{4}-\d{2}-\d{2} [\d:.]+ \S+ \[\d+\] /m;

/** The texts that a part of a server's log says were run, without those of this library. */
function statementsOf(log: string): string[] {
  return log
    .split(entryStart)
    .map((entry) => /^LOG: {2}(?:statement|execute [^:]*): ([\s\S]*)$/.exec(entry)?.[1]?.trim())
    .filter((text) => text !== undefined && !ownQuestion.test(text)) as string[];
}
