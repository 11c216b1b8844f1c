import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool, WriteOutcomeUnknown } from "pointsman";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  const pool = createPool({ writer: cluster.writer.url });
  await pool.query("create table payments (id int primary key)");
  await pool.end();
  await cluster.waitForReplay();
});
afterAll(() => cluster.stop());

/** A pool whose way to the writer is cut when it sends this. */
async function poolCutAt(text: string, reaches: boolean, withReader = true): Promise<Pool> {
  const relay = new CuttableRelay(cluster.writer, text, reaches);
  await relay.open();
  const pool = createPool({
    writer: relay.url(cluster.writer.url),
    ...(withReader ? { reader: cluster.reader.url } : {}),
    failoverTimeout: "2s",
  });
  onTestFinished(async () => {
    await pool.end();
    await relay.close();
  });
  return pool;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no failure",
    (error: unknown) => error,
  );
}

async function isThere(pool: Pool, id: number): Promise<boolean> {
  const { rowCount } = await pool.query({
    text: "select from payments where id = $1",
    values: [id],
    target: "writer",
  });
  return rowCount === 1;
}

describe("a COMMIT whose connection is lost", () => {
  it.each([
    [true, "committed", 1],
    [false, "aborted", 2],
  ])("R26: reached the server: %s, and the writer tells: %s", async (reaches, outcome, id) => {
    const pool = await poolCutAt("COMMIT", reaches);
    const error = await failureOf(
      pool.transaction((tx) => tx.query("insert into payments values ($1)", [id])),
    );
    expect(error).toBeInstanceOf(WriteOutcomeUnknown);
    expect((error as WriteOutcomeUnknown).transactionId).toMatch(/^\d+$/);
    expect(await pool.outcome(error)).toBe(outcome);
    expect(await isThere(pool, id)).toBe(reaches);
  });

  it("R26: is unknown once another server is the writer, which may have used the id again", async () => {
    const other = await startCluster({ readers: 2 });
    const relay = new CuttableRelay(other.writer, "COMMIT");
    await relay.open();
    const pool = createPool({ writer: relay.url(other.writer.url), reader: other.reader.url });
    try {
      await pool.query("create table payments (id int primary key)");
      await other.pauseReplay();
      const error = await failureOf(
        pool.transaction((tx) => tx.query("insert into payments values (1)")),
      );
      await other.resumeReplay();
      await other.promote(other.readers[0] as NonNullable<(typeof other.readers)[0]>);
      expect(await pool.outcome(error)).toBe("unknown");
    } finally {
      await pool.end();
      await relay.close();
      await other.stop();
    }
  });

  it("is unknown of what is no such error", async () => {
    const pool = await poolCutAt("nothing", false);
    expect(await pool.outcome(new Error("something else"))).toBe("unknown");
  });
});

describe.each([true, false])(
  "a write by itself whose connection is lost (with a reader: %s)",
  (withReader) => {
    it.each([true, false])(
      "reached the server: %s: is told as unknown, and not sent again",
      async (reaches) => {
        const id = 10 + Number(reaches) + 2 * Number(withReader);
        const pool = await poolCutAt("into payments", reaches, withReader);
        const error = await failureOf(pool.query(`insert into payments values (${id})`));
        expect(error).toMatchObject({
          code: "WRITE_OUTCOME_UNKNOWN",
          message: expect.stringMatching(/may have happened or not/),
          cause: expect.any(Error),
        });
        expect(await pool.outcome(error)).toBe("unknown");
        expect(await isThere(pool, id)).toBe(reaches);
      },
    );
  },
);

describe("a transaction whose COMMIT nobody has seen", () => {
  it.each([true, false])(
    "because its text was not parsed is unknown, not lost (with a reader: %s)",
    async (withReader) => {
      const id = 40 + Number(withReader);
      const pool = await poolCutAt("into payments", true, withReader);
      const client = await pool.connect();
      await client.query("begin");
      const long = `insert into payments values (${id}); commit -- ${"x".repeat(70_000)}`;
      const error = await failureOf(client.query(long));
      client.release(true);
      expect(error).toMatchObject({ code: "WRITE_OUTCOME_UNKNOWN" });
      await expect.poll(() => isThere(pool, id)).toBe(true);
    },
  );

  it("because it was queued in front of a write leaves that write unknown, with one server", async () => {
    const pool = await poolCutAt("into payments", true, false);
    const client = await pool.connect();
    await client.query("begin");
    const committed = client.query("commit");
    const write = failureOf(client.query("insert into payments values (50)"));
    await committed;
    const error = await write;
    client.release(true);
    expect(error).toMatchObject({ code: "WRITE_OUTCOME_UNKNOWN" });
    await expect.poll(() => isThere(pool, 50)).toBe(true);
  });
});

describe("a client whose connection is lost", () => {
  it("inside a transaction sends nothing more: it would be committed by itself", async () => {
    const pool = await poolCutAt("cut me here", false);
    const client = await pool.connect();
    await client.query("begin");
    await client.query("insert into payments values (20)");
    const lost = await failureOf(client.query("select 'cut me here'"));
    const later = await failureOf(client.query("insert into payments values (21)"));
    client.release();
    expect([lost, later]).toMatchObject([
      { code: "TRANSACTION_LOST" },
      { code: "TRANSACTION_LOST" },
    ]);
    expect([await isThere(pool, 20), await isThere(pool, 21)]).toEqual([false, false]);
  });

  it("R25: with state of a session on it sends nothing more: it would be somebody else", async () => {
    const pool = await poolCutAt("cut me here", false);
    const client = await pool.connect();
    await client.query("set role pg_read_all_data");
    const lost = await failureOf(client.query("select 'cut me here'"));
    const later = await failureOf(client.query("insert into payments values (22)"));
    client.release();
    expect(lost).toBeInstanceOf(Error);
    expect(later).toMatchObject({ code: "SESSION_LOST" });
    expect(await isThere(pool, 22)).toBe(false);
  });

  it("with nothing on it goes on", async () => {
    const pool = await poolCutAt("cut me once", false);
    const client = await pool.connect();
    await client.query("insert into payments values (23)");
    const lost = await failureOf(client.query("insert into payments select 24 -- cut me once"));
    await client.query("insert into payments values (25)");
    client.release();
    expect(lost).toMatchObject({ code: "WRITE_OUTCOME_UNKNOWN" });
    expect([await isThere(pool, 24), await isThere(pool, 25)]).toEqual([false, true]);
  });
});

describe("too many callers", () => {
  it("are refused, and nothing of theirs is sent", async () => {
    const pool = createPool({ writer: cluster.writer.url, max: 1, maxWaiting: 10 });
    onTestFinished(() => pool.end());
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        pool.query("insert into payments values ($1)", [100 + n]),
      ),
    );
    const refused = answers
      .filter((one) => one.status === "rejected")
      .map((one) => one.reason.code);
    const { rows } = await pool.query("select count(*)::int as n from payments where id >= 100");
    expect(new Set(refused)).toEqual(new Set(["QUEUE_FULL"]));
    expect(rows[0].n + refused.length).toBe(20);
    expect(refused.length).toBe(10);
  });
});
