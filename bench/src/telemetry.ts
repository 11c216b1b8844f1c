import { pathToFileURL } from "node:url";
import type { Pool } from "pointsman";
import { createPool, listenTo } from "pointsman";
import { type Benchmark, type Contender, findResult } from "./harness/benchmark.ts";
import type { Servers } from "./harness/servers.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import { keys, makeKeyValueTable } from "./workloads/key-value-table.ts";

/** A folder with another build of the package, to measure this one against. */
const base = process.env["POINTSMAN_BENCH_BASE"];
const quiet = "nobody listens";

export const benchmark: Benchmark = {
  title: "What telemetry costs: nobody listens, and whoever does.",
  cluster: { options: { readers: 1 }, prepare: makeKeyValueTable },
  contenders: {
    [quiet]: (servers) => reading(poolOn(servers)),
    "nobody listens, again": (servers) => reading(poolOn(servers)),
    "a listener to statement:end": (servers) =>
      reading(poolOn(servers), (pool) => listenTo(pool, { "statement:end": () => {} })),
    "this build": async (servers) => reading(await builtPool(ownBuild, servers)),
    "this build, again": async (servers) => reading(await builtPool(ownBuild, servers)),
    "another build": async (servers) => reading(await builtPool(base ?? ownBuild, servers)),
  },
  comparisons: [
    {
      name: "a read",
      contenders: [quiet, "nobody listens, again", "a listener to statement:end"],
      baseline: quiet,
      concurrency: [1, 64],
    },
    ...(base === undefined
      ? []
      : [
          {
            name: "a read that nobody listens to, against another build",
            contenders: ["another build", "this build", "this build, again"],
            baseline: "another build",
            concurrency: [1, 64],
          },
        ]),
  ],
  rounds: 40,
  leftOut:
    base === undefined
      ? ["another build: POINTSMAN_BENCH_BASE does not say where the package is that has it"]
      : [],
  goals: [
    {
      name: "cpu ratio with no listener, against another build, at 64",
      atMost: 1.01,
      measured: (results) =>
        findResult(
          results,
          "a read that nobody listens to, against another build",
          "this build",
          64,
        )?.cpuRatio,
    },
  ],
};

const ownBuild = new URL("../../../packages/pointsman", import.meta.url).pathname;

function poolOn(servers: Servers): Pool {
  return createPool(optionsFor(servers));
}

/** A pool of a package as it was built, bundled with nothing. */
async function builtPool(folder: string, servers: Servers): Promise<Pool> {
  const built = await import(pathToFileURL(`${folder}/dist/index.mjs`).href);
  return built.createPool(optionsFor(servers));
}

function optionsFor(servers: Servers) {
  return {
    writer: servers["writer"] as string,
    readers: [servers["reader1"] as string],
    max: 10,
  };
}

/** @param watch - begins to listen, and tells how to end that */
async function reading(pool: Pool, watch?: (pool: Pool) => () => void): Promise<Contender> {
  const stop = watch?.(pool);
  const nextKey = keys();
  const read = () => pool.query("select * from kv where id = $1", [nextKey()]);
  await read();
  if (pool.stats().targets.reader !== 1) throw new Error("The read did not go to the reader.");
  return {
    run: closedLoop(read),
    close: async () => {
      stop?.();
      await pool.end();
    },
  };
}
