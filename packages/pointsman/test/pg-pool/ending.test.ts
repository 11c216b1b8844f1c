import { describe, expect, it } from "vitest";
import { subjectsOnCluster } from "../support/subjects.ts";
import { until } from "../support/until.ts";

const { all, own, cluster } = subjectsOnCluster();
const afterEnd = "Cannot use a pool after calling end on the pool";

describe.each(all)("end $name", ({ open }) => {
  it("resolves for a pool that was never used", async () => {
    await expect(open().end()).resolves.toBeUndefined();
  });

  it("calls back, and returns undefined", async () => {
    const pool = open();
    await pool.query("select 1");
    let returned: unknown;
    await new Promise<void>((resolve) => {
      returned = pool.end(resolve);
    });
    expect(returned).toBeUndefined();
  });

  it("says that it is ending while a client is out, then that it has ended", async () => {
    const pool = open();
    const client = await pool.connect();
    const ended = pool.end();
    const during = { ending: pool.ending, ended: pool.ended };
    client.release();
    await ended;
    expect(during).toEqual({ ending: true, ended: false });
    expect({ ending: pool.ending, ended: pool.ended }).toEqual({ ending: true, ended: true });
  });

  it("closes every connection", async () => {
    const pool = open();
    await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        pool.query(n % 2 === 0 ? "select 1" : "select pg_backend_pid()"),
      ),
    );
    await pool.end();
    await until(
      "no connection is open",
      () => cluster().writer.connections === 0 && cluster().reader.connections === 0,
    );
    expect(pool.totalCount).toBe(0);
  });

  it("answers a query that was sent before", async () => {
    const pool = open();
    const answer = pool.query("select $1::text as name", ["brian"]);
    await pool.end();
    expect((await answer).rows).toEqual([{ name: "brian" }]);
  });

  it("answers twenty queries that were sent before on as many connections", async () => {
    const pool = open({ max: 20 });
    let answered = 0;
    const answers = Array.from({ length: 20 }, () =>
      pool.query("select 1").then(() => {
        answered += 1;
      }),
    );
    await pool.end();
    await Promise.all(answers);
    expect(answered).toBe(20);
  });

  it("waits for a client that is out, which works on", async () => {
    const pool = open();
    const client = await pool.connect();
    let over = false;
    const ended = pool.end().then(() => {
      over = true;
    });
    const { rows } = await client.query("select 1 as one");
    const overBefore = over;
    client.release();
    await ended;
    expect(rows).toEqual([{ one: 1 }]);
    expect(overBefore).toBe(false);
  });

  it("called twice rejects the second time", async () => {
    const pool = open();
    const first = pool.end();
    await expect(pool.end()).rejects.toThrow("Called end on pool more than once");
    await first;
  });

  it("called twice calls back an error the second time", async () => {
    const pool = open();
    await pool.end();
    const error = await new Promise((resolve) => {
      pool.end(resolve as () => void);
    });
    expect(error).toMatchObject({ message: "Called end on pool more than once" });
  });

  it("refuses what comes after it", async () => {
    const pool = open();
    await pool.end();
    await expect(pool.connect()).rejects.toThrow(afterEnd);
    await expect(pool.query("select 1")).rejects.toThrow(afterEnd);
    await expect(pool.query("select pg_backend_pid()")).rejects.toThrow(afterEnd);
  });

  it("refuses what comes while it waits for a client", async () => {
    const pool = open();
    const client = await pool.connect();
    const ended = pool.end();
    const outcome = await pool.query("select 1").catch((error: Error) => error.message);
    client.release();
    await ended;
    expect(outcome).toBe(afterEnd);
  });

  it("calls back an error to what comes after it", async () => {
    const pool = open();
    await pool.end();
    const ofQuery = await new Promise((resolve) => {
      pool.query("select 1", resolve);
    });
    const ofConnect = await new Promise((resolve) => {
      pool.connect(resolve);
    });
    expect(ofQuery).toMatchObject({ message: afterEnd });
    expect(ofConnect).toMatchObject({ message: afterEnd });
  });
});

describe.each(own)("end $name, unlike pg.Pool, which forgets them,", ({ open }) => {
  it("answers callers that wait for a client first", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const waiting = pool.connect();
    const ended = pool.end();
    client.release();
    const second = await waiting;
    const { rows } = await second.query("select 1 as one");
    second.release();
    await ended;
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("answers queries that wait for a connection first", async () => {
    const pool = open({ max: 1 });
    const answers = Array.from({ length: 20 }, (_, n) =>
      pool.query<{ n: number }>("select $1::int as n", [n]),
    );
    await pool.end();
    const numbers = (await Promise.all(answers)).map(({ rows }) => rows[0]?.n);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});
