import type { Cluster } from "@pointsman/local";
import type { Count, Counting } from "../harness/benchmark.ts";
import type { MeasuredProcess } from "../harness/measured-process.ts";
import { serversOf } from "../harness/servers.ts";
import { spreadOf } from "../harness/statistics.ts";
import { kindsOfText } from "./distinct-texts.ts";
import { waysToRead } from "./growing-accesses.ts";
import {
  heldByCallers,
  heldByTexts,
  holdingCallersBy,
  holdingTextsBy,
  keptAfterCallers,
} from "./growth-names.ts";
import type { MemoryOfCallers } from "./held-memory.ts";

/** How far memory is followed. */
export interface MemoryCounts {
  /** Numbers of distinct texts, in ascending order. */
  readonly texts: readonly number[];
  /** Numbers of callers at once. */
  readonly callers: readonly number[];
}

const megabyte = 1024 * 1024;
const callersAtOnce = 64;
const warmUp = 5000;
/** Runs with each number of callers; the median counts. */
const repeats = 5;

/** What each way holds for texts and for callers, in processes that do nothing else. */
export async function countMemory(
  cluster: Cluster,
  { open, only = "", contender, progress }: Counting,
  { texts, callers }: MemoryCounts,
): Promise<Count[]> {
  const counts: Count[] = [];
  const count = async (name: string, use: (process: MeasuredProcess) => Promise<Count[]>) => {
    if (!name.includes(only)) return;
    progress(name);
    const process = await open(name, serversOf(cluster));
    try {
      counts.push(...(await use(process)));
      await process.close();
    } finally {
      process.kill();
    }
  };
  for (const way of waysToRead.filter((one) => contender === undefined || one === contender)) {
    for (const kind of kindsOfText) {
      await count(holdingTextsBy(way, kind), async (process) => {
        const held = await heldAfter(process, texts);
        return texts.map((number, index) => ({
          name: heldByTexts(way, kind, number),
          value: held[index] as number,
        }));
      });
    }
    await count(holdingCallersBy(way), async (process) => {
      const found: Count[] = [];
      for (const number of callers) {
        const { waiting, kept } = await heldFor(process, number);
        found.push(
          { name: heldByCallers(way, number), value: waiting },
          { name: keptAfterCallers(way, number), value: kept },
        );
      }
      return found;
    });
  }
  return counts;
}

/** Megabytes, after each number of texts. */
async function heldAfter(process: MeasuredProcess, texts: readonly number[]): Promise<number[]> {
  const { found: before } = await process.slice(warmUp, callersAtOnce);
  const held: number[] = [];
  let run = 0;
  for (const number of texts) {
    const { found } = await process.slice(number - run, callersAtOnce);
    run = number;
    held.push(((found as number) - (before as number)) / megabyte);
  }
  return held;
}

/** Megabytes, medians. */
async function heldFor(process: MeasuredProcess, callers: number): Promise<MemoryOfCallers> {
  // The first time, buffers grow and code is compiled.
  await process.slice(callers, callers);
  const all: MemoryOfCallers[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    all.push((await process.slice(callers, callers)).found as MemoryOfCallers);
  }
  const median = (of: (one: MemoryOfCallers) => number): number =>
    spreadOf(all.map(of)).median / megabyte;
  return { waiting: median(({ waiting }) => waiting), kept: median(({ kept }) => kept) };
}
