import type { Cluster, Reader, Server } from "@pointsman/local";
import { Random } from "../consistency/random.ts";

/** One thing that goes wrong. */
export interface Fault {
  readonly name: FaultName;
  /** Milliseconds after the fault before. */
  readonly after: number;
  /** Which of several servers or readers: by its place, round and round. */
  readonly which: number;
  readonly millis: number;
}

/** How likely each is. */
const weights = {
  "reset the writer's endpoint": 3,
  "reset a server's connections": 3,
  "reset the readers' endpoint": 3,
  "slow the writer's endpoint": 2,
  "slow a server": 2,
  "refuse at the writer's endpoint": 2,
  "refuse at the readers' endpoint": 2,
  "lag the readers": 3,
  "pause replay": 2,
  "crash a reader": 2,
  "shut a reader down": 2,
  "freeze a reader": 1,
  "let a reader vanish": 1,
  "restart the writer": 2,
  "crash the writer, promote": 2,
  "let the writer vanish, promote": 1,
  "switch over, connections stay": 3,
  "switch over, the endpoint is stale": 2,
} as const;

export type FaultName = keyof typeof weights;

export const faultNames = Object.keys(weights) as readonly FaultName[];

/**
 * What goes wrong, out of a seed. The first fault is the next kind in turn, so that a run of many
 * seeds leaves none out.
 */
export function planFaults(seed: number): readonly Fault[] {
  const random = new Random(seed);
  const first = faultNames[seed % faultNames.length] as FaultName;
  const others = Array.from({ length: random.between(0, 2) }, () => random.weighted(weights));
  return [first, ...others].map((name) => ({
    name,
    after: random.between(20, 250),
    which: random.between(0, 9),
    millis: random.between(10, 150),
  }));
}

/**
 * Does it.
 *
 * @throws what the cluster says when it cannot be done where another fault has been
 */
export async function strike(cluster: Cluster, { name, which, millis }: Fault): Promise<void> {
  const { servers, writer, reader } = cluster;
  const running = cluster.readers.filter(({ state }) => state === "running");
  const oneServer = servers[which % servers.length] as Server;
  const oneReader = running[which % Math.max(1, running.length)];
  const withReader = async (act: (reader: Reader) => Promise<void>): Promise<void> => {
    // One is left: a commit is acknowledged when a reader has it.
    if (oneReader === undefined || running.length < 2) throw new Error("No reader can be spared.");
    await act(oneReader);
  };
  const [current] = servers;
  const acts: Record<FaultName, () => Promise<void> | void> = {
    "reset the writer's endpoint": () => writer.reset(),
    "reset a server's connections": () => oneServer.reset(),
    "reset the readers' endpoint": () => reader.reset(),
    "slow the writer's endpoint": () => writer.slow(millis),
    "slow a server": () => oneServer.slow(millis),
    "refuse at the writer's endpoint": () => writer.refuse(),
    "refuse at the readers' endpoint": () => reader.refuse(),
    "lag the readers": () => cluster.lag(millis),
    "pause replay": () => cluster.pauseReplay(),
    "crash a reader": () => withReader((one) => cluster.crash(one)),
    "shut a reader down": () => withReader((one) => cluster.shutDown(one)),
    "freeze a reader": () => withReader((one) => cluster.freeze(one)),
    "let a reader vanish": () => withReader((one) => cluster.vanish(one)),
    "restart the writer": () => cluster.restart(current),
    "crash the writer, promote": () =>
      withReader(async (one) => {
        await cluster.crash(current);
        await cluster.promote(one, { endpointDelayMs: millis * 3 });
      }),
    "let the writer vanish, promote": () =>
      withReader(async (one) => {
        await cluster.vanish(current);
        await cluster.promote(one, { endpointDelayMs: millis * 3 });
      }),
    "switch over, connections stay": () => withReader((one) => cluster.demote({ to: one })),
    "switch over, the endpoint is stale": () =>
      withReader((one) =>
        cluster.demote({ to: one, keepConnections: false, endpointDelayMs: millis * 3 }),
      ),
  };
  await acts[name]();
}
