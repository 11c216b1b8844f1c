import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "@pointsman/local";
import pg from "pg";
import {
  type Benchmark,
  type Contender,
  type Count,
  type Counting,
  findCount,
} from "./harness/benchmark.ts";
import type { Servers } from "./harness/servers.ts";
import { accesses, placesFor, table } from "./workloads/failover-contenders.ts";
import { type Access, now, type Outcome, runOpenLoop } from "./workloads/open-loop.ts";
import { longestGap, p99, secondsToNormal, slowest } from "./workloads/outcome-figures.ts";

const load = { writesPerSecond: 200, readsPerSecond: 2000 };
/** Until connections are open and code is compiled. */
const warmUpSeconds = 3;
const requestsPerSecond = load.writesPerSecond + load.readsPerSecond;

/** Something that happens to the servers while requests come. */
interface Scenario {
  readonly strike: (cluster: Cluster) => Promise<void>;
  /** Whether readers are given one by one, and not as an endpoint that leads to all of them. */
  readonly listsReaders?: boolean;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "A planned": { strike: (cluster) => cluster.demote() },
  "B crash": {
    strike: async (cluster) => {
      await cluster.crash(cluster.servers[0]);
      await promoteLater(cluster);
    },
  },
  "C stale endpoint": {
    strike: (cluster) => cluster.demote({ keepConnections: false, endpointDelayMs: 5000 }),
  },
  "D vanished host": {
    strike: async (cluster) => {
      await cluster.vanish(cluster.servers[0]);
      await promoteLater(cluster);
    },
  },
  "E blackholed reader": {
    listsReaders: true,
    strike: async (cluster) => cluster.readers[0]?.blackhole(),
  },
};

async function promoteLater(cluster: Cluster): Promise<void> {
  await delay(2000);
  const [reader] = cluster.readers;
  if (reader !== undefined) await cluster.promote(reader);
}

const readGap = "longest gap between reads ms";
const writeGap = "longest gap between writes ms";
const backToNormal = "p99 back to normal s";

export const benchmark: Benchmark = {
  title: "What an application sees of a failover, with this pool and with others.",
  cluster: {
    options: { readers: 2 },
    prepare: (cluster) => onWriter(cluster, table),
  },
  contenders: Object.fromEntries(
    Object.entries(accesses).map(([name, open]) => [name, (servers) => underLoad(open(servers))]),
  ),
  comparisons: [],
  counts: async (cluster, counting) => {
    const counts: Count[] = [];
    for (const [name, scenario] of Object.entries(scenarios)) {
      if (!name.includes(counting.only ?? "")) continue;
      for (const contender of Object.keys(accesses)) {
        if (counting.contender !== undefined && contender !== counting.contender) continue;
        counting.progress(`${name}, ${contender}`);
        await onWriter(cluster, "truncate requests");
        await cluster.waitForReplay();
        const found = await tried(cluster, scenario, contender, counting);
        for (const [what, value] of Object.entries(found)) {
          if (value !== undefined) counts.push({ name: nameOf(name, contender, what), value });
        }
        await cluster.heal();
      }
    }
    return counts;
  },
  goals: [
    atMost("switchover failed reads", 0, "A planned", "failed reads"),
    atMost("switchover failed writes", 0, "A planned", "failed writes"),
    atMost("crash failed reads", 0, "B crash", "failed reads"),
    atMost("crash failed writes not in flight", 0, "B crash", "failed writes not unknown"),
    atMost("first write after reachable ms", 100, "B crash", "first write after reachable ms"),
    atMost("stale endpoint failed reads", 0, "C stale endpoint", "failed reads"),
    atMost("stale endpoint failed writes", 0, "C stale endpoint", "failed writes"),
    atMost("vanished host stuck requests", 0, "D vanished host", "stuck"),
    atMost("vanished host gap between reads ms", 5000, "D vanished host", readGap),
    atMost("vanished host gap between writes ms", 5000, "D vanished host", writeGap),
    atMost("blackholed reader failed reads", 0, "E blackholed reader", "failed reads"),
    atMost("blackholed reader stuck requests", 0, "E blackholed reader", "stuck"),
    atMost("blackholed reader p99 back to normal s", 1, "E blackholed reader", backToNormal),
  ],
};

