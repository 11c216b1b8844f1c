import type { Benchmark, Comparison, Result } from "./benchmark.ts";
import { MeasuredProcess } from "./measured-process.ts";
import type { Slice } from "./protocol.ts";
import type { Servers } from "./servers.ts";
import { pairwiseRatios, type Spread, spreadOf } from "./statistics.ts";

/** How long and how often to measure. */
export interface Effort {
  /** Slices of each contender in each comparison. */
  readonly rounds: number;
  /** How often all processes are started anew; the rounds are shared out among the sittings. */
  readonly sittings: number;
  /** Milliseconds of warm-up of each contender in each comparison. */
  readonly warmUpMs: number;
  /** Milliseconds that a slice should take. */
  readonly sliceMs: number;
  /** Folder for CPU profiles, if any are wanted. */
  readonly profile?: string | undefined;
}

/** Two compilations of the same code may differ by some percent for the life of a process. */
const sittings = 4;

export function effortFor(rounds: number, quick: boolean): Effort {
  return quick
    ? { rounds, sittings: 1, warmUpMs: 20, sliceMs: 10 }
    : { rounds, sittings: Math.min(sittings, rounds), warmUpMs: 700, sliceMs: 60 };
}

/** A comparison at one concurrency, and the slices of its contenders, round by round. */
interface Course {
  readonly comparison: Comparison;
  readonly concurrency: number;
  operations: number;
  readonly slices: Map<string, Slice[]>;
}

/**
 * Measures all comparisons of a benchmark.
 *
 * @param program - of the measured processes
 * @param progress - hears what is being measured
 */
export async function measure(
  benchmark: Benchmark,
  program: string,
  servers: Servers,
  effort: Effort,
  progress: (doing: string) => void = () => {},
): Promise<readonly Result[]> {
  const courses = benchmark.comparisons.flatMap(coursesOf);
  for (let sitting = 0; sitting < effort.sittings; sitting += 1) {
    for (const comparison of benchmark.comparisons) {
      progress(`${comparison.name}, sitting ${sitting + 1} of ${effort.sittings}`);
      await sit(
        courses.filter((course) => course.comparison === comparison),
        comparison,
        (contender) => MeasuredProcess.open(program, contender, servers, effort.profile),
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
    for (const name of contenders) processes.set(name, await open(name));
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
  { warmUpMs, sliceMs }: Effort,
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
  return operations;
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
