import type { Cluster } from "@pointsman/local";
import {
  type Benchmark,
  type Contender,
  type Count,
  type Counting,
  findCount,
  findResult,
  type OpenContender,
} from "./harness/benchmark.ts";
import { serversOf } from "./harness/servers.ts";
import { spreadOf } from "./harness/statistics.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import { keys, makeKeyValueTable } from "./workloads/key-value-table.ts";
import { ormReaders } from "./workloads/orm-readers.ts";
import { pgpoolProgram } from "./workloads/pgpool.ts";
import { RawReader } from "./workloads/raw-reader.ts";
import { readerOf, type SplitAccess, splitAccesses } from "./workloads/split-accesses.ts";

const byKey = "select * from kv where id = $1";
const concurrency = [1, 10, 64, 256];
const quickConcurrency = [1, 64];
const baseline = "pg.Pool";
const slowCallers = 64;

/** What an application asks, once. */
type Operation = (access: SplitAccess) => () => Promise<unknown>;

const operations: Readonly<Record<string, Operation>> = {
  "reads by key": (access) => {
    const next = keys();
    return () => access.read(byKey, [next()]);
  },
  "reads by key in the text": (access) => {
    const next = keys();
    return () => access.read(`select * from kv where id = ${next()}`, []);
  },
  "a join of 20 rows": (access) => {
    const next = keys();
    const text =
      "select a.id, a.value, b.value as other from kv a join kv b on b.id = a.id where a.id between $1 and $1 + 19";
    return () => access.read(text, [next() % 980]);
  },
  "mix 90/10": (access) => {
    const next = keys();
    let turn = 0;
    return () => {
      turn += 1;
      if (turn % 10 !== 0) return access.read(byKey, [next()]);
      return access.write("update kv set value = $2 where id = $1", [next(), `value ${turn}`]);
    };
  },
};

const ways = (Object.keys(splitAccesses) as (keyof typeof splitAccesses)[]).filter(
  (way) => way !== "pgpool-II" || pgpoolProgram !== undefined,
);
/** As in "mix 90/10: pg.Pool". */
const nameOf = (what: string, way: string): string => `${what}: ${way}`;
const limit = nameOf("reads by key", "limit");
const slowMix = "mix with 1 % slow reads";

export const benchmark: Benchmark = {
  title: "How many statements a second, and what each costs the client, against other ways.",
  cluster: { options: { readers: 1 }, prepare: makeKeyValueTable },
  contenders: {
    ...Object.fromEntries(
      Object.entries(operations).flatMap(([what, operation]) =>
        ways.map((way): [string, OpenContender] => [
          nameOf(what, way),
          (servers) => looping(splitAccesses[way](servers), operation),
        ]),
      ),
    ),
    [limit]: async (servers) => {
      const reader = await RawReader.open(readerOf(servers), byKey);
      const next = keys();
      return { run: closedLoop(() => reader.read(next())), close: () => reader.close() };
    },
    ...Object.fromEntries(
      Object.entries(ormReaders).map(([name, open]): [string, OpenContender] => [
        name,
        async (servers) => {
          const reader = await open(servers);
          const next = keys();
          return {
            run: closedLoop(() => reader.read(next())),
            close: async () => {
              await reader.close();
            },
          };
        },
      ]),
    ),
    ...Object.fromEntries(
      ([baseline, "pointsman"] as const).map((way): [string, OpenContender] => [
        nameOf(slowMix, way),
        (servers) => withSlowReads(splitAccesses[way](servers)),
      ]),
    ),
  },
  comparisons: [
    ...Object.keys(operations).map((what) => ({
      name: what,
      contenders: [
        ...ways.map((way) => nameOf(what, way)),
        ...(what === "reads by key" ? [limit] : []),
      ],
      baseline: nameOf(what, baseline),
      concurrency,
      quickConcurrency,
    })),
    ...["Drizzle", "Kysely", "TypeORM", "Sequelize"].map((orm) => ({
      name: `reads by key through ${orm}`,
      contenders: Object.keys(ormReaders).filter((name) => name.startsWith(orm)),
      baseline: `${orm} on pg.Pool`,
      concurrency,
      quickConcurrency,
    })),
  ],
  rounds: 8,
  leastOperations: (callers) => (callers === 1 ? 1000 : 5000),
  leftOut:
    pgpoolProgram === undefined
      ? ["pgpool-II: POINTSMAN_BENCH_PGPOOL does not say where its program is"]
      : [],
  counts: countSlowMix,
  goals: [
    throughputGoal("reads by key x pg.Pool at 64", 3, "reads by key", 64),
    {
      name: "client cpu x pg.Pool at 64",
      atMost: 0.45,
      measured: (results) =>
        findResult(results, "reads by key", nameOf("reads by key", "pointsman"), 64)?.cpuRatio,
    },
    relativeGoal("reads by key x limit at 64", 0.7, limit),
    relativeGoal(
      "reads by key x pipelined at 64",
      0.85,
      nameOf("reads by key", "pg.Client, pipelined"),
    ),
    throughputGoal("reads by key x pg.Pool at 1", 1, "reads by key", 1),
    throughputGoal("mix 90/10 x pg.Pool at 64", 2, "mix 90/10", 64),
    {
      name: "slow mix short-read p99 x pg.Pool",
      atMost: 1,
      measured: (_results, counts) => findCount(counts, `${slowMix}: p99 x pg.Pool`),
    },
  ],
};

