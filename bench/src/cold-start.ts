import { type Benchmark, type Count, findCount } from "./harness/benchmark.ts";
import { serversOf } from "./harness/servers.ts";
import { pairwiseRatios, spreadOf } from "./harness/statistics.ts";
import {
  type ColdProgram,
  type ColdStart,
  startCold,
  writeColdPrograms,
} from "./workloads/cold-programs.ts";
import { installProject } from "./workloads/installed-project.ts";

const rounds = 20;
const times = {
  loaded: "ms until it is loaded",
  answered: "ms until the first answer",
  cpu: "ms of CPU until then",
} as const satisfies Record<keyof ColdStart, string>;
const added = "ms added to the first answer";
const ratio = "times pg until the first answer";
const size = "KB of the program";
const installed = {
  pg: "KB installed: pg",
  added: "KB installed: what comes on top of pg",
} as const;

const nameOf = ({ library, way }: ColdProgram): string => `${library}, ${way}`;

export const benchmark: Benchmark = {
  title: "A cold start: from nothing loaded to the first answer, against bare pg.",
  cluster: { options: { readers: 1 } },
  contenders: {},
  comparisons: [],
  counts: async (cluster, { quick, progress }) => {
    progress("installing the library as it was built last");
    const project = await installProject();
    try {
      const programs = await writeColdPrograms(project.folder);
      const { writer = "", reader1 } = serversOf(cluster);
      const starts = new Map(programs.map((program) => [program, [] as ColdStart[]]));
      // The first one fills the caches of the disk, and does not count.
      for (let round = 0; round <= (quick ? 1 : rounds); round += 1) {
        progress(`round ${round}`);
        const order = round % 2 === 0 ? programs : programs.toReversed();
        for (const program of order) {
          const start = await startCold(program, writer, reader1);
          if (round > 0) starts.get(program)?.push(start);
        }
      }
      return [
        { name: installed.pg, value: project.pgBytes / 1000 },
        { name: installed.added, value: project.addedBytes / 1000 },
        ...programs.flatMap((program) => countsOf(program, starts)),
      ];
    } finally {
      await project.remove();
    }
  },
  goals: ["ESM", "CommonJS", "a bundle"].map((way) => ({
    name: `${added}, ${way}`,
    atMost: 200,
    measured: (_results, counts) => findCount(counts, `pointsman, ${way}: ${added}`),
  })),
  tables: (_results, counts) => {
    const names = [...new Set(counts.map(({ name }) => name.split(": ")[0] ?? ""))].slice(1);
    const columns = [...Object.values(times), ratio, size];
    const shownOf = (name: string): string => {
      const value = findCount(counts, name)?.median;
      return value === undefined ? "" : value.toFixed(name.endsWith(ratio) ? 2 : 0);
    };
    return [
      {
        title: `Medians of ${rounds} starts each, in turns`,
        head: ["", ...columns],
        rows: names.map((name) => [
          name,
          ...columns.map((column) => shownOf(`${name}: ${column}`)),
        ]),
      },
    ];
  },
};

function countsOf(program: ColdProgram, starts: Map<ColdProgram, ColdStart[]>): Count[] {
  const own = starts.get(program) ?? [];
  const name = nameOf(program);
  const counts = (Object.keys(times) as (keyof ColdStart)[]).map((key) => ({
    name: `${name}: ${times[key]}`,
    value: spreadOf(own.map((start) => start[key])).median,
  }));
  if (program.way === "a bundle")
    counts.push({ name: `${name}: ${size}`, value: program.bytes / 1000 });
  const baseline = [...starts].find(
    ([{ library, way }]) => library === "pg" && way === program.way,
  );
  if (program.library === "pg" || baseline === undefined) return counts;
  const theirs = baseline[1].map(({ answered }) => answered);
  const ours = own.map(({ answered }) => answered);
  const more = ours.map((millis, index) => millis - (theirs[index] ?? 0));
  return [
    ...counts,
    { name: `${name}: ${ratio}`, value: spreadOf(pairwiseRatios(ours, theirs)).median },
    { name: `${name}: ${added}`, value: spreadOf(more).median },
  ];
}
