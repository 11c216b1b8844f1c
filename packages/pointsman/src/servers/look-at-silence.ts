import type { Client } from "pg";
import { isOfServer } from "./connection-loss.ts";
import type { EndpointClient } from "./endpoint-client.ts";
import { clientsOf, idleClients, internals, isQuiet, isUsable } from "./pg-internals.ts";
import type { ProbeConnections } from "./probe-connection.ts";
import type { Row } from "./question.ts";
import type { SettlingPool } from "./settling-pool.ts";
import type { SilenceVerdict } from "./silence-watch.ts";

/** How long a connection that is open may take to answer, in milliseconds. */
const answerMillis = 500;
/** The same of one that has to be opened first. */
const openMillis = 1500;

/** In a hurry it is as much longer than new connections have taken, but no less than this. */
const hurriedShare = 5;
const hurriedMillis = 500;

/** What there is to look with. */
export interface Looking {
  readonly pool: SettlingPool;
  readonly probes: ProbeConnections;
  /** Another connection to where this one was opened to, which is not connected. */
  readonly another: (client: EndpointClient) => Client;
  /** What tells servers apart; `undefined`: not known. */
  readonly serverOf: (client: EndpointClient) => KnownServer | undefined;
  /** The same of a new connection, asked there. */
  readonly meet: (client: EndpointClient) => Promise<KnownServer | undefined>;
}

/** A server as far as a look needs to know it. */
export interface KnownServer {
  /** When it was started: the same by whichever of its addresses it is reached. */
  readonly startedAt: string;
}

/** How often it is tried to reach a server again, for each server that is known behind its endpoint. */
const triesForEach = 4;

/**
 * Looks at the server behind a connection that keeps silent.
 *
 * @param hurry - everything speaks for it that the server is gone
 */
export async function lookAtSilence(
  client: EndpointClient,
  { pool, probes, another, serverOf, meet }: Looking,
  hurry: boolean,
): Promise<SilenceVerdict> {
  const server = serverOf(client);
  const { processID } = internals(client);
  if (server !== undefined) {
    const idle = (idleClients(pool) as readonly EndpointClient[]).find(
      (one) => serverOf(one) === server && isQuiet(one) && isUsable(one),
    );
    const row = idle && (await answerWithin(idle, processID));
    if (idle !== undefined && row !== undefined) return verdictOf(idle, row);
  }
  let refused: unknown;
  const look = (): Promise<SilenceVerdict | "another server" | undefined> =>
    probes.look(
      () => another(client),
      hurry ? hurriedFor(client) : openMillis,
      async (probe) => {
        const met = await meet(probe);
        if (differ(server, met)) return "another server";
        const row = await answerWithin(probe, processID);
        return row === undefined ? "server gone" : verdictOf(probe, row);
      },
      (error) => {
        refused = error;
      },
    );
  // Behind an endpoint that spreads connections it takes some to reach the same server again.
  const servers = new Set((clientsOf(pool) as readonly EndpointClient[]).map(serverOf)).size;
  for (let tries = triesForEach * Math.max(2, servers); tries > 0; tries -= 1) {
    const found = await look();
    // A server that refuses a connection, for want of room perhaps, is there.
    if (found === undefined) return isOfServer(refused) ? "at work" : "server gone";
    if (found !== "another server") return found;
    // Its statement may have been answered meanwhile.
    if (isQuiet(client) || !isUsable(client)) return "at work";
  }
  return "server gone";
}

function differ(one: KnownServer | undefined, other: KnownServer | undefined): boolean {
  return one !== undefined && other !== undefined && one.startedAt !== other.startedAt;
}

function hurriedFor({ address }: EndpointClient): number {
  const usual = address.openingMillis * hurriedShare;
  return Math.min(openMillis, Math.max(hurriedMillis, usual));
}

/** Asks what the silent connection's backend does, and who answers. */
function answerWithin(
  client: EndpointClient,
  backend: number | null | undefined,
): Promise<Row | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, answerMillis, undefined).unref();
    client.ask(
      `select pg_catalog.pg_backend_pid()::text, (select state from pg_catalog.pg_stat_activity where pid = ${Number(backend ?? 0)})`,
      (_error, row) => {
        clearTimeout(late);
        resolve(row);
      },
    );
  });
}

function verdictOf(asked: EndpointClient, [backend, state]: Row): SilenceVerdict {
  // Behind a pooler the process is another one with each statement, and its number means nothing.
  if (internals(asked).processID !== Number(backend)) return "at work";
  return state === null || state === undefined || state.startsWith("idle")
    ? "connection lost"
    : "at work";
}
