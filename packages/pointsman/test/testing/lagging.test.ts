import { setTimeout as pause } from "node:timers/promises";
import { createPool, type Pool, withFreshness, withWriter } from "pointsman";
import { captureQueries, lagging } from "pointsman/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table stock (id int primary key, n int); insert into stock values (1, 0)",
});

type Queries = Pick<Pool, "query">;

async function read(from: Queries, more: object = {}): Promise<number> {
  const { rows } = await from.query({ text: "select n from stock where id = 1", ...more });
  return rows[0].n;
}

const eventual = { consistency: "eventual" } as const;

/** Another process writes. */
async function elsewhere(n: number): Promise<void> {
  const client = await local.connect();
  await client.query("update stock set n = $1", [n]);
}

describe.each([
  ["with readers", () => local.pool()],
  ["with mirror", () => local.pool({ mirror: true })],
] as const)("lagging %s", (_kind, open) => {
  it("shows what was there before, until it catches up", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async (lag) => {
      await elsewhere(2);
      expect(await read(pool)).toBe(1);
      expect(await read(pool.reader)).toBe(1);
      await lag.catchUp();
      expect(await read(pool)).toBe(2);
      await pool.query("update stock set n = 3");
      expect(await read(pool, eventual)).toBe(2);
      expect(await withFreshness(eventual, () => read(pool))).toBe(2);
    });
  });

  it("shows own writes: of the process, of a session, on the writer, in a transaction", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    const queries = await captureQueries(pool, () =>
      lagging(pool, async () => {
        await pool.query("update stock set n = 2");
        expect(await read(pool)).toBe(2);
        await pool.session(async () => {
          await pool.query("update stock set n = 3");
          expect(await read(pool)).toBe(3);
          expect(await read(pool, eventual)).toBe(1);
        });
        expect(await withWriter(() => read(pool))).toBe(3);
        expect(await read(pool, { target: "writer" })).toBe(3);
        expect(await read(pool, { consistency: "strong" })).toBe(3);
        expect(await pool.transaction((tx) => read(tx as unknown as Queries))).toBe(3);
      }),
    );
    expect(queries.map(({ target, reason }) => `${target} ${reason}`)).toEqual([
      "writer data-change",
      "writer reader-behind",
      "writer data-change",
      "writer reader-behind",
      "reader plain-read",
      "writer scope",
      "writer asked",
      "writer strong",
      "writer transaction-start",
      "writer open-transaction",
      "writer open-transaction",
    ]);
  });

  it("shows a mistake: a read outside of the session that has written", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async (lag) => {
      await pool.session(() => pool.query("update stock set n = 2"));
      expect(await read(pool)).toBe(1);
      expect(await pool.session(() => read(pool))).toBe(1);
      await lag.catchUp();
      expect(await read(pool)).toBe(2);
    });
  });

  it("shows writes of transactions and clients to whoever made them", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async (lag) => {
      await pool.transaction((tx) => tx.query("update stock set n = 2"));
      expect(await read(pool)).toBe(2);
      await lag.catchUp();
      const client = await pool.connect();
      await client.query("update stock set n = 3");
      client.release();
      expect(await read(pool)).toBe(3);
      await lag.catchUp();
      await pool.writer.query("update stock set n = 4");
      expect(await read(pool)).toBe(4);
    });
  });

  it("shows what was written to the session that its token was carried to", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async () => {
      const token = await pool.session(async (session) => {
        await pool.query("update stock set n = 2");
        return session.token;
      });
      expect(token).toEqual(expect.any(String));
      expect(await pool.session(() => read(pool), { after: token })).toBe(2);
      expect(await pool.session(() => read(pool))).toBe(1);
    });
  });

  it("never goes back in a session", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async () => {
      await pool.session(async () => {
        await elsewhere(2);
        expect(await read(pool)).toBe(1);
        expect(await read(pool, { target: "writer" })).toBe(2);
        expect(await read(pool)).toBe(2);
      });
    });
  });

  it("keeps one moment in a READ ONLY transaction, and refuses writes there", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, 20, async () => {
      await pool
        .transaction(
          async (tx) => {
            expect(await read(tx as unknown as Queries)).toBe(1);
            await elsewhere(2);
            await pause(100);
            expect(await read(tx as unknown as Queries)).toBe(1);
            expect(await rejection(tx.query("update stock set n = 3"))).toMatchObject({
              code: "25006",
            });
            throw new Error("over");
          },
          { readOnly: true },
        )
        .catch((error: Error) => expect(error.message).toBe("over"));
      await until("it is seen", async () => (await read(pool)) === 2);
    });
  });

  it("is behind by the time that it is given, and no more than twice that", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, 150, async () => {
      const writtenAt = performance.now();
      await elsewhere(2);
      await until("it is seen", async () => (await read(pool)) === 2);
      expect(performance.now() - writtenAt).toBeGreaterThan(145);
    });
  });

  it("honours maxStaleness", async () => {
    const pool = open();
    await local.setUp("update stock set n = 1");
    await lagging(pool, async () => {
      await pause(60);
      await elsewhere(2);
      expect(await read(pool, { ...eventual, maxStaleness: "50ms" })).toBe(2);
    });
  });

  it("gives its connections back, also when the code throws", async () => {
    const pool = open();
    const problem = new Error("no");
    const failing = lagging(pool, 10, async () => {
      await read(pool);
      throw problem;
    });
    expect(await rejection(failing)).toBe(problem);
    await pool.query("update stock set n = 5");
    expect(pool.writer.idleCount).toBe(pool.writer.totalCount);
    expect(await read(pool)).toBe(5);
  });

  it("runs many times at once on a small pool, each with a lag of its own", async () => {
    const pool = local.pool({ max: 3, ...(_kind === "with mirror" ? { mirror: true } : {}) });
    await local.setUp("update stock set n = 1");
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        lagging(pool, at % 2 === 0 ? 5 : Number.POSITIVE_INFINITY, async (lag) => {
          await pool.query("update stock set n = n");
          await lag.catchUp();
          return read(pool);
        }),
      ),
    );
    expect(seen).toEqual(Array(20).fill(1));
  });
});

describe("lagging", () => {
  it("says what to do where there is no reader side, or too few connections", async () => {
    const single = createPool({ writer: local.cluster.writer.url });
    onTestFinished(() => single.end());
    expect(await rejection(lagging(single, () => {}))).toMatchObject({
      message: expect.stringContaining("mirror: true"),
    });
    const error = await rejection(lagging(local.pool({ max: 2 }), 100, () => {}));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toContain("max: 3");
  });

  it.each([0, -1, Number.NaN])("refuses a lag of %d", async (ms) => {
    expect(await rejection(lagging(local.pool(), ms, () => {}))).toBeInstanceOf(RangeError);
  });
});
