import type { Cluster } from "@pointsman/local";
import pg from "pg";
import { Pool, type PoolOptions } from "pointsman";
import {
  type Benchmark,
  type Contender,
  type Count,
  findCount,
  findResult,
} from "./harness/benchmark.ts";
import type { Servers } from "./harness/servers.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import {
  type Access,
  type Load,
  runSessions,
  type Strategy,
} from "./workloads/sessions-on-lagging-readers.ts";

const readText = "select n, current_setting('cluster_name') as server from counters where id = $1";
const writeText = "update counters set n = n + 1 where id = $1 returning n";

const eventual = "pointsman, eventual";
const guarded = "pointsman, process";
const inSession = "pointsman, in a session";
const reads = "a read by key, nothing outstanding, no lag";

const lags = [0, 5, 50, 500, 2000];
const writeShares = [0.01, 0.1, 0.3];

export const benchmark: Benchmark = {
  title: "What fresh reads cost, and how many of them readers serve, against other ways.",
  cluster: {
    options: { readers: 2 },
    prepare: async (cluster) => {
      const client = new pg.Client({ connectionString: cluster.writer.url });
      await client.connect();
      await client.query(
        "create table counters (id int primary key, n int not null default 0); insert into counters select generate_series(0, 999)",
      );
      await client.end();
      await cluster.waitForReplay();
    },
  },
  contenders: {
    [eventual]: (servers) => reading(servers, { consistency: "eventual" }),
    [guarded]: (servers) => reading(servers, {}),
    [inSession]: (servers) => readingInSession(servers),
  },
  comparisons: [
    {
      name: reads,
      contenders: [eventual, guarded, inSession],
      baseline: eventual,
      concurrency: [1, 64],
    },
  ],
  counts: async (cluster, { quick }) => {
    const counts: Count[] = [];
    for (const lag of quick ? [50] : lags) {
      await cluster.lag(lag);
      for (const writeShare of quick ? [0.1] : writeShares) {
        counts.push(...(await countStrategies(cluster, lag, writeShare, quick)));
      }
    }
    await cluster.lag(0);
    return [
      ...counts,
      { name: "stale reads of pointsman, all lags and write shares", value: staleOf(counts) },
    ];
  },
  goals: [
    {
      name: "stale reads",
      atMost: 0,
      measured: (_results, counts) =>
        findCount(counts, "stale reads of pointsman, all lags and write shares"),
    },
    {
      name: "reader share at 10% writes 50 ms",
      atLeast: 0.9,
      measured: (_results, counts) => findCount(counts, nameOf("session", 50, 0.1, "reader share")),
    },
    {
      name: "guard cpu overhead",
      atMost: 0.05,
      measured: (results) => {
        const ratio = findResult(results, reads, guarded, 64)?.cpuRatio;
        if (ratio === undefined) return undefined;
        const { min, q1, median, q3, max } = ratio;
        return { min: min - 1, q1: q1 - 1, median: median - 1, q3: q3 - 1, max: max - 1 };
      },
    },
  ],
};

