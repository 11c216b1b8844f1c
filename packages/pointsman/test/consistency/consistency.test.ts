import { type Cluster, startCluster } from "@pointsman/local";
import { Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasSessions } from "./in-session.ts";
import { canSabotage, type Sabotage } from "./make-pool.ts";
import { formatRun } from "./report.ts";
import { type RunResult, readerShare, run } from "./run.ts";
import { totalOf } from "./violation.ts";

const text = process.env["POINTSMAN_SEED"];
const seed = text === undefined ? undefined : Number(text);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ readers: 3 });
});
afterAll(() => cluster.stop());

// A hundred thousand operations take about a minute, and many on a machine that has others to do.
describe.skipIf(!hasSessions(Pool.prototype))("sessions on lagging readers", () => {
  let result: RunResult;
  beforeAll(async () => {
    result = await run(cluster, { operations: 100_000, seed });
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

const sabotages: Sabotage[] = [
  "eventual",
  "proof-behind-read",
  "no-timeline",
  "writer-reads-not-counted",
  "position-before-commit",
];

describe("a library that is broken by", () => {
  it.each(sabotages.filter(canSabotage))(
    "%s is found out",
    async (sabotage) => {
      const result = await run(cluster, { operations: 4_000, seed, sabotage, sessions: 60 });
      expect(totalOf(result.verdict), formatRun(result)).toBeGreaterThan(0);
    },
    300_000,
  );
});
