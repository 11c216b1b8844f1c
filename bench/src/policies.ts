import { type Classification, createClassifier, createPool, decide, type Pool } from "pointsman";
import { readTables } from "../../packages/pointsman/src/config/routing-options.ts";
import { TablePolicies } from "../../packages/pointsman/src/routing/table-policies.ts";
import { type Benchmark, type Contender, findResult } from "./harness/benchmark.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import { instantClient } from "./workloads/instant-client.ts";
import { ormStatement } from "./workloads/orm-statements.ts";

const knownTexts = 500;
const nowhere = { host: "nowhere.invalid", database: "app", user: "app", password: "" } as const;

/** Rules of all kinds, some of which are for tables that the texts read. */
const rules: Readonly<Record<string, "writer" | "reader">> = Object.fromEntries([
  ["customers", "writer"],
  ["public.books", "reader"],
  ...Array.from({ length: 248 }, (_, n) => [`table_${n}`, n % 2 === 0 ? "writer" : "reader"]),
  ...Array.from({ length: 100 }, (_, n) => [`schema_${n}.events`, "writer"]),
  ...Array.from({ length: 100 }, (_, n) => [`tenant_${n}.*`, "writer"]),
  ...Array.from({ length: 50 }, (_, n) => [`archive_${n}_*`, "reader"]),
]);
const none = {} as const;

const contenders = {
  "a policy, known": () => findingKnown(),
  "a route, known": () => routingKnown(none),
  "a route, known, again": () => routingKnown(none),
  "a route, known, with 500 rules": () => routingKnown(rules),
  "a route, cold": () => routingNew(none),
  "a route, cold, again": () => routingNew(none),
  "a route, cold, with 500 rules": () => routingNew(rules),
  "a read without a server": () => reading(none),
  "a read without a server, again": () => reading(none),
  "a read without a server, with 500 rules": () => reading(rules),
} as const satisfies Benchmark["contenders"];

export const benchmark: Benchmark = {
  title: "What 500 rules for tables cost: a route, cached and cold.",
  contenders,
  comparisons: [
    { name: "the policy of a known text", contenders: ["a policy, known"], operations: 100_000 },
    {
      name: "a route, cached",
      contenders: ["a route, known", "a route, known, again", "a route, known, with 500 rules"],
      baseline: "a route, known",
      operations: 100_000,
    },
    {
      name: "a route, cold",
      contenders: ["a route, cold", "a route, cold, again", "a route, cold, with 500 rules"],
      baseline: "a route, cold",
      operations: 1000,
    },
    {
      name: "a read that is answered at once",
      contenders: [
        "a read without a server",
        "a read without a server, again",
        "a read without a server, with 500 rules",
      ],
      baseline: "a read without a server",
      concurrency: [64],
    },
  ],
  goals: [
    {
      name: "policy cost ns",
      atMost: 50,
      measured: (results) =>
        findResult(results, "the policy of a known text", "a policy, known")?.wallNs,
    },
    {
      name: "cold cpu ratio with 500 rules",
      atMost: 1.1,
      measured: (results) =>
        findResult(results, "a route, cold", "a route, cold, with 500 rules")?.cpuRatio,
    },
  ],
};

type Rules = Readonly<Record<string, "writer" | "reader">>;

function policiesFor(tables: Rules): TablePolicies {
  const policies = new TablePolicies(readTables(tables));
  policies.learn(["public"]);
  return policies;
}

function findingKnown(): Contender {
  const { classify } = createClassifier();
  const policies = policiesFor(rules);
  const known = Array.from({ length: knownTexts }, (_, number) => classify(ormStatement(number)));
  if (!known.some((facts) => policies.of(facts) === "writer")) {
    throw new Error("No rule holds for any text.");
  }
  let found = 0;
  return {
    run(operations) {
      for (let n = 0; n < operations; n++) {
        if (policies.of(known[n % knownTexts] as Classification) === "writer") found++;
      }
    },
    close() {
      if (found === 0) throw new Error("No rule was found.");
    },
  };
}

function routingKnown(tables: Rules): Contender {
  const { classify } = createClassifier();
  const policies = policiesFor(tables);
  const known = Array.from({ length: knownTexts }, (_, number) => ormStatement(number));
  return {
    run(operations) {
      for (let n = 0; n < operations; n++) {
        const facts = classify(known[n % knownTexts] as string);
        decide(facts, { policy: policies.of(facts) });
      }
    },
  };
}

function routingNew(tables: Rules): Contender {
  const { classify } = createClassifier();
  const policies = policiesFor(tables);
  let number = 0;
  let texts: string[] = [];
  return {
    prepare(operations) {
      texts = Array.from({ length: operations }, () => ormStatement(number++));
    },
    run() {
      for (const text of texts) {
        const facts = classify(text);
        decide(facts, { policy: policies.of(facts) });
      }
    },
  };
}

async function reading(tables: Rules): Promise<Contender> {
  const pool: Pool = createPool({
    Client: instantClient,
    writer: nowhere,
    readers: [nowhere],
    tables,
  });
  const text = ormStatement(0);
  await pool.query(text);
  return { run: closedLoop(() => pool.query(text)), close: () => pool.end() };
}