async function reading(servers: Servers, options: PoolOptions): Promise<Contender> {
  const pool = poolOn(servers, options);
  // From here on there is a position that reads must see, and that readers soon have.
  await pool.query(writeText, [0]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return {
    run: closedLoop(() => pool.query(readText, [1])),
    close: () => pool.end(),
  };
}

async function readingInSession(servers: Servers): Promise<Contender> {
  const pool = poolOn(servers, {});
  const token = await pool.session(async (session) => {
    await pool.query(writeText, [0]);
    return session.token;
  });
  const loop = closedLoop(() => pool.query(readText, [1]));
  return {
    run: (operations, concurrency) =>
      pool.session(async () => loop(operations, concurrency), { after: token }),
    close: () => pool.end(),
  };
}

function poolOn(servers: Servers, options: PoolOptions): Pool {
  const readers = [servers["reader1"], servers["reader2"]].filter((url) => url !== undefined);
  return new Pool({ writer: servers["writer"], readers, max: 10, ...options });
}

/** The ways that there are to read what one has written. */
const strategies: Readonly<Record<string, (servers: Servers) => Strategy>> = {
  session: (servers) => {
    const pool = poolOn(servers, {});
    return {
      session: (work) => pool.session(() => work(accessTo(pool, () => pool))),
      close: () => pool.end(),
    };
  },
  process: (servers) => {
    const pool = poolOn(servers, {});
    return { session: (work) => work(accessTo(pool, () => pool)), close: () => pool.end() };
  },
  "2 s window": (servers) =>
    splitByHand(servers, (sinceWrite) => (sinceWrite < 2000 ? "writer" : "reader")),
  "always writer": (servers) => splitByHand(servers, () => "writer"),
  none: (servers) => splitByHand(servers, () => "reader"),
};

function splitByHand(
  servers: Servers,
  choose: (sinceWrite: number) => "writer" | "reader",
): Strategy {
  const writer = new pg.Pool({ connectionString: servers["writer"], max: 10 });
  const readers = [servers["reader1"], servers["reader2"]].map(
    (connectionString) => new pg.Pool({ connectionString, max: 5 }),
  );
  // A pool without a listener ends the process when a connection is lost, whatever the reason was.
  for (const pool of [writer, ...readers]) pool.on("error", () => {});
  let turn = 0;
  return {
    session: (work) => {
      let wroteAt = Number.NEGATIVE_INFINITY;
      const choice = (): pg.Pool => {
        if (choose(performance.now() - wroteAt) === "writer") return writer;
        turn += 1;
        return readers[turn % readers.length] as pg.Pool;
      };
      const access = accessTo(writer, choice);
      const write = async (row: number): Promise<number> => {
        const number = await access.write(row);
        wroteAt = performance.now();
        return number;
      };
      return work({ ...access, write });
    },
    close: async () => {
      await Promise.all([writer, ...readers].map((pool) => pool.end()));
    },
  };
}

function accessTo(writer: pg.Pool, readFrom: () => pg.Pool): Access {
  return {
    write: async (row) => (await writer.query(writeText, [row])).rows[0].n,
    read: async (row) => {
      const { n: number, server } = (await readFrom().query(readText, [row])).rows[0];
      return { number, server };
    },
  };
}

async function countStrategies(
  cluster: Cluster,
  lag: number,
  writeShare: number,
  quick: boolean,
): Promise<Count[]> {
  const servers = Object.fromEntries(cluster.servers.map(({ name, direct }) => [name, direct.url]));
  const load: Load = { sessions: 50, seconds: quick ? 0.5 : 3, writeShare, thinkMs: 100 };
  const counts: Count[] = [];
  for (const [name, open] of Object.entries(strategies)) {
    const strategy = open(servers);
    const outcome = await runSessions(strategy, load);
    await strategy.close();
    const { latencies, stale, failed, onReaders } = outcome;
    const at = (share: number): number => latencies[Math.floor(share * latencies.length)] ?? 0;
    const add = (what: string, value: number): void => {
      counts.push({ name: nameOf(name, lag, writeShare, what), value });
    };
    add("reader share", onReaders / outcome.reads);
    add("stale reads", stale);
    add("failed reads", failed);
    add("p50 ms", at(0.5));
    add("p99 ms", at(0.99));
  }
  return counts;
}

function nameOf(strategy: string, lag: number, writeShare: number, what: string): string {
  return `${strategy}, lag ${lag} ms, ${Math.round(100 * writeShare)} % writes: ${what}`;
}

/** Of both ways of pointsman. */
function staleOf(counts: readonly Count[]): number {
  return counts
    .filter(({ name }) => /^(session|process),.*stale reads$/.test(name))
    .reduce((sum, { value }) => sum + value, 0);
}
