import {
  type Benchmark,
  type Contender,
  type Count,
  findCount,
  type OpenContender,
} from "./harness/benchmark.ts";
import { spreadOf } from "./harness/statistics.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import { countMemory } from "./workloads/count-memory.ts";
import { distinctTexts, type KindOfText, kindsOfText } from "./workloads/distinct-texts.ts";
import {
  growingAccesses,
  type ReadAccess,
  type WayToRead,
  waysToRead,
} from "./workloads/growing-accesses.ts";
import {
  byCallers,
  byReaders,
  heldByTexts,
  holdingCallersBy,
  holdingTextsBy,
  keptAfterCallers,
  overTexts,
  overTextsBy,
} from "./workloads/growth-names.ts";
import { growthTables } from "./workloads/growth-tables.ts";
import { holdingCallers, holdingTexts } from "./workloads/held-memory.ts";
import { keys, makeKeyValueTable } from "./workloads/key-value-table.ts";

const byKey = "select * from kv where id = $1";
const baseline = "pg.Pool";
const callersAtOnce = 64;

const texts = [10, 100, 1000, 10_000, 100_000];
const callers = [1, 10, 100, 1000, 10_000];
const readers = [1, 2, 4, 8];
/** More is for full runs: many texts take long to run once, and many servers to start. */
const [mostQuickTexts, mostQuickReaders] = [1000, 2];

/** The memory of texts is full before the first of them: what the second adds is not bounded. */
const beyondTheBound = [20_000, 100_000] as const;
const memoryOf = { texts: [1000, 10_000, ...beyondTheBound], callers: [1000, 10_000] };
const quickMemoryOf = { texts: [100, 1000], callers: [100, 1000] };
/** So many texts are run once before they are measured: more than are remembered. */
const mostTextsBefore = 12_000;

export const benchmark: Benchmark = {
  title: "How cost and memory grow with distinct texts, callers and readers.",
  cluster: { options: { readers: 1 }, prepare: makeKeyValueTable },
  contenders: Object.fromEntries(waysToRead.flatMap(contendersOf)),
  comparisons: [
    ...kindsOfText.flatMap((kind) =>
      texts.map((count) => ({
        name: overTexts(kind, count),
        contenders: waysToRead.map((way) => overTextsBy(way, kind, count)),
        baseline: overTextsBy(baseline, kind, count),
        concurrency: [callersAtOnce],
        onlyInFull: count > mostQuickTexts,
      })),
    ),
    { name: byCallers, contenders: waysToRead, baseline, concurrency: callers },
    ...readers.map((count) => ({
      name: byReaders(count),
      contenders: waysToRead,
      baseline,
      concurrency: [callersAtOnce],
      readers: count,
      onlyInFull: count > mostQuickReaders,
    })),
  ],
  rounds: 12,
  leastOperations: (atOnce) => (atOnce === 1 ? 500 : Math.max(2000, 2 * atOnce)),
  counts: (cluster, counting) =>
    countMemory(cluster, counting, counting.quick ? quickMemoryOf : memoryOf),
  goals: [
    ...kindsOfText.map((kind) => ({
      name: `memory from ${beyondTheBound.join(" to ")} ${kind}, MB`,
      atMost: 2,
      measured: (_results: unknown, counts: readonly Count[]) => {
        const [full, beyond] = beyondTheBound.map(
          (count) => findCount(counts, heldByTexts("pointsman", kind, count))?.median,
        );
        return full === undefined || beyond === undefined ? undefined : spreadOf([beyond - full]);
      },
    })),
    {
      name: "memory after 10000 callers, MB",
      atMost: 1,
      measured: (_results, counts) => findCount(counts, keptAfterCallers("pointsman", 10_000)),
    },
  ],
  tables: (results, counts) => {
    // What was counted depends on how the run was: rows that have no figures are left out.
    const heldTexts = [...quickMemoryOf.texts, ...memoryOf.texts];
    const heldCallers = [...quickMemoryOf.callers, ...memoryOf.callers];
    const growth = { texts, callers, readers, callersAtOnce };
    return growthTables(results, counts, {
      ...growth,
      heldTexts: [...new Set(heldTexts)],
      heldCallers: [...new Set(heldCallers)],
    });
  },
};

function contendersOf(way: WayToRead): [string, OpenContender][] {
  const open = growingAccesses[way];
  return [
    [way, (servers) => reading(open(servers))],
    [holdingCallersBy(way), (servers) => holdingCallers(open(servers))],
    ...kindsOfText.flatMap((kind): [string, OpenContender][] => [
      [holdingTextsBy(way, kind), (servers) => holdingTexts(open(servers), kind)],
      ...texts.map((count): [string, OpenContender] => [
        overTextsBy(way, kind, count),
        (servers) => readingTexts(open(servers), kind, count),
      ]),
    ]),
  ];
}

function reading(access: ReadAccess): Contender {
  const next = keys();
  return looping(access, () => access.read(byKey, [next()]));
}

/** One text after the other, and from the beginning again. */
async function readingTexts(
  access: ReadAccess,
  kind: KindOfText,
  count: number,
): Promise<Contender> {
  let turn = 0;
  const read = () => {
    turn = (turn + 1) % count;
    const { text, values } = distinctTexts[kind](turn);
    return access.read(text, values);
  };
  await closedLoop(read)(Math.min(count, mostTextsBefore), callersAtOnce);
  return looping(access, read);
}

function looping(access: ReadAccess, read: () => Promise<unknown>): Contender {
  return {
    run: closedLoop(read),
    close: async () => {
      await access.close();
    },
  };
}
