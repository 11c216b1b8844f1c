import { createPool, type Pool } from "pointsman";
import {
  type Benchmark,
  type Contender,
  type Count,
  findCount,
  findResult,
} from "./harness/benchmark.ts";
import { type Servers, serversOf } from "./harness/servers.ts";
import { type Asked, asking } from "./workloads/asking.ts";
import { bigSchema, callOf, makeBigSchema } from "./workloads/big-schema.ts";

const texts = "a text never seen, by the texts alone";
const known = "a text never seen, with the database known";
const askers = { "with the catalog": true, "without it": false } as const;
const numbers = {
  millis: "ms until the database is known",
  cpuMillis: "ms of CPU meanwhile",
  longestPause: "ms of the longest pause of the event loop",
  slowestRead: "ms of the slowest read",
  heldMegabytes: "MB held",
} as const satisfies Record<keyof Asked, string>;
const repeats = 7;

export const benchmark: Benchmark = {
  title: `What knowing the database costs: ${bigSchema.functions} functions and ${bigSchema.views} views.`,
  cluster: { options: { readers: 1 }, prepare: makeBigSchema },
  contenders: {
    [texts]: (servers) => explaining(open(servers, false)),
    [known]: (servers) => explaining(open(servers, true)),
    ...Object.fromEntries(
      Object.entries(askers).map(([name, catalog]) => [
        name,
        (servers: Servers) => asking(() => open(servers, catalog), catalog),
      ]),
    ),
  },
  comparisons: [
    { name: "explain, cold", contenders: [texts, known], baseline: texts, operations: 1000 },
  ],
  counts: async (cluster, { open: process, quick, progress }) => {
    const counts: Count[] = [];
    for (const name of Object.keys(askers)) {
      progress(name);
      const measured = await process(name, serversOf(cluster));
      try {
        for (let repeat = 0; repeat < (quick ? 1 : repeats); repeat += 1) {
          const asked = (await measured.slice(1, 1)).found as Asked;
          for (const [key, what] of Object.entries(numbers)) {
            // What a pool leaves behind is thrown away while the next one is measured.
            if (key === "heldMegabytes" && repeat > 0) continue;
            counts.push({ name: `${name}: ${what}`, value: asked[key as keyof Asked] });
          }
        }
        await measured.close();
      } finally {
        measured.kill();
      }
    }
    return counts;
  },
  goals: [
    {
      name: "explain of a text never seen, with functions, times the texts alone",
      atMost: 1.3,
      measured: (results) => findResult(results, "explain, cold", known)?.cpuRatio,
    },
    {
      name: "MB held",
      atMost: 8,
      measured: (_results, counts) =>
        findCount(counts, `with the catalog: ${numbers.heldMegabytes}`),
    },
  ],
};

function open(servers: Servers, catalog: boolean): Pool {
  return createPool({
    writer: servers["writer"],
    readers: [servers["reader1"] as string],
    catalog,
  });
}

/** A new text each time; where it goes is looked up, and it is not sent. */
async function explaining(pool: Pool): Promise<Contender> {
  let number = 0;
  let all: string[] = [];
  await pool.explain("select 1");
  return {
    prepare(operations) {
      all = Array.from({ length: operations }, () => callOf(number++));
    },
    async run() {
      for (const text of all) await pool.explain(text);
    },
    close: () => pool.end(),
  };
}
