import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { play } from "./afternoon/play.ts";
import { scenarios } from "./afternoon/scenarios.ts";
import { type Stage, setStage } from "./afternoon/stage.ts";
import { hasPrometheus, needsPrometheus } from "./support/prometheus.ts";

describe.skipIf(!hasPrometheus)(
  `an operator's afternoon${hasPrometheus ? "" : ` (${needsPrometheus})`}`,
  () => {
    let stage: Stage;

    beforeAll(async () => {
      stage = await setStage(25);
    }, 120_000);
    afterAll(() => stage?.stop());

    /** What customers were told since the last time in the place of what they had asked for. */
    let before = new Map<string, number>();
    function toldSince(): readonly string[] {
      const now = stage.customers.failures;
      const told = [...now].filter(([what, count]) => count > (before.get(what) ?? 0));
      before = new Map(now);
      return told.map(([what]) => what).sort();
    }

    it.each(scenarios)("shows in everything: $name", { timeout: 300_000 }, async (scenario) => {
      await play(stage, scenario);
      const told = toldSince();
      expect(told.filter((what) => !scenario.told.includes(what))).toEqual([]);
      expect(told.length > 0).toBe(scenario.told.length > 0);
    });

    it("ends with every order that a customer was told of, and no other", async () => {
      await stage.customers.stop();
      const { placed, failures } = stage.customers;
      const client = new Client(stage.cluster.writer.url);
      await client.connect();
      const { rows } = await client.query("select array_agg(number::text) as numbers from orders");
      await client.end();
      const taken = new Set<string>(rows[0].numbers);
      expect(placed.filter((number) => !taken.has(number))).toEqual([]);
      // Those of which nobody could know.
      expect(taken.size - placed.length).toBeLessThanOrEqual(failures.get("POST 500") ?? 0);
      expect(placed.length).toBeGreaterThan(100);
    });
  },
);
