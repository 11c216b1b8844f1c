import type { Config } from "../config/config.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import { baseClass } from "../servers/endpoint-options.ts";
import { pgCallsOf } from "../servers/pg-calls.ts";
import { anotherOf, ProbeConnections } from "../servers/probe-connection.ts";
import type { Sides } from "../servers/sides.ts";
import { warnOfUnreadCatalog } from "../telemetry/catalog-warnings.ts";
import type { Catalog } from "./catalog.ts";
import { CatalogWatch } from "./catalog-watch.ts";

/** How long one look may take, in milliseconds. */
const deadline = 30_000;

const insufficientPrivilege = "42501";

/**
 * Begins to look at the database of a pool, on connections of their own beside it.
 *
 * @returns `undefined`: it is not to be looked at
 */
export function openCatalog(
  catalog: Catalog,
  config: Config,
  { writer, reader }: Sides,
): CatalogWatch | undefined {
  if (config.catalog === undefined) return undefined;
  const probes = new ProbeConnections(baseClass(config), pgCallsOf(writer));
  // A read-only pool opens a connection to the writer when it has something to write.
  const sides = { writer: config.readOnly ? reader : writer, reader };
  let isTold = false;
  const refused = (error: Error): void => {
    // That a server cannot be reached, or has no room, others tell.
    if (isTold || (error as { readonly code?: string }).code !== insufficientPrivilege) return;
    isTold = true;
    warnOfUnreadCatalog(error);
  };
  // With one server nothing depends on it: it is read when somebody asks.
  const isNeeded = config.readers.length > 0 || config.mirror || config.shadow;
  return new CatalogWatch(
    catalog,
    (side, see) =>
      probes.look(
        () => anotherOf(sides[side]),
        deadline,
        async (client: EndpointClient) => (await see(client)) ?? "unchanged",
        refused,
      ),
    isNeeded ? config.catalog.refreshMillis : undefined,
    () => probes.end(),
  );
}
