import { expect, test } from "vitest";
import { bucketBounds, Tally } from "../../src/monitoring/tally.ts";

test("a counter is told by its name in Prometheus, with each of its series", () => {
  const tally = new Tally();
  tally.add("failovers", {});
  const reader = { role: "reader", reason: "plain-read", endpoint: "r:1" };
  tally.add("statements", reader);
  tally.add("statements", { ...reader });
  tally.add("statements", { ...reader, endpoint: "r:2" });
  expect(tally.samples()).toEqual([
    { name: "pointsman_failovers_total", labels: {}, value: 1 },
    { name: "pointsman_statements_total", labels: reader, value: 2 },
    { name: "pointsman_statements_total", labels: { ...reader, endpoint: "r:2" }, value: 1 },
  ]);
});

test("the buckets of a histogram count what is at most their bound", () => {
  const tally = new Tally();
  for (const seconds of [0.0001, 0.00011, 0.3, 31]) {
    tally.record("waitTime", seconds, { role: "reader" });
  }
  const samples = tally.samples();
  const buckets = samples.filter(({ name }) => name === "pointsman_connection_wait_seconds_bucket");
  const counts = buckets.map(({ labels, value }) => [labels["le"], value]);
  expect(counts.map(([le]) => le)).toEqual([...bucketBounds.map(String), "+Inf"]);
  expect(Object.fromEntries(counts)).toMatchObject({
    "0.0001": 1,
    "0.00025": 2,
    "0.25": 2,
    "0.5": 3,
    "30": 3,
    "+Inf": 4,
  });
  expect(samples.slice(-2)).toEqual([
    {
      name: "pointsman_connection_wait_seconds_sum",
      labels: { role: "reader" },
      value: expect.closeTo(31.30021, 8),
    },
    { name: "pointsman_connection_wait_seconds_count", labels: { role: "reader" }, value: 4 },
  ]);
});
