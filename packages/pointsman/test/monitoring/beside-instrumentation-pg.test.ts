import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { runProgramIn } from "../support/run-program.ts";

const local = localCluster({ readers: 1 });

interface Told {
  readonly spans: readonly { scope: string; name: string; parent?: string }[];
  readonly recorded: readonly { scope: string; name: string; count: number }[];
}

const theirs = "@opentelemetry/instrumentation-pg";

const runs = new Map<string, Promise<Told>>();

/** What the program tells, which is run once for each way to run it. */
function run(when: string, whose: string, config: object, options = {}): Promise<Told> {
  const key = JSON.stringify([when, whose, config, options]);
  const told = runs.get(key) ?? runNow(when, whose, config, options);
  runs.set(key, told);
  return told;
}

async function runNow(when: string, whose: string, config: object, options = {}): Promise<Told> {
  const { status, stdout, stderr } = await runProgramIn(
    {
      ...process.env,
      DATABASE_URL: local.cluster.writer.url,
      DATABASE_READER_URL: local.cluster.reader.url,
      ...options,
    },
    "beside-instrumentation-pg.cjs",
    when,
    whose,
    JSON.stringify(config),
  );
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const namesOf = ({ spans }: Told, scope: string, parent: string): readonly string[] =>
  spans.filter((span) => span.scope === scope && span.parent === parent).map(({ name }) => name);

/** What the application's own spans are children of, whoever else makes spans. */
const own: Readonly<Record<string, string>> = {
  "behind a promise": "promise",
  "in a callback": "callback",
  "in a value": "values",
  "behind connect": "client",
  "behind release": "client",
  "in a transaction": "transaction",
};

function parentsOfOwn({ spans }: Told): Record<string, string | undefined> {
  const mine = spans.filter(({ scope, name }) => scope === "test" && name in own);
  return Object.fromEntries(mine.map(({ name, parent }) => [name, parent]));
}

const withReader = {};
const alone = { DATABASE_READER_URL: "" };

describe.each([
  ["before pg is loaded", "before"],
  ["after pg was loaded", "after"],
])("with an instrumentation of pg that is registered %s", (_when, when) => {
  describe.each([
    ["with readers", withReader],
    ["with one server", alone],
  ])("%s", (_kind, options) => {
    it("each statement has one span, and a plain pool keeps the other's", async () => {
      const told = await run(when, "both", {}, options);
      const byThem = told.spans.filter(({ scope }) => scope === theirs);
      // pg-pool was loaded with pg, and asks nobody again.
      const ofPool = when === "before" ? ["pg-pool.connect"] : [];
      expect(new Set(byThem.map(({ parent }) => parent))).toEqual(
        new Set([...ofPool, "plain", "stopped"]),
      );
      expect(namesOf(told, theirs, "plain")).toContain("pg.query:SELECT app");
      expect(namesOf(told, "pointsman", "promise")).toEqual(["SELECT pg_class"]);
      expect(namesOf(told, "pointsman", "callback")).toEqual(["SELECT pg_class"]);
      expect(namesOf(told, "pointsman", "values")).toEqual(["SELECT pg_class"]);
      expect(namesOf(told, "pointsman", "client")).toEqual([
        "BEGIN",
        "CREATE TABLE parts",
        "COMMIT",
      ]);
      expect(namesOf(told, "pointsman", "transaction")).toEqual([
        "BEGIN",
        "SELECT pg_class",
        "COMMIT",
      ]);
      expect(namesOf(told, "pointsman", "many")).toHaveLength(30);
      expect(namesOf(told, "pointsman", "listen")).toEqual(["LISTEN", "SELECT"]);
      expect(told.spans.filter(({ scope }) => scope === "pointsman")).toHaveLength(41);
    });

    it("the pool is seen by the other again once it is not instrumented any more", async () => {
      const told = await run(when, "both", {}, options);
      expect(namesOf(told, theirs, "stopped")).toContain("pg.query:SELECT app");
    });

    it("the application's own code runs where it would run without", async () => {
      const told = await run(when, "both", {}, options);
      expect(parentsOfOwn(told)).toEqual(own);
      const heard = told.spans.find(({ name }) => name === "in a notification");
      expect(heard).toEqual({ scope: "test", name: "in a notification" });
      expect(told.spans.some(({ name }) => name === "connected")).toBe(true);
    });
  });
});

it("the other's metrics do not count this pool where it wants a parent span", async () => {
  const { recorded } = await run("before", "both", { requireParentSpan: true });
  const durations = recorded.filter(({ name }) => name === "db.client.operation.duration");
  expect(durations).toEqual([
    // Of the plain pool, and of this one when it was not instrumented any more.
    { scope: theirs, name: "db.client.operation.duration", count: 2 },
    { scope: "pointsman", name: "db.client.operation.duration", count: 41 },
  ]);
});

it("an instrumentation of pg alone sees what this library asks of pg", async () => {
  const told = await run("before", "theirs", {});
  expect(told.spans.some(({ scope }) => scope === "pointsman")).toBe(false);
  expect(namesOf(told, theirs, "promise")).toEqual(["pg-pool.connect", "pg.query:SELECT app"]);
  expect(namesOf(told, theirs, "client")).toEqual(
    expect.arrayContaining(["pg.query:BEGIN app", "pg.query:CREATE app", "pg.query:COMMIT app"]),
  );
  const reads = namesOf(told, theirs, "many").filter((name) => name.startsWith("pg.query"));
  expect(reads).toHaveLength(30);
  expect(parentsOfOwn(told)).toEqual(own);
});