function atMost(
  name: string,
  bound: number,
  scenario: string,
  what: string,
): Benchmark["goals"][number] {
  return {
    name,
    atMost: bound,
    measured: (_results, counts) => findCount(counts, nameOf(scenario, "pointsman", what)),
  };
}

/** What came of the requests, and the errors that nobody could catch. */
type Found = Outcome & { readonly uncaught: number };

/** A contender that is given as many requests as are sent in so many seconds. */
function underLoad(access: Access): Contender {
  let outcome: Outcome | undefined;
  let uncaught = 0;
  // What a pool leaves unanswered may reject where nobody can catch it.
  process.on("unhandledRejection", () => {});
  // It would end an application. Here the rest is to be seen too.
  process.on("uncaughtException", () => {
    uncaught += 1;
  });
  return {
    async run(requests) {
      uncaught = 0;
      outcome = await runOpenLoop(access, { seconds: requests / requestsPerSecond, ...load });
    },
    found: (): Found | undefined => outcome && { ...outcome, uncaught },
  };
}

async function tried(
  cluster: Cluster,
  { strike, listsReaders = false }: Scenario,
  contender: string,
  { quick, open }: Counting,
): Promise<Readonly<Record<string, number | undefined>>> {
  const readers = listsReaders ? cluster.readers : [cluster.reader];
  const places: Servers = placesFor(
    cluster.writer.url,
    readers.map(({ url }) => url),
  );
  const measured = await open(contender, places);
  try {
    await measured.slice(warmUpSeconds * requestsPerSecond, 1);
    const seconds = quick ? 12 : 30;
    const running = measured.slice(seconds * requestsPerSecond, 1);
    await delay(seconds * 300);
    const struckAt = now();
    const reachable = strike(cluster).then(() => whenReachable(cluster));
    const { found, cpuNs, wallNs } = await running;
    return figures(found as Found, struckAt, await reachable, cpuNs / wallNs);
  } finally {
    // Whatever it still waits for.
    measured.kill();
  }
}

function figures(
  outcome: Found,
  struckAt: number,
  reachableAt: number,
  cpuShare: number,
): Readonly<Record<string, number | undefined>> {
  const { failedReads, failedWrites, unknownWrites, stuck, writtenAt, begunAt, endedAt } = outcome;
  for (const told of outcome.told) process.stderr.write(`  told: ${told}\n`);
  const firstWrite = writtenAt.find((at) => at > reachableAt);
  const readsDone = outcome.readAt
    .flatMap((at, place) => at + (outcome.readMillis[place] ?? Number.NaN))
    .filter((at) => !Number.isNaN(at))
    .sort((a, b) => a - b);
  return {
    "failed reads": failedReads,
    "failed writes": failedWrites,
    "failed writes not unknown": failedWrites - unknownWrites,
    stuck,
    "uncaught errors": outcome.uncaught,
    [readGap]: longestGap(readsDone, begunAt, endedAt),
    [writeGap]: longestGap(writtenAt, begunAt, endedAt),
    "works at the end": Number(writtenAt.some((at) => at > endedAt - 1000 && at <= endedAt)),
    "read p99 before ms": p99(outcome, begunAt, struckAt),
    "read p99 of the first second after ms": p99(outcome, struckAt, struckAt + 1000),
    "read p99 of the second second after ms": p99(outcome, struckAt + 1000, struckAt + 2000),
    "read p99 of the third second after ms": p99(outcome, struckAt + 2000, struckAt + 3000),
    "slowest read after ms": slowest(outcome, struckAt),
    [backToNormal]: secondsToNormal(outcome, struckAt),
    "writer reachable after ms": reachableAt - struckAt,
    "first write after reachable ms":
      firstWrite === undefined ? undefined : firstWrite - reachableAt,
    "CPU share": cpuShare,
    "load of the machine": loadavg()[0],
  };
}

/** When a new connection to the writer's endpoint can write again. */
async function whenReachable(cluster: Cluster): Promise<number> {
  for (;;) {
    try {
      await onWriter(cluster, "create temp table reachable (id int)");
      return now();
    } catch {
      await delay(20);
    }
  }
}

async function onWriter({ writer }: Cluster, text: string): Promise<void> {
  const client = new pg.Client({
    connectionString: writer.url,
    connectionTimeoutMillis: 1000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(text);
  } finally {
    client.end().catch(() => {});
  }
}

function nameOf(scenario: string, contender: string, what: string): string {
  return `${scenario}, ${contender}: ${what}`;
}
