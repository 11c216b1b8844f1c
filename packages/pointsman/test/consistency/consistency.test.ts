import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatRun } from "./report.ts";
import { type RunResult, readerShare, run, setUp } from "./run.ts";
import { sabotageNames } from "./sabotage.ts";
import { totalOf } from "./violation.ts";

const text = process.env["POINTSMAN_SEED"];
const seed = text === undefined ? undefined : Number(text);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ readers: 3 });
});
afterAll(() => cluster.stop());

// Four times as many as are enough to find each broken library out, below; a million, with other
// faults, by `npm run consistency`.
describe("sessions on lagging readers", () => {
  let result: RunResult;
  beforeAll(async () => {
    result = await run(cluster, { operations: 40_000, seed });
    console.log(formatRun(result));
  }, 900_000);

  it("see all that they have written and seen, wherever they go on", () => {
    expect(totalOf(result.verdict), formatRun(result)).toBe(0);
  });

  it("are served by readers in most of their reads", () => {
    expect(readerShare(result), formatRun(result)).toBeGreaterThanOrEqual(0.6);
  });

  it("know of each write whether it was done", () => {
    const unknown = result.history.filter(
      (one) => one.kind === "write" && one.outcome === "unknown",
    );
    expect(unknown, formatRun(result)).toEqual([]);
  });
});

describe("sessions on one server", () => {
  it("never see anything wrong, or the checker would cry wolf", async () => {
    const result = await run(cluster, { operations: 4_000, seed, oneServer: true, sessions: 60 });
    expect(totalOf(result.verdict), formatRun(result)).toBe(0);
  }, 300_000);
});

describe("a library that is broken by", () => {
  it.each(sabotageNames.filter((name) => name !== "no-timeline"))(
    "%s is found out",
    async (sabotage) => {
      const result = await run(cluster, { operations: 10_000, seed, sabotage, sessions: 100 });
      expect(totalOf(result.verdict), formatRun(result)).toBeGreaterThan(0);
    },
    300_000,
  );
});

describe("R13: readers that were left on the old timeline", () => {
  let torn: Cluster;
  let left: string[];
  beforeAll(async () => {
    torn = await startCluster({ readers: 3 });
    await setUp(torn);
    const [promoted, ...others] = torn.readers;
    left = others.map(({ direct }) => direct.url);
    const oldWriter = torn.servers[0].direct.url;
    await torn.promote(promoted as NonNullable<typeof promoted>, {
      keepOldWriter: true,
      follow: false,
    });
    // Their history goes on, and is soon far ahead of that of the new writer.
    const client = new Client({ connectionString: oldWriter });
    await client.connect();
    for (let n = 0; n < 4; n++) {
      await client.query("create table filler (); drop table filler; select pg_switch_wal()");
    }
    await client.end();
  });
  afterAll(() => torn.stop());

  it("serve nothing that must see what was written on the new one", async () => {
    const result = await run(torn, { operations: 2_000, seed, readers: left, sessions: 60 });
    expect(totalOf(result.verdict), formatRun(result)).toBe(0);
  }, 300_000);

  it("are found to be wrong where positions have no timeline", async () => {
    const options = { operations: 2_000, seed, readers: left, sessions: 60 };
    const result = await run(torn, { ...options, sabotage: "no-timeline" });
    expect(totalOf(result.verdict), formatRun(result)).toBeGreaterThan(0);
  }, 300_000);
});
