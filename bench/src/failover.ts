import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "@pointsman/local";
import pg from "pg";
import { Pool } from "pointsman";
import postgres from "postgres";
import { type Benchmark, type Count, findCount } from "./harness/benchmark.ts";
import { type Access, runOpenLoop } from "./workloads/open-loop.ts";

const writeText = "insert into requests values ($1)";
const readText = "select count(*) from requests where id = 1";

/** What happens to the writer while requests come. */
const scenarios: Readonly<Record<string, (cluster: Cluster) => Promise<void>>> = {
  "A planned": (cluster) => cluster.demote(),
  "B crash": async (cluster) => {
    await cluster.crash(cluster.servers[0]);
    await promoteLater(cluster);
  },
  "C stale endpoint": (cluster) =>
    cluster.demote({ keepConnections: false, endpointDelayMs: 5000 }),
  "D vanished host": async (cluster) => {
    await cluster.vanish(cluster.servers[0]);
    await promoteLater(cluster);
  },
};

async function promoteLater(cluster: Cluster): Promise<void> {
  await delay(2000);
  const [reader] = cluster.readers;
  if (reader !== undefined) await cluster.promote(reader);
}

/** The ways to get at the two endpoints. */
const contenders: Readonly<Record<string, (cluster: Cluster) => Access>> = {
  pointsman: ({ writer, reader }) => {
    const pool = new Pool({ writer: writer.url, reader: reader.url, max: 10 });
    return {
      write: (id) => pool.query(writeText, [id]),
      read: () => pool.query({ text: readText, consistency: "eventual" }),
      close: () => pool.end(),
    };
  },
  "pg.Pool": (cluster) => barePools(cluster, (pool, text, values) => pool.query(text, values)),
  "pg.Pool, checkouts": (cluster) =>
    barePools(cluster, async (pool, text, values) => {
      const client = await pool.connect();
      try {
        return await client.query(text, values);
      } finally {
        // As it is mostly written: the error is the caller's, and the client goes back.
        client.release();
      }
    }),
  "postgres.js": ({ writer, reader }) => {
    const quiet = { max: 10, onnotice: () => {} };
    const [toWriter, toReader] = [postgres(writer.url, quiet), postgres(reader.url, quiet)];
    return {
      write: (id) => toWriter.unsafe(writeText, [id]),
      read: () => toReader.unsafe(readText),
      close: async () => {
        await Promise.all([toWriter.end({ timeout: 1 }), toReader.end({ timeout: 1 })]);
      },
    };
  },
};

function barePools(
  { writer, reader }: Cluster,
  query: (pool: pg.Pool, text: string, values: unknown[]) => Promise<unknown>,
): Access {
  const pools = [writer, reader].map(
    ({ url }) => new pg.Pool({ connectionString: url, max: 10 }),
  ) as [pg.Pool, pg.Pool];
  for (const pool of pools) {
    pool.on("error", () => {});
    // Without this one a connection that is cut while it is checked out ends the whole process.
    pool.on("connect", (client) => client.on("error", () => {}));
  }
  return {
    write: (id) => query(pools[0], writeText, [id]),
    read: () => query(pools[1], readText, []),
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

export const benchmark: Benchmark = {
  title: "What an application sees of a failover, with this pool and with others.",
  cluster: {
    options: { readers: 2 },
    prepare: async (cluster) => {
      const client = new pg.Client({ connectionString: cluster.writer.url });
      await client.connect();
      await client.query("create table requests (id int)");
      await client.end();
      await cluster.waitForReplay();
    },
  },
  contenders: {},
  comparisons: [],
  counts: async (cluster, quick) => {
    const counts: Count[] = [];
    // What postgres.js leaves unanswered when it is closed rejects where nobody can catch it.
    process.on("unhandledRejection", ignoreDestroyed);
    for (const [scenario, strike] of Object.entries(scenarios)) {
      for (const [contender, open] of Object.entries(contenders)) {
        counts.push(...(await tried(cluster, scenario, strike, contender, open, quick)));
        await cluster.heal();
      }
    }
    process.removeListener("unhandledRejection", ignoreDestroyed);
    return counts;
  },
  goals: [
    atMost("switchover failed reads", 0, "A planned", "failed reads"),
    atMost("switchover failed writes", 0, "A planned", "failed writes"),
    atMost("stale endpoint failed writes", 0, "C stale endpoint", "failed writes"),
    atMost("vanished host stuck requests", 0, "D vanished host", "stuck"),
    atMost("crash failed reads", 0, "B crash", "failed reads"),
    atMost("first write after reachable ms", 100, "B crash", "first write after reachable ms"),
  ],
};

function ignoreDestroyed(error: unknown): void {
  if ((error as { code?: string } | undefined)?.code !== "CONNECTION_DESTROYED") throw error;
}

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

async function tried(
  cluster: Cluster,
  scenario: string,
  strike: (cluster: Cluster) => Promise<void>,
  contender: string,
  open: (cluster: Cluster) => Access,
  quick: boolean,
): Promise<Count[]> {
  const access = open(cluster);
  await Promise.all([access.write(0), access.read()]);
  const seconds = quick ? 12 : 30;
  const running = runOpenLoop(access, { seconds, writesPerSecond: 200, readsPerSecond: 2000 });
  await delay(seconds * 200);
  const struckAt = performance.now();
  const reachable = strike(cluster).then(() => whenReachable(cluster));
  const outcome = await running;
  const reachableAt = await reachable;
  await Promise.race([access.close().catch(() => {}), delay(3000)]);
  const firstWrite = outcome.writtenAt.find((at) => at > reachableAt);
  const count = (what: string, value: number): Count => ({
    name: nameOf(scenario, contender, what),
    value,
  });
  const p99 = outcome.readMillis[Math.floor(outcome.readMillis.length * 0.99)] ?? 0;
  return [
    count("failed reads", outcome.failedReads),
    count("failed writes", outcome.failedWrites),
    count("of these unknown", outcome.unknownWrites),
    count("stuck", outcome.stuck),
    count("longest gap between writes ms", outcome.longestGap),
    count("works at the end", Number(outcome.worksAtEnd)),
    count("read p99 ms", p99),
    ...(firstWrite === undefined
      ? []
      : [count("first write after reachable ms", firstWrite - reachableAt)]),
    count("writer reachable after ms", reachableAt - struckAt),
  ];
}

/** When a new connection to the writer's endpoint can write again, by `performance.now()`. */
async function whenReachable({ writer }: Cluster): Promise<number> {
  for (;;) {
    const client = new pg.Client({
      connectionString: writer.url,
      connectionTimeoutMillis: 1000,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query("create temp table reachable (id int)");
      return performance.now();
    } catch {
      await delay(5);
    } finally {
      client.end().catch(() => {});
    }
  }
}

function nameOf(scenario: string, contender: string, what: string): string {
  return `${scenario}, ${contender}: ${what}`;
}
