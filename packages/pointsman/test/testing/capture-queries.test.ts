import { AssertionError } from "node:assert";
import { createPool, withWriter } from "pointsman";
import { captureQueries, expectQueries } from "pointsman/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table books (id int); insert into books values (1)",
});

const briefly = (queries: readonly { target: string; reason: string; text: string }[]) =>
  queries.map(({ target, reason, text }) => [target, reason, text]);

describe("captureQueries", () => {
  it("tells what ran where, why and how long, in the order of the calls", async () => {
    const pool = local.pool();
    const mark = newMark();
    const queries = await captureQueries(pool, async () => {
      await Promise.all([
        pool.query(`${mark} select pg_sleep(0.05)`),
        pool.query(`${mark} select * from books`),
      ]);
      await withWriter(() => pool.query(`${mark} table books`));
    });
    expect(briefly(queries)).toEqual([
      ["reader", "plain-read", `${mark} select pg_sleep(0.05)`],
      ["reader", "plain-read", `${mark} select * from books`],
      ["writer", "scope", `${mark} table books`],
    ]);
    expect(queries[0]?.durationMs).toBeGreaterThan(45);
    expect(local.runs(mark)).toEqual({ reader1: 2, writer: 1 });
  });

  it("sees clients, transactions, callbacks, what is sent by hand and what fails", async () => {
    const pool = local.pool();
    const queries = await captureQueries(pool, async () => {
      const client = await pool.connect();
      await client.query("select 1");
      client.release();
      await pool.transaction((tx) => tx.query("select 2"));
      await new Promise((resolve) => {
        pool.query("select 3", resolve);
      });
      await pool.writer.query("select 4");
      await rejection(pool.query("select * from nowhere"));
    });
    expect(briefly(queries)).toEqual([
      ["reader", "plain-read", "select 1"],
      ["writer", "transaction-start", "BEGIN"],
      ["writer", "open-transaction", "select 2"],
      ["writer", "open-transaction", "COMMIT"],
      ["reader", "plain-read", "select 3"],
      ["writer", "direct", "select 4"],
      [expect.any(String), expect.any(String), "select * from nowhere"],
    ]);
    expect(queries.at(-1)?.error).toBeInstanceOf(Error);
  });

  it("does not see other pools, what runs beside it, and what comes later", async () => {
    const [pool, other] = [local.pool(), local.pool()];
    const run = (n: number) =>
      captureQueries(pool, async () => {
        for (let times = 0; times < 5; times++) {
          await pool.query(`select ${n}`);
          await other.query("select 'other'");
        }
      });
    const beside = pool.query("select 'beside'");
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => run(n)));
    await beside;
    await pool.query("select 'later'");
    for (const [n, queries] of all.entries()) {
      expect(queries.map(({ text }) => text)).toEqual(Array(5).fill(`select ${n}`));
    }
  });

  it("nests", async () => {
    const pool = local.pool();
    let inner: readonly { text: string }[] = [];
    const outer = await captureQueries(pool, async () => {
      await pool.query("select 1");
      inner = await captureQueries(pool, () => pool.query("select 2"));
    });
    expect(inner.map(({ text }) => text)).toEqual(["select 2"]);
    expect(outer.map(({ text }) => text)).toEqual(["select 1", "select 2"]);
  });

  it("fails with what the code fails with, and stops listening", async () => {
    const pool = local.pool();
    const problem = new Error("no");
    const failing = captureQueries(pool, () => {
      throw problem;
    });
    expect(await rejection(failing)).toBe(problem);
  });
});

describe("expectQueries", () => {
  it("gives back what the code gives, when the numbers are right", async () => {
    const pool = local.pool();
    const rows = await expectQueries(pool, { writer: 1, reader: 2 }, async () => {
      await pool.query("update books set id = id");
      await pool.query("select 1");
      return (await pool.query({ text: "select id from books", consistency: "eventual" })).rows;
    });
    expect(rows).toEqual([{ id: 1 }]);
  });

  it("works with one server, by where statements would go", async () => {
    const pool = createPool({ writer: local.cluster.writer.url });
    onTestFinished(() => pool.end());
    await expectQueries(pool, { writer: 1, reader: 1 }, async () => {
      await pool.query("update books set id = id where false");
      await pool.query("select 1");
    });
  });

  it("does not count what opens and ends transactions, nor sides that are not named", async () => {
    const pool = local.pool();
    await expectQueries(pool, { writer: 1 }, async () => {
      await pool.transaction((tx) => tx.query("select 1"));
      await pool.query("select 2");
    });
  });

  it("fails with a table of the statements", async () => {
    const pool = local.pool();
    const error = await rejection(
      expectQueries(pool, { writer: 0, reader: 2 }, async () => {
        await pool
          .query({ text: "select id\n  from books where id = $1", values: ["a secret"] })
          .catch(() => {});
        await pool.query("update books set id = id");
      }),
    );
    expect(error).toBeInstanceOf(AssertionError);
    const { message, actual, expected } = error as AssertionError;
    expect([actual, expected]).toEqual([
      { writer: 1, reader: 1 },
      { writer: 0, reader: 2 },
    ]);
    // Times differ, and with them the width of their column.
    const steady = message.replaceAll(/\d+\.\d +/g, "1.0  ").replace(/ms +/, "ms   ");
    expect(steady).toBe(
      `Expected 0 statements on the writer and 2 statements on the reader; got 1 statement on the writer and 1 statement on the reader.

  #  side    reason       ms   statement
  1  reader  plain-read   1.0  select id from books where id = $1 (failed)
  2  writer  data-change  1.0  update books set id = id
`,
    );
    expect(message).not.toContain("secret");
  });

  it("says so when nothing was sent", async () => {
    const error = await rejection(expectQueries(local.pool(), { reader: 1 }, () => {}));
    expect(error).toMatchObject({ message: expect.stringContaining("No statement was sent.") });
  });

  it.each([{}, { writer: -1 }, { reader: 1.5 }, { readers: 1 }, { writer: undefined }])(
    "refuses %j",
    async (expected) => {
      let ran = false;
      const refused = expectQueries(local.pool(), expected as object, () => {
        ran = true;
      });
      expect(await rejection(refused)).toBeInstanceOf(TypeError);
      expect(ran).toBe(false);
    },
  );
});
