import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Pool as PgPool } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { StatementEvent } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";
import { atRest, backends, forced, kinds, lanesOf, openAll, riding, statsOf } from "./forced.ts";

const local = localCluster({
  readers: 1,
  schema:
    "create table books (id int primary key, title text); insert into books select n, 'book ' || n from generate_series(1, 200) n",
});

const title = "select title from books where id = $1";
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

async function readAll(pool: PgPool, count: number): Promise<string[]> {
  const answers = await Promise.all(numbers(count).map((n) => pool.query(title, [n])));
  return answers.map(({ rows }) => rows[0].title);
}

// Where the machine stands still for 20 ms reads go elsewhere, as they should.
describe.each(kinds)("short reads $name", { retry: 2 }, ({ side }) => {
  it("ride one connection together, and each gets its own answer", async () => {
    const application = `riding together ${side}`;
    const pool = await riding(local, side, { application_name: application });
    const mark = newMark();
    const answers = await Promise.all(numbers(64).map((n) => pool.query(`${mark} ${title}`, [n])));
    expect(answers.map(({ rows }) => rows[0].title)).toEqual(numbers(64).map((n) => `book ${n}`));
    expect(lanesOf(pool, side).carried).toBe(64);
    const { direct } = local.cluster.servers[side === "reader" ? 1 : 0] as {
      direct: { url: string };
    };
    const used = await backends(local, direct.url, application);
    expect(used).toHaveLength(4);
    expect(used.filter(({ query }) => query.includes(mark))).toHaveLength(1);
  });

  it("ride no more lanes than there may be", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, max: 2, depth: 2 } });
    const reads = readAll(pool, 50);
    expect(lanesOf(pool, side)).toMatchObject({ open: 2, riding: 4, waiting: 46 });
    expect(await reads).toHaveLength(50);
    expect(lanesOf(pool, side).carried).toBe(50);
  });

  it("R10: ride no more lanes than their side has connections", async () => {
    const pool = await riding(local, side, { max: 2, lanes: { ...forced, max: 8, depth: 1 } });
    const reads = readAll(pool, 20);
    expect(lanesOf(pool, side).open).toBeLessThanOrEqual(2);
    await reads;
    expect(statsOf(pool, side).total).toBe(2);
  });

  it("R10: are counted while they ride, while they wait, and not afterwards", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, depth: 3 } });
    const reads = readAll(pool, 10);
    const { waiting, lanes } = statsOf(pool, side);
    expect({ waiting, lanes }).toEqual({
      waiting: 7,
      lanes: { open: 1, riding: 3, waiting: 7, carried: 3, moved: 0 },
    });
    await reads;
    await atRest(pool);
    expect(lanesOf(pool, side)).toEqual({ open: 0, riding: 0, waiting: 0, carried: 10, moved: 0 });
  });

  it("do not ride with lanes: false", async () => {
    const pool = await riding(local, side, { lanes: false });
    await readAll(pool, 20);
    expect(statsOf(pool, side).lanes).toBeUndefined();
  });

  it("do not ride before they have proved short", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, after: 3 } });
    await pool.query(title, [1]);
    await pool.query(title, [1]);
    await pool.query(title, [1]);
    expect(lanesOf(pool, side).carried).toBe(0);
    await until("the text rides", async () => {
      await pool.query(title, [1]);
      return lanesOf(pool, side).carried > 0;
    });
  });

  it("R9: ride connections that were set up by onConnect", async () => {
    const pool = await riding(local, side, {
      onConnect: async (client) => {
        await client.query("set application_name = 'set up by onConnect'");
      },
    });
    const answers = await Promise.all(
      numbers(20).map(() => pool.query("select current_setting('application_name') as name")),
    );
    expect(lanesOf(pool, side).carried).toBe(20);
    expect(new Set(answers.map(({ rows }) => rows[0].name))).toEqual(
      new Set(["set up by onConnect"]),
    );
  });

  it("R9: ride connections that were set up by a listener of connect", async () => {
    const pool = local.pool({
      max: 2,
      lanes: forced,
      ...(side === "writer" ? { reader: undefined } : {}),
    });
    pool.on("connect", (client) => {
      void client.query("set application_name = 'set up by a listener'");
    });
    await openAll(pool[side]);
    const { rows } = await pool.query("select current_setting('application_name') as name");
    expect(lanesOf(pool, side).carried).toBe(1);
    expect(rows).toEqual([{ name: "set up by a listener" }]);
  });

  it("R12: tell nobody of the process that serves them", async () => {
    const pool = await riding(local, side);
    const result = await pool.query(title, [1]);
    expect(lanesOf(pool, side).carried).toBe(1);
    expect(Object.keys(result)).not.toContain("processID");
    expect(JSON.stringify(result)).not.toMatch(/processID|secretKey/);
  });

  it("R3: call back in the context of their callers", async () => {
    const pool = await riding(local, side);
    const storage = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      numbers(20).map((n) =>
        storage.run(
          n,
          () =>
            new Promise<[number, number | undefined]>((resolve) => {
              pool.query(title, [n], () => resolve([n, storage.getStore()]));
            }),
        ),
      ),
    );
    expect(lanesOf(pool, side).carried).toBe(20);
    expect(seen).toEqual(numbers(20).map((n) => [n, n]));
  });

  it("R3: are told of in the context of their callers", async () => {
    const pool = await riding(local, side);
    const storage = new AsyncLocalStorage<number>();
    const mark = newMark();
    const seen: [string, number | undefined][] = [];
    const note = (message: unknown): void => {
      const { text } = message as StatementEvent;
      if (text.includes(mark)) seen.push([text, storage.getStore()]);
    };
    subscribe("pointsman:statement:end", note);
    onTestFinished(() => {
      unsubscribe("pointsman:statement:end", note);
    });
    const texts = numbers(10).map((n) => `${mark} select ${n} as n`);
    await Promise.all(texts.map((text, n) => storage.run(n, () => pool.query(text))));
    expect(lanesOf(pool, side).carried).toBe(10);
    expect(new Map(seen)).toEqual(new Map(texts.map((text, n) => [text, n])));
  });

  it("give as many connections back as they take", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, max: 2, depth: 2 } });
    const uses = { acquire: 0, release: 0 };
    pool.on("acquire", () => {
      uses.acquire += 1;
    });
    pool.on("release", () => {
      uses.release += 1;
    });
    for (let round = 0; round < 5; round++) await readAll(pool, 20);
    await atRest(pool);
    expect(uses.acquire).toBeGreaterThan(0);
    expect(uses.release).toBe(uses.acquire);
  });

  it("are answered when the pool is ended, those that wait too", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, depth: 2 } });
    const reads = readAll(pool, 30);
    expect(lanesOf(pool, side).waiting).toBe(28);
    const ended = pool.end();
    expect(await reads).toEqual(numbers(30).map((n) => `book ${n}`));
    await ended;
  });

  it("are not sent any more once the pool is ended", async () => {
    const pool = await riding(local, side);
    const ended = pool.end();
    expect((await rejection(pool.query(title, [1]))).message).toBe(
      "Cannot use a pool after calling end on the pool",
    );
    await ended;
  });

  it("go on beside what has a connection to itself", async () => {
    const pool = await riding(local, side);
    const mine = await pool.connect();
    onTestFinished(() => mine.release());
    const cursor = mine.query(new Cursor<{ id: number }>("select id from books order by id"));
    const [reads, first, streamed] = await Promise.all([
      readAll(pool, 50),
      cursor.read(2),
      new Promise<number[]>((resolve, reject) => {
        const ids: number[] = [];
        const stream = new QueryStream("select id from books order by id limit 40");
        pool.query(stream);
        stream.on("data", ({ id }: { id: number }) => ids.push(id));
        stream.on("end", () => resolve(ids));
        stream.on("error", reject);
      }),
    ]);
    await cursor.close();
    expect(reads).toEqual(numbers(50).map((n) => `book ${n}`));
    expect(first).toEqual([{ id: 1 }, { id: 2 }]);
    expect(streamed).toEqual(numbers(40));
    expect(lanesOf(pool, side).carried).toBe(50);
  });

  it("may be named by their callers", async () => {
    const pool = await riding(local, side);
    const answers = await Promise.all(
      numbers(20).map((n) => pool.query({ name: "title of", text: title, values: [n] })),
    );
    expect(answers.map(({ rows }) => rows[0].title)).toEqual(numbers(20).map((n) => `book ${n}`));
    expect(lanesOf(pool, side).carried).toBe(20);
  });

  it("get the answer to their own text when two of one name are sent at once", async () => {
    const pool = await riding(local, side);
    const [one, another] = await Promise.all([
      pool.query({ name: "same", text: "select 'one' as text where $1::int > 0", values: [1] }),
      pool.query({ name: "same", text: "select 'another' as text where $1::int > 0", values: [1] }),
    ]);
    expect([one.rows, another.rows]).toEqual([[{ text: "one" }], [{ text: "another" }]]);
  });

  it("keep their connection when a caller's callback throws", async () => {
    const pool = await riding(local, side);
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of before) process.on("uncaughtException", listener);
    });
    const thrown = once(process, "uncaughtException");
    let removed = 0;
    pool.on("remove", () => {
      removed += 1;
    });
    pool.query(title, [1], () => {
      throw new Error("the caller's own");
    });
    const reads = await readAll(pool, 5);
    expect((await thrown)[0]).toMatchObject({ message: "the caller's own" });
    expect(reads).toHaveLength(5);
    expect(removed).toBe(0);
    expect(lanesOf(pool, side).carried).toBe(6);
  });
});

it("DATABASE_LANES=0 turns lanes off", async () => {
  process.env["DATABASE_LANES"] = "0";
  onTestFinished(() => {
    delete process.env["DATABASE_LANES"];
  });
  const pool = local.pool();
  await pool.query("select 1");
  expect(statsOf(pool, "reader").lanes).toBeUndefined();
});

it("DATABASE_LANES takes limits", async () => {
  process.env["DATABASE_LANES"] = "after=0, depth=2, max=1";
  onTestFinished(() => {
    delete process.env["DATABASE_LANES"];
  });
  const pool = await riding(local, "reader", { lanes: undefined });
  const reads = readAll(pool, 10);
  expect(lanesOf(pool, "reader")).toMatchObject({ open: 1, riding: 2, waiting: 8 });
  await reads;
});
