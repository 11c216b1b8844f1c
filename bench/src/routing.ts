import pg from "pg";
import { createClassifier, Pool } from "pointsman";
import { type Benchmark, type Contender, findResult } from "./harness/benchmark.ts";
import { type Spread, scaled } from "./harness/statistics.ts";
import { closedLoop } from "./workloads/closed-loop.ts";
import { instantClient } from "./workloads/instant-client.ts";
import { keys, makeKeyValueTable } from "./workloads/key-value-table.ts";
import {
  freshCopy,
  ormStatement,
  shapesWithValues,
  statementWithValues,
} from "./workloads/orm-statements.ts";

const max = 10;
const knownTexts = 500;
const nowhere = { host: "nowhere.invalid", database: "app", user: "app", password: "" } as const;

const contenders = {
  "pg.Pool on the reader": (servers) => reading(new pg.Pool(to(servers["reader1"]))),
  "pg.Pool on the reader, again": (servers) => reading(new pg.Pool(to(servers["reader1"]))),
  "pointsman with a reader": (servers) =>
    reading(
      new Pool({ writer: servers["writer"], readers: [servers["reader1"] as string], max }),
      "reader",
    ),
  "pg.Pool on the writer": (servers) => reading(new pg.Pool(to(servers["writer"]))),
  "pointsman with one server": (servers) => reading(new Pool({ writer: servers["writer"], max })),
  "pg.Pool without a server": () =>
    reading(new pg.Pool({ Client: instantClient, ...nowhere, max })),
  "pointsman with a reader, without a server": () =>
    reading(new Pool({ Client: instantClient, writer: nowhere, readers: [nowhere], max })),
  "pointsman without a server": () =>
    reading(new Pool({ Client: instantClient, writer: nowhere, max })),
  "a text never seen": () => classifyingNew(),
  "a known text in a new string": () => classifyingKnown(freshCopy),
  "a known text in the same string": () => classifyingKnown((text) => text),
  "a text of a known shape": () => classifyingShapes(),
} as const satisfies Benchmark["contenders"];

export const benchmark: Benchmark = {
  title: "What routing costs: classify, and a routed read against a bare pg.Pool.",
  cluster: { options: { readers: 1 }, prepare: makeKeyValueTable },
  contenders,
  comparisons: [
    { name: "classify, cold", contenders: ["a text never seen"], operations: 1000 },
    {
      name: "classify, cached",
      contenders: [
        "a known text in a new string",
        "a known text in the same string",
        "a text of a known shape",
      ],
      operations: 20_000,
    },
    {
      name: "a read with a reader",
      contenders: [
        "pg.Pool on the reader",
        "pg.Pool on the reader, again",
        "pointsman with a reader",
      ],
      baseline: "pg.Pool on the reader",
      concurrency: [1, 10, 64],
    },
    {
      name: "a read with one server",
      contenders: ["pg.Pool on the writer", "pointsman with one server"],
      baseline: "pg.Pool on the writer",
      concurrency: [1, 10, 64],
    },
    {
      name: "a read that is answered at once",
      contenders: [
        "pg.Pool without a server",
        "pointsman without a server",
        "pointsman with a reader, without a server",
      ],
      baseline: "pg.Pool without a server",
      concurrency: [1, 64],
    },
  ],
  goals: [
    {
      name: "cpu ratio at concurrency 64",
      atMost: 1.05,
      measured: (results) =>
        findResult(results, "a read with a reader", "pointsman with a reader", 64)?.cpuRatio,
    },
    {
      name: "classify cached ns",
      atMost: 200,
      measured: (results) =>
        findResult(results, "classify, cached", "a known text in a new string")?.wallNs,
    },
    {
      name: "a text of a known shape, us",
      atMost: 5,
      measured: (results) =>
        inMicros(findResult(results, "classify, cached", "a text of a known shape")?.wallNs),
    },
    {
      name: "classify cold us",
      atMost: 80,
      measured: (results) =>
        inMicros(findResult(results, "classify, cold", "a text never seen")?.wallNs),
    },
  ],
};

function inMicros(nanos: Spread | undefined): Spread | undefined {
  return nanos === undefined ? undefined : scaled(nanos, 1 / 1000);
}

function to(connectionString: string | undefined): pg.PoolConfig {
  return { connectionString, max };
}

/** @param target - where its reads must have gone; nothing is said of a bare pool */
async function reading(pool: pg.Pool, target?: "reader"): Promise<Contender> {
  const nextKey = keys();
  const read = () => pool.query("select * from kv where id = $1", [nextKey()]);
  const { rows } = await read();
  if (rows.length !== 1) throw new Error("The read did not find its row.");
  if (target !== undefined) assertReads(pool as Pool);
  return { run: closedLoop(read), close: () => pool.end() };
}

/** A pool that sends its reads to the writer would be measured against the wrong server. */
function assertReads(pool: Pool): void {
  const { targets, reader, writer } = pool.stats();
  if (targets.reader !== 1 || reader?.total !== 1 || writer.total !== 0) {
    throw new Error("The read did not go to the reader.");
  }
}

function classifyingNew(): Contender {
  const { classify } = createClassifier();
  let number = 0;
  let texts: string[] = [];
  return {
    prepare(operations) {
      texts = Array.from({ length: operations }, () => ormStatement(number++));
    },
    run() {
      for (const text of texts) classify(text);
    },
  };
}

function classifyingKnown(copy: (text: string) => string): Contender {
  const { classify, stats } = createClassifier();
  const known = Array.from({ length: knownTexts }, (_, number) => ormStatement(number));
  for (const text of known) classify(text);
  let texts: string[] = [];
  return {
    prepare(operations) {
      // A string remembers its hash, so a copy is new only once.
      texts = Array.from({ length: operations }, (_, n) => copy(known[n % knownTexts] as string));
    },
    run() {
      for (const text of texts) classify(text);
    },
    close() {
      if (stats().misses !== knownTexts) throw new Error("Known texts were not remembered.");
    },
  };
}

function classifyingShapes(): Contender {
  const { classify, stats } = createClassifier();
  let number = 0;
  let texts: string[] = [];
  return {
    prepare(operations) {
      texts = Array.from({ length: operations }, () => freshCopy(statementWithValues(number++)));
    },
    run() {
      for (const text of texts) classify(text);
    },
    close() {
      if (stats().parses !== shapesWithValues) throw new Error("Texts were parsed again.");
    },
  };
}
