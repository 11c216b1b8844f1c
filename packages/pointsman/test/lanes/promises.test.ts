import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { paused } from "../freshness/paused.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";
import {
  atRest,
  backends,
  forced,
  kinds,
  lanesOf,
  newValue,
  type ReadSide,
  riding,
  timesSent,
} from "./forced.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table books (id int primary key, stock int); insert into books select n, 0 from generate_series(1, 100) n;
    create sequence drawn; create view draws as select nextval('drawn') as n;
    create function draw() returns bigint language sql as $$ select nextval('drawn') $$;
  `,
});

const stockOf = "select stock from books where id = $1";

/** Reads without end, until it is stopped: how many there were, and what has failed. */
function ceaseless(pool: Pool, callers: number) {
  let isOver = false;
  let count = 0;
  const running = Array.from({ length: callers }, async () => {
    while (!isOver) {
      await pool.query(stockOf, [1]);
      count += 1;
    }
  });
  return {
    count: () => count,
    async stop(): Promise<void> {
      isOver = true;
      await Promise.all(running);
    },
  };
}

const urlOf = (side: ReadSide): string =>
  (side === "reader" ? local.cluster.readers[0] : local.cluster.servers[0])?.direct.url as string;

describe.each(kinds)("a backend that is killed under its riders $name", ({ side }) => {
  it("costs nobody an answer", async () => {
    const application = `killed ${side}`;
    const pool = await riding(local, side, {
      application_name: application,
      ...(side === "reader" ? { reader: urlOf("reader") } : {}),
    });
    const text = "select $1::int as n, pg_sleep(0.002) is null as slept";
    const killer = await local.connect(urlOf(side));
    const reads = Array.from({ length: 50 }, (_, n) => pool.query(text, [n]));
    expect(lanesOf(pool, side).riding).toBe(50);
    const { rows } = await killer.query(
      "select pg_terminate_backend(pid) as killed from pg_stat_activity where application_name = $1",
      [application],
    );
    expect(rows).toHaveLength(4);
    const answers = await Promise.all(reads);
    expect(answers.map(({ rows }) => rows[0].n)).toEqual(answers.map((_, n) => n));
    await atRest(pool);
    expect((await pool.query(text, [7])).rows[0].n).toBe(7);
  });

  it("leaves others of its side in use", async () => {
    const application = `others ${side}`;
    const pool = await riding(local, side, { application_name: application });
    await Promise.all(Array.from({ length: 10 }, () => pool.query(stockOf, [1])));
    const all = await backends(local, urlOf(side), application);
    const killer = await local.connect(urlOf(side));
    await killer.query("select pg_terminate_backend($1)", [all[0]?.pid]);
    for (let n = 0; n < 20; n++) expect((await pool.query(stockOf, [1])).rowCount).toBe(1);
    await atRest(pool);
  });
});

describe.each(kinds)("reads that never cease $name", ({ side }) => {
  it("let a transaction have the one connection that there is, and go on", async () => {
    const pool = await riding(local, side, { max: 1, connectionTimeoutMillis: 10_000 });
    const reads = ceaseless(pool, 20);
    onTestFinished(() => reads.stop());
    await pause(50);
    const before = reads.count();
    for (let n = 0; n < 2; n++) {
      const sum = await pool.transaction(
        async (tx) => (await tx.query("select sum(stock)::int as sum from books")).rows[0].sum,
        { readOnly: side === "reader" },
      );
      expect(sum).toBeTypeOf("number");
    }
    const between = reads.count();
    await pause(100);
    await reads.stop();
    expect(between).toBeGreaterThan(before);
    expect(reads.count()).toBeGreaterThan(between);
    await atRest(pool);
    expect(lanesOf(pool, side).carried).toBeGreaterThan(100);
  });

  it("let a read that never rides have its turn, too", async () => {
    const pool = await riding(local, side, { max: 1 });
    const reads = ceaseless(pool, 20);
    onTestFinished(() => reads.stop());
    await pause(20);
    const { rows } = await pool.query({
      text: "select 7 as seven",
      queryMode: "simple",
      rows: 5,
    } as never);
    await reads.stop();
    expect(rows).toEqual([{ seven: 7 }]);
  });

  it("are told when too many wait", async () => {
    const pool = await riding(local, side, {
      max: 1,
      maxWaiting: 5,
      lanes: { ...forced, depth: 2 },
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () => pool.query("select pg_sleep(0.002)")),
    );
    const codes = outcomes.map((one) =>
      one.status === "fulfilled" ? "answered" : (one.reason as { code: string }).code,
    );
    expect(codes.filter((code) => code === "answered")).toHaveLength(7);
    expect(codes.filter((code) => code === "QUEUE_FULL")).toHaveLength(23);
  });
});

describe("reads that ride readers which lag", () => {
  it("see what was written before them", async () => {
    const pool = await riding(local, "reader");
    const seen: number[] = [];
    await local.cluster.lag(300);
    onTestFinished(() => local.cluster.lag(0));
    for (let n = 1; n <= 10; n++) {
      await pool.query("update books set stock = $1 where id = 2", [n]);
      const answers = await Promise.all([2, 2, 2].map((id) => pool.query(stockOf, [id])));
      seen.push(...answers.map(({ rows }) => rows[0].stock as number));
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => Math.floor(n / 3) + 1));
  });

  it("see what was written before them, on the writer where nobody else has it", async () => {
    const pool = await riding(local, "reader");
    await paused(local.cluster, async () => {
      await pool.query("update books set stock = 77 where id = 3");
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          pool.query(`select stock, ${here} as server from books where id = $1`, [3]),
        ),
      );
      expect(new Set(answers.map(({ rows }) => JSON.stringify(rows[0])))).toEqual(
        new Set([JSON.stringify({ stock: 77, server: "writer" })]),
      );
    });
  });

  it("see what was written before them once readers have it, and ride there", async () => {
    const pool = await riding(local, "reader", { lanes: { ...forced, max: 2 } });
    await pool.query("update books set stock = 5 where id = 4");
    await local.cluster.waitForReplay();
    const read = (): Promise<{ rows: { stock: number }[] }[]> =>
      Promise.all(Array.from({ length: 20 }, () => pool.query(stockOf, [4])));
    // The first ones ask how far their readers are.
    const first = await read();
    const { carried } = lanesOf(pool, "reader");
    const answers = [...first, ...(await read())];
    expect(new Set(answers.map(({ rows }) => rows[0]?.stock))).toEqual(new Set([5]));
    expect(lanesOf(pool, "reader").carried).toBeGreaterThan(carried);
  });

  it("never go back in time inside a session, whichever reader serves them", async () => {
    const pool = await riding(local, "reader", { lanes: { ...forced, max: 2 } });
    const elsewhere = await local.connect();
    const [slow] = local.cluster.readers;
    await slow?.lag(300);
    onTestFinished(() => slow?.lag(0));
    let isOver = false;
    const writing = (async () => {
      for (let n = 1; !isOver; n++) {
        await elsewhere.query("update books set stock = $1 where id = 5", [n]);
        await pause(2);
      }
    })();
    const others = ceaseless(pool, 4);
    const sessions = Array.from({ length: 4 }, () =>
      pool.session(async () => {
        const seen: number[] = [];
        const deadline = performance.now() + 800;
        while (performance.now() < deadline) {
          const { rows } = await pool.query(stockOf, [5]);
          seen.push(rows[0].stock);
        }
        return seen;
      }),
    );
    const all = await Promise.all(sessions);
    isOver = true;
    await Promise.all([writing, others.stop()]);
    for (const seen of all) {
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(new Set(seen).size).toBeGreaterThan(1);
    }
    expect(lanesOf(pool, "reader").carried).toBeGreaterThan(10);
  });
});

describe("a read that writes, after all", () => {
  it.each([
    ["a view", "select n from draws where $1::text is not null"],
    ["a function", "select draw() as n where $1::text is not null"],
  ])("is put right on the writer, and runs there exactly once: %s", async (_what, text) => {
    const pool = await riding(local, "reader");
    const elsewhere = await local.connect();
    const last = async (): Promise<number> =>
      Number((await elsewhere.query("select nextval('drawn') as n")).rows[0].n);
    const marked = `${newMark()} ${text}`;
    for (let round = 0; round < 3; round++) {
      const before = await last();
      const beside = Promise.all([1, 2, 3].map((id) => pool.query(stockOf, [id])));
      const { rows } = await pool.query(marked, [newValue()]);
      expect(Number(rows[0].n)).toBe(before + 1);
      expect(await last()).toBe(before + 2);
      expect(await beside).toHaveLength(3);
    }
    expect(local.runs(marked)["writer"]).toBe(3);
  });

  it("fails by itself, and is sent at most once more", async () => {
    const pool = await riding(local, "writer");
    const value = newValue();
    const beside = Promise.all([1, 2, 3].map((id) => pool.query(stockOf, [id])));
    const failed = await rejection(
      pool.query("select 10 / (3 - id) as q, $1::text as value from books order by id", [value]),
    );
    expect(failed).toMatchObject({ code: "22012" });
    expect(await beside).toHaveLength(3);
    // Each time once as it is sent, and once where it fails.
    expect(timesSent(local, value)).toBeLessThanOrEqual(4);
  });
});