function throughputGoal(
  name: string,
  atLeast: number,
  what: string,
  at: number,
): Benchmark["goals"][number] {
  return {
    name,
    atLeast,
    measured: (results) =>
      findResult(results, what, nameOf(what, "pointsman"), at)?.throughputRatio,
  };
}

/** Against another way than the baseline: the ratio of the medians. */
function relativeGoal(name: string, atLeast: number, other: string): Benchmark["goals"][number] {
  return {
    name,
    atLeast,
    measured: (results) => {
      const rate = (contender: string): number | undefined =>
        findResult(results, "reads by key", contender, 64)?.operationsPerSecond.median;
      const [own, theirs] = [rate(nameOf("reads by key", "pointsman")), rate(other)];
      return own === undefined || theirs === undefined ? undefined : spreadOf([own / theirs]);
    },
  };
}

async function looping(
  opened: SplitAccess | Promise<SplitAccess>,
  operation: Operation,
): Promise<Contender> {
  const access = await opened;
  return {
    run: closedLoop(operation(access)),
    close: async () => {
      await access.close();
    },
  };
}

/** Of a hundred reads one takes 50 ms at the server; what the others take is noted. */
async function withSlowReads(opened: SplitAccess | Promise<SplitAccess>): Promise<Contender> {
  const access = await opened;
  const next = keys();
  let turn = 0;
  let millis: number[] = [];
  const read = async (): Promise<void> => {
    turn += 1;
    if (turn % 100 === 0) {
      await access.read("select pg_sleep(0.05)", []);
      return;
    }
    const start = performance.now();
    await access.read(byKey, [next()]);
    millis.push(performance.now() - start);
  };
  return {
    async run(count, callers) {
      millis = [];
      await closedLoop(read)(count, callers);
    },
    found: () => {
      const sorted = millis.sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length * 0.99)];
    },
    close: async () => {
      await access.close();
    },
  };
}

/** The p99 of the short reads, taken in turns. */
async function countSlowMix(
  cluster: Cluster,
  { quick, only = "", open }: Counting,
): Promise<Count[]> {
  if (!slowMix.includes(only)) return [];
  const servers = serversOf(cluster);
  const measured = await Promise.all(
    [baseline, "pointsman"].map((way) => open(nameOf(slowMix, way), servers)),
  );
  const [rounds, count] = quick ? [2, 500] : [20, 5000];
  const ratios: number[] = [];
  const p99s: number[][] = measured.map(() => []);
  for (const process of measured) await process.slice(count, slowCallers);
  for (let round = 0; round < rounds; round += 1) {
    const found: number[] = [];
    for (const process of measured) {
      found.push((await process.slice(count, slowCallers)).found as number);
    }
    for (const [index, p99] of found.entries()) p99s[index]?.push(p99);
    ratios.push((found[1] ?? Number.NaN) / (found[0] ?? Number.NaN));
  }
  for (const process of measured) await process.close();
  const median = (of: number[]): number => spreadOf(of).median;
  return [
    { name: `${slowMix}: short-read p99 of pg.Pool, ms`, value: median(p99s[0] ?? []) },
    { name: `${slowMix}: short-read p99 of pointsman, ms`, value: median(p99s[1] ?? []) },
    { name: `${slowMix}: p99 x pg.Pool`, value: median(ratios) },
  ];
}
