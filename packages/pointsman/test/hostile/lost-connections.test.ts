import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { until } from "../support/until.ts";

let cluster: Cluster;
let toWriter: CuttableRelay;
let toReader: CuttableRelay;
let writer: string;
let reader: string;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  const [first] = cluster.readers;
  toWriter = new CuttableRelay(cluster.writer);
  toReader = new CuttableRelay(first as NonNullable<typeof first>);
  await Promise.all([toWriter.open(), toReader.open()]);
  writer = toWriter.url(cluster.writer.url);
  reader = toReader.url(cluster.reader.url);
  process.on("warning", ignoreReaderWarning);
});
afterAll(async () => {
  process.removeListener("warning", ignoreReaderWarning);
  await Promise.all([toWriter.close(), toReader.close()]);
  await cluster.stop();
});
function ignoreReaderWarning(): void {}

/** Waits for all, and for no longer than that; tells how each went. */
async function outcomes(answers: Promise<unknown>[]): Promise<Record<string, number>> {
  const settled = await Promise.allSettled(answers);
  const count = (status: string): number => settled.filter((one) => one.status === status).length;
  return { answered: count("fulfilled"), failed: count("rejected") };
}

/** Reads without end on a number of loops, until it is stopped. */
function readingLoops(pool: Pool, loops: number) {
  let running = true;
  let reads = 0;
  const failures: unknown[] = [];
  const done = Promise.all(
    Array.from({ length: loops }, async (_, loop) => {
      for (let n = 0; running; n++) {
        try {
          const { rows } = await pool.query("select $1::int as n", [loop * n]);
          if (rows[0].n !== loop * n) failures.push("a wrong answer");
          reads += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    }),
  );
  return {
    failures,
    reads: () => reads,
    stop: async (): Promise<void> => {
      running = false;
      await done;
    },
  };
}

describe.each([
  ["with one server", () => new Pool({ connectionString: writer, max: 4 })],
  ["with readers", () => new Pool({ writer, reader, max: 4 })],
])("connections that are cut under 200 concurrent queries %s", (_name, make) => {
  it("leave no query without an answer, and the pool goes on", async () => {
    const pool = make();
    const texts = ["select pg_sleep(0.005)", "select pg_backend_pid()", "select 1"];
    const answers = Array.from({ length: 200 }, (_, n) => pool.query(texts[n % 3] as string));
    await Promise.race(answers);
    const cut = toWriter.cut() + toReader.cut();
    const { answered = 0, failed = 0 } = await outcomes(answers);
    const after = await Promise.all([
      pool.query("select 1"),
      pool.query("select pg_backend_pid()"),
    ]);
    await pool.end();
    expect(cut).toBeGreaterThan(0);
    expect(answered + failed).toBe(200);
    expect(failed).toBeLessThanOrEqual(4 + 4);
    expect(after).toHaveLength(2);
    expect(pool.totalCount).toBe(0);
  });

  it("leave no client that waits for a query hanging", async () => {
    const pool = make();
    const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    const begun = clients.map((client) => client.query("begin"));
    const answers = clients.flatMap((client) =>
      ["select pg_sleep(30)", "select 1", "commit"].map((text) => client.query(text)),
    );
    const settled = outcomes(answers);
    await Promise.all(begun);
    toWriter.cut();
    const { answered, failed } = await settled;
    for (const client of clients) client.release();
    const { rows } = await pool.query("select 1 as one");
    await pool.end();
    expect({ answered, failed }).toEqual({ answered: 0, failed: 12 });
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe("reads under load with readers", () => {
  it("do not fail when the reader's connections are cut", async () => {
    const pool = new Pool({ writer, reader, max: 4 });
    const loops = readingLoops(pool, 16);
    for (let round = 1; round <= 5; round++) {
      const before = loops.reads();
      await until("there are reads", () => loops.reads() > before + 50);
      toReader.cut();
    }
    await loops.stop();
    await pool.end();
    expect(loops.failures).toEqual([]);
  });

  it("do not fail when the reader is gone for a while, and come back to it", async () => {
    const pool = new Pool({ writer, reader, max: 4 });
    const loops = readingLoops(pool, 16);
    await until("the reader serves", () => pool.stats().targets.reader > 50);
    await toReader.close();
    const lost = pool.stats().targets;
    await until("the writer serves", () => pool.stats().targets.writer > lost.writer + 200);
    await toReader.open();
    const back = pool.stats().targets;
    await until("the reader serves again", () => pool.stats().targets.reader > back.reader + 50);
    await loops.stop();
    await pool.end();
    expect(loops.failures).toEqual([]);
  });

  it("do not fail when the reader crashes and recovers", async () => {
    const pool = new Pool({ writer, reader, max: 4 });
    const loops = readingLoops(pool, 16);
    await until("the reader serves", () => pool.stats().targets.reader > 50);
    // PostgreSQL restarts itself, all its connections lost, when one of its processes is killed.
    const victim = new pg.Client({ connectionString: cluster.readers[0]?.direct.url });
    victim.on("error", () => {});
    await victim.connect();
    const gone = new Promise((resolve) => victim.once("end", resolve));
    process.kill((victim as unknown as { processID: number }).processID, "SIGKILL");
    await gone;
    const { reader: then } = pool.stats().targets;
    await until("the reader serves again", () => pool.stats().targets.reader > then + 50);
    await loops.stop();
    const { reasons } = pool.stats();
    await pool.end();
    expect(reasons["after-loss"] + reasons["reader-unavailable"]).toBeGreaterThan(0);
    expect(loops.failures).toEqual([]);
    expect(cluster.readers[0]?.log()).toContain("was terminated by signal 9");
  });
});

describe("a BEGIN that finds no connection", () => {
  it("takes with it what was sent behind it, which would be committed otherwise", async () => {
    let turnedAway = false;
    const pool = new Pool({
      writer,
      reader,
      onConnect: () => {
        if (turnedAway) return;
        turnedAway = true;
        throw new Error("not yet");
      },
    });
    const client = await pool.connect();
    const { answered, failed } = await outcomes(
      ["begin", "create table left_over ()", "rollback"].map((text) => client.query(text)),
    );
    client.release();
    const { rows } = await pool.query({
      text: "select to_regclass('left_over') as found",
      target: "writer",
    });
    await pool.end();
    expect({ answered, failed }).toEqual({ answered: 0, failed: 3 });
    expect(rows).toEqual([{ found: null }]);
  });
});
