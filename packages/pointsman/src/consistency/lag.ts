import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { ClusterState } from "./cluster-state.ts";
import { proofQuestion, readAnswer } from "./makers.ts";
import type { Position } from "./position.ts";
import type { ServerState } from "./server-state.ts";

/** Whether a server can tell that it has come to a position. */
export function proves(
  maker: Position["maker"] | undefined,
  { maker: wanted }: Pick<Position, "maker">,
): boolean {
  return maker === wanted || (maker === "wal" && wanted === "xid");
}

/** How far behind the writer a server was when it was asked last, in milliseconds. */
export function lagOf({ samples, latest }: ClusterState, server: ServerState): number | undefined {
  const { reached } = server;
  if (latest === undefined || reached === undefined) return undefined;
  if (server.covers(latest)) return 0;
  const until = samples.coveredUntil(reached);
  // It may have been asked before the writer was seen where it still stood then.
  return until === undefined ? undefined : Math.max(0, server.checkedAt - until);
}

/**
 * Asks a server how far it is behind what the writer was seen at last.
 *
 * @returns milliseconds, at least; `undefined` when nobody can tell
 */
export function measureLag(
  cluster: ClusterState,
  server: ServerState,
  client: EndpointClient,
): Promise<number | undefined> {
  const { latest, samples } = cluster;
  if (latest === undefined || !proves(server.maker, latest)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    client.ask(proofQuestion(server, latest), (error, row) => {
      const answer = readAnswer(server, cluster.system ?? "", row, latest);
      server.checkedAt = performance.now();
      if (answer?.position !== undefined) server.learn(answer.position);
      if (error !== undefined) resolve(undefined);
      else resolve(server.replays && !server.covers(latest) ? samples.beyond(server.reached) : 0);
    });
  });
}
