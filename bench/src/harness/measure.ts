import type { Comparison, Result } from "./benchmark.ts";
import type { Effort } from "./effort.ts";
import type { MeasuredProcess } from "./measured-process.ts";
import type { Slice } from "./protocol.ts";
import type { Servers } from "./servers.ts";
import { pairwiseRatios, type Spread, spreadOf } from "./statistics.ts";

/** A comparison at one concurrency, and the slices of its contenders, round by round. */
interface Course {
  readonly comparison: Comparison;
  readonly concurrency: number;
  operations: number;
  readonly slices: Map<string, Slice[]>;
}

/** Where to measure. */
export interface Place {
  /** Makes a contender ready, in a process of its own. */
  readonly open: (contender: string, servers: Servers) => Promise<MeasuredProcess>;
  /** Gives the servers, with so many readers among them; absent: as many as at the beginning. */
  readonly serversWith: (readers?: number) => Promise<Servers>;
  /** Hears what is being measured. */
  readonly progress: (doing: string) => void;
}

/** Measures comparisons. */
export async function measure(
  comparisons: readonly Comparison[],
  { open, serversWith, progress }: Place,
  effort: Effort,
): Promise<readonly Result[]> {
  const courses = comparisons.flatMap(coursesOf);
  for (let sitting = 0; sitting < effort.sittings; sitting += 1) {
    for (const comparison of comparisons) {
      progress(`${comparison.name}, sitting ${sitting + 1} of ${effort.sittings}`);
      const servers = await serversWith(comparison.readers);
      await sit(
        courses.filter((course) => course.comparison === comparison),
        comparison,
        (contender) => open(contender, servers),
        { ...effort, rounds: shareOf(effort, sitting) },
      );
    }
  }
  return courses.flatMap(resultsOf);
}

function coursesOf(comparison: Comparison): Course[] {
  return (comparison.concurrency ?? [1]).map((concurrency) => ({
    comparison,
    concurrency,
    operations: comparison.operations ?? 0,
    slices: new Map(comparison.contenders.map((name) => [name, []])),
  }));
}

/** The rounds of one sitting: as many in each, the first ones take the rest. */
function shareOf({ rounds, sittings }: Effort, sitting: number): number {
  return Math.floor(rounds / sittings) + (sitting < rounds % sittings ? 1 : 0);
}

async function sit(
  courses: readonly Course[],
  { contenders }: Comparison,
  open: (contender: string) => Promise<MeasuredProcess>,
  effort: Effort,
): Promise<void> {
  const processes = new Map<string, MeasuredProcess>();
  try {
    const opening = await Promise.allSettled(
      contenders.map(async (name) => processes.set(name, await open(name))),
    );
    for (const opened of opening) if (opened.status === "rejected") throw opened.reason;
    for (const course of courses) await run(course, processes, effort);
    await Promise.all([...processes.values()].map((process) => process.close()));
  } catch (error) {
    for (const process of processes.values()) process.kill();
    throw error;
  }
}

async function run(
  course: Course,
  processes: ReadonlyMap<string, MeasuredProcess>,
  effort: Effort,
): Promise<void> {
  const perSlice: number[] = [];
  for (const process of processes.values()) perSlice.push(await warmUp(process, course, effort));
  // The same for all, and for all sittings.
  if (course.operations === 0) course.operations = Math.min(...perSlice);
  for (let round = 0; round < effort.rounds; round += 1) {
    const order = [...processes];
    // There and back again: nobody is always the one behind the other.
    if (round % 2 === 1) order.reverse();
    for (const [name, process] of order) {
      const slice = await process.slice(course.operations, course.concurrency);
      course.slices.get(name)?.push(slice);
    }
  }
}

/**
 * Runs until the code is compiled, and tells how many operations a slice should have: by the best
 * pace that was seen, or a moment's disturbance would make all slices too short to mean anything.
 */
async function warmUp(
  process: MeasuredProcess,
  { concurrency, comparison }: Course,
  { warmUpMs, sliceMs, leastOperations }: Effort,
): Promise<number> {
  const deadline = performance.now() + warmUpMs;
  let operations = comparison.operations ?? Math.max(concurrency, 10);
  do {
    const { wallNs } = await process.slice(operations, concurrency);
    if (comparison.operations === undefined) {
      const fitting = Math.round((operations * sliceMs * 1e6) / wallNs);
      operations = Math.max(operations, Math.min(fitting, operations * 10));
    }
  } while (performance.now() < deadline);
  return comparison.operations ?? Math.max(operations, leastOperations(concurrency));
}

function resultsOf({ comparison, concurrency, operations, slices }: Course): Result[] {
  const base = comparison.baseline === undefined ? undefined : slices.get(comparison.baseline);
  return [...slices].map(([contender, own]) => ({
    comparison: comparison.name,
    contender,
    concurrency,
    operations,
    rounds: own.length,
    wallNs: spreadOf(own.map(({ wallNs }) => wallNs / operations)),
    cpuNs: spreadOf(own.map(({ cpuNs }) => cpuNs / operations)),
    operationsPerSecond: spreadOf(own.map(({ wallNs }) => (operations * 1e9) / wallNs)),
    ...(base === undefined || base === own
      ? {}
      : {
          baseline: comparison.baseline as string,
          cpuRatio: ratio(own, base, ({ cpuNs }) => cpuNs),
          throughputRatio: ratio(base, own, ({ wallNs }) => wallNs),
        }),
  }));
}

function ratio(
  of: readonly Slice[],
  over: readonly Slice[],
  figure: (slice: Slice) => number,
): Spread {
  return spreadOf(pairwiseRatios(of.map(figure), over.map(figure)));
}
