import { createPool } from "pointsman";
import { captureQueries, failingReader, withRollback } from "pointsman/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table books (id int); insert into books values (1)",
});

const reasonsOf = async (pool: Parameters<typeof captureQueries>[0], run: () => unknown) =>
  (await captureQueries(pool, run)).map(({ target, reason }) => `${target} ${reason}`);

describe.each([
  ["with readers", () => local.pool()],
  ["with mirror", () => local.pool({ mirror: true })],
] as const)("failingReader %s", (_kind, open) => {
  it("cuts a connection under its statement, which goes on to the writer", async () => {
    const pool = open();
    const mark = newMark();
    await pool.query("select 1");
    const removed: unknown[] = [];
    pool.on("remove", (client) => removed.push(client));
    const reasons = await reasonsOf(pool, () =>
      failingReader(pool, async () => {
        const { rows } = await pool.query(`${mark} select id from books`);
        expect(rows).toEqual([{ id: 1 }]);
        await pool.query(`${mark} select id from books`);
      }),
    );
    expect(reasons).toEqual(["writer reader-unavailable", "writer reader-unavailable"]);
    expect(local.reached(mark)).toContain("writer");
    expect(removed).toHaveLength(1);
  });

  it("is over with the code, also when that throws", async () => {
    const pool = open();
    const problem = new Error("no");
    const failing = failingReader(pool, async () => {
      await pool.query("select 1");
      throw problem;
    });
    expect(await rejection(failing)).toBe(problem);
    expect(await reasonsOf(pool, () => pool.query("select 1"))).toEqual(["reader plain-read"]);
  });

  it("lets nobody connect to a reader", async () => {
    const pool = open();
    await failingReader(
      pool,
      async () => {
        expect(await reasonsOf(pool, () => pool.query("table books"))).toEqual([
          "writer reader-unavailable",
        ]);
        expect(await rejection(pool.reader.query("table books"))).toMatchObject({
          code: "ECONNREFUSED",
        });
        const reading = pool.transaction((tx) => tx.query("table books"), { readOnly: true });
        expect((await reading).rows).toEqual([{ id: 1 }]);
        await pool.query("update books set id = id");
      },
      { failure: "unreachable" },
    );
  });

  it("cancels statements in favour of replay", async () => {
    const pool = open();
    await failingReader(
      pool,
      async () => {
        expect(await reasonsOf(pool, () => pool.query("table books"))).toEqual([
          "writer replay-conflict",
        ]);
        const reading = pool.transaction((tx) => tx.query("table books"), { readOnly: true });
        expect(await rejection(reading)).toMatchObject({ code: "40001" });
        expect(await rejection(pool.reader.query("table books"))).toMatchObject({ code: "40001" });
      },
      { failure: "conflict" },
    );
    expect((await pool.query("table books")).rows).toEqual([{ id: 1 }]);
  });

  it("does not concern what runs beside it", async () => {
    const pool = open();
    const beside = async () => {
      for (let times = 0; times < 20; times++) await pool.query("table books");
    };
    const [reasons] = await Promise.all([
      reasonsOf(pool, beside),
      failingReader(pool, beside),
      failingReader(pool, beside, { failure: "unreachable" }),
    ]);
    expect(new Set(reasons)).toEqual(new Set(["reader plain-read"]));
  });
});

describe("failingReader", () => {
  it("shows what readerFallback: error tells the caller", async () => {
    const pool = local.pool({ readerFallback: "error" });
    await failingReader(pool, async () => {
      expect(await rejection(pool.query("table books"))).toMatchObject({
        code: "READER_UNAVAILABLE",
      });
    });
  });

  it("leaves a reader that fails by itself to the pool", async () => {
    const pool = local.pool({ reader: { host: "127.0.0.1", port: 1 } });
    const reasons = await reasonsOf(pool, () =>
      failingReader(pool, () => pool.query("table books"), { failure: "conflict" }),
    );
    expect(reasons).toEqual(["writer reader-unavailable"]);
  });

  it("says what to do where there is no reader side", async () => {
    const pool = createPool({ writer: local.cluster.writer.url });
    onTestFinished(() => pool.end());
    expect(await rejection(failingReader(pool, () => {}))).toMatchObject({
      message: expect.stringContaining("mirror: true"),
    });
  });

  it("refuses a failure that there is not, and another helper of the same pool", async () => {
    const pool = local.pool();
    const failure = "sleeps" as "dies";
    expect(await rejection(failingReader(pool, () => {}, { failure }))).toBeInstanceOf(TypeError);
    const inside = withRollback(pool, () => failingReader(pool, () => {}));
    expect(await rejection(inside)).toMatchObject({
      message: expect.stringContaining("cannot be called inside withRollback()"),
    });
  });
});
