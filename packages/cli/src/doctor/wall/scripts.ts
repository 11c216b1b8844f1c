import type { Visit } from "../visit.ts";
import { grouped } from "./grouped.ts";
import { wallScript } from "./script.ts";

/**
 * The scripts for the roles that have been looked at, one after another; `undefined` where there was
 * none. Servers of one cluster have the same catalogs: of several endpoints the first one's count.
 */
export function scriptsOf(visits: readonly Visit[]): string | undefined {
  const seen = visits.flatMap(({ wall, endpoint }) =>
    wall ? [{ wall, name: endpoint.name }] : [],
  );
  const scripts = grouped(seen, ({ wall }) => JSON.stringify([wall.role, wall.database])).map(
    (group) => wallScript(group[0].wall, [...new Set(group.map(({ name }) => name))]),
  );
  return scripts.length === 0 ? undefined : scripts.join("\n");
}
