import { describe, expect, onTestFinished, test } from "vitest";
import { errorCodes } from "../../src/errors.ts";
import { type Metered, meterPool } from "../../src/monitoring/pool-meter.ts";
import type { Sample } from "../../src/monitoring/snapshot.ts";
import { Tally } from "../../src/monitoring/tally.ts";
import type { StatementEvent } from "../../src/telemetry/events.ts";
import { publish } from "../../src/telemetry/publish.ts";
import { answered } from "../support/answered-statement.ts";

/** A pool of which only events are heard, and what is counted of it. */
function metered() {
  const pool: Metered = {
    stats: () => {
      throw new Error("Nobody asks for them.");
    },
  };
  const tally = new Tally();
  onTestFinished(meterPool(pool, tally));
  const samples = (name: string): readonly Sample[] =>
    tally.samples().filter((sample) => sample.name === `pointsman_${name}`);
  return {
    samples,
    guard: (endpoint: string) => {
      publish("guard", pool, () => ({ id: 1, endpoint, outcome: "proved" }));
    },
    connect: (endpoint: string, code?: string) => {
      const error = code === undefined ? {} : { error: Object.assign(new Error(), { code }) };
      publish("connect", pool, () => ({ role: "reader", endpoint, durationMs: 1, ...error }));
    },
    answer: (event: Partial<StatementEvent>) => {
      publish("statement:end", pool, () => ({ ...answered, ...event }));
    },
  };
}

const failure = (code: string) => Object.assign(new Error(), { code });
const sum = (samples: readonly Sample[]) => samples.reduce((all, { value }) => all + value, 0);

describe("a hundred are told by their names, and further ones as one, of", () => {
  test("the endpoints of statements", () => {
    const { answer, samples } = metered();
    for (let n = 0; n < 3000; n++) answer({ endpoint: `r:1 (10.0.0.${n})` });
    const counts = samples("statements_total");
    expect(counts).toHaveLength(101);
    const labels = { role: "reader", reason: "plain-read", endpoint: "other" };
    expect(counts.at(-1)).toMatchObject({ labels, value: 2900 });
    expect(sum(counts)).toBe(3000);
  });

  test("the endpoints of guards", () => {
    const { guard, samples } = metered();
    for (let n = 0; n < 3000; n++) guard(`r:${n}`);
    const counts = samples("guards_total");
    expect(counts).toHaveLength(101);
    expect(counts.at(-1)).toMatchObject({ labels: { endpoint: "other" }, value: 2900 });
  });

  test("commands, those of several in a text among them", () => {
    const { answer, samples } = metered();
    for (let n = 0; n < 150; n++) answer({ commands: [`COMMAND ${n}`] });
    for (let n = 0; n < 150; n++) answer({ commands: [`COMMAND ${n}`, `COMMAND ${n}`] });
    const counts = samples("statement_duration_seconds_count");
    expect(counts).toHaveLength(101);
    expect(counts.at(-1)).toMatchObject({ labels: { operation: "other", error: "" }, value: 200 });
  });
});

describe("a thousand series tell their error, and further ones that there was one, where", () => {
  test("codes never end", () => {
    const { answer, samples } = metered();
    for (let n = 0; n < 3000; n++) answer({ error: failure(`E${n}`) });
    const counts = samples("statement_duration_seconds_count");
    expect(counts).toHaveLength(1001);
    expect(counts.at(-1)).toMatchObject({ labels: { error: "other" }, value: 2000 });
    expect(sum(counts)).toBe(3000);
  });

  test("many endpoints fail in many ways", () => {
    const { connect, samples } = metered();
    for (let n = 0; n < 20_000; n++) connect(`r:${n % 150}`, `E${n % 130}`);
    const counts = samples("connection_create_seconds_count");
    const named = counts.filter(({ labels }) => labels["error"] !== "other");
    expect(named).toHaveLength(1000);
    const endpoints = new Set(counts.map(({ labels }) => labels["endpoint"]));
    expect(endpoints.size).toBe(101);
    expect(counts.length).toBeLessThanOrEqual(1000 + 101);
    expect(sum(counts)).toBe(20_000);
  });
});

test("a success is told as one, however many errors and endpoints there were", () => {
  const { answer, connect, samples } = metered();
  for (let n = 0; n < 1500; n++) {
    connect(`old:${n}`, `E${n}`);
    answer({ endpoint: `old:${n}`, error: failure(`E${n}`) });
  }
  connect("new:1");
  answer({ endpoint: "new:1", commands: ["SHOW"] });
  const successes = ["connection_create_seconds_count", "statement_duration_seconds_count"]
    .flatMap(samples)
    .filter(({ labels }) => labels["error"] === "");
  expect(successes.map(({ labels, value }) => [labels, value])).toEqual([
    [{ role: "reader", endpoint: "other", error: "" }, 1],
    [{ role: "reader", operation: "SHOW", error: "" }, 1],
  ]);
});

test("codes of this library are told however many others there were: alerts ask for them", () => {
  const { answer, samples } = metered();
  for (let n = 0; n < 1500; n++) answer({ error: failure(`E${n}`) });
  for (const code of Object.keys(errorCodes)) answer({ error: failure(code) });
  const told = samples("statement_duration_seconds_count").map(({ labels }) => labels["error"]);
  expect(told).toEqual(expect.arrayContaining(Object.keys(errorCodes)));
});

test("no counter goes backwards while values become too many", () => {
  const { guard, samples } = metered();
  const before = new Map<string, number>();
  for (let n = 0; n < 300; n++) {
    guard(`r:${n % 150}`);
    for (const { labels, value } of samples("guards_total")) {
      const key = JSON.stringify(labels);
      expect(value).toBeGreaterThanOrEqual(before.get(key) ?? 0);
      before.set(key, value);
    }
  }
  expect(before.get(JSON.stringify({ endpoint: "other", outcome: "proved" }))).toBe(100);
});
