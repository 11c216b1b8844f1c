import type pg from "pg";
import type { PoolClient } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../support/run-program.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { own, cluster } = subjectsOnCluster();

let warnings: string[] = [];
const note = (warning: Error): void => {
  warnings.push(`${warning.name}: ${warning.message}`);
};
beforeEach(() => {
  warnings = [];
  process.on("warning", note);
});
afterEach(() => {
  process.removeListener("warning", note);
});

/** A mix of what goes to readers, to the writer, and what fails. */
function ask(pool: pg.Pool, n: number): Promise<unknown> {
  if (n % 25 === 0) {
    return pool.query("select $1::int / 0", [n]).then(
      () => "no error",
      ({ code }) => (code === "22012" ? n : code),
    );
  }
  const texts = [
    "select $1::int as n",
    "select $1::int as n, pg_backend_pid() as pid",
    { name: `ask${n % 8}`, text: "select $1::int as n" },
  ];
  return pool.query(texts[n % 3] as string, [n]).then(({ rows }) => rows[0].n);
}

const numbers = Array.from({ length: 1_000 }, (_, n) => n);

describe.each(own)("1,000 concurrent queries on a pool of two $name", ({ open }) => {
  it("are all answered, each with its own result", async () => {
    const pool = open({ max: 2 });
    expect(await Promise.all(numbers.map((n) => ask(pool, n)))).toEqual(numbers);
    expect(warnings).toEqual([]);
  });

  it("are all answered when the pool is ended right behind them, and none that come after", async () => {
    const pool = open({ max: 2 });
    const before = numbers.map((n) => ask(pool, n));
    const ended = pool.end();
    const after = numbers.slice(0, 100).map((n) =>
      pool.query("select $1::int as n", [n]).then(
        () => "answered",
        (error: Error) => error.message,
      ),
    );
    expect(await Promise.all(before)).toEqual(numbers);
    expect(new Set(await Promise.all(after))).toEqual(
      new Set(["Cannot use a pool after calling end on the pool"]),
    );
    await ended;
    expect(pool.totalCount).toBe(0);
  });

  it("are all answered when the pool is ended in the middle of them", async () => {
    const pool = open({ max: 2 });
    let answered = 0;
    const answers = numbers.map((n) =>
      ask(pool, n).then((answer) => {
        answered += 1;
        if (answered === 300) void pool.end();
        return answer;
      }),
    );
    expect(await Promise.all(answers)).toEqual(numbers);
  });
});

describe.each(own)("a process $name", ({ name }) => {
  it("exits by itself after it has ended a pool under load, with nothing left open", async () => {
    const { writer, reader } = cluster();
    const { status, stdout, stderr } = await runProgram(
      "end-under-load",
      name,
      writer.url,
      reader.url,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ answered: 500, refused: 50, open: [] });
  });
});

describe.each(own)("5,000 uses of a pool $name", ({ open }) => {
  /** Listeners that are on a client, and on the connections of its pool. */
  function listeners(pool: pg.Pool, client: PoolClient): number {
    const { _clients } = pool as unknown as { _clients: NodeJS.EventEmitter[] };
    return [client, ..._clients].reduce(
      (sum, emitter) =>
        sum + emitter.eventNames().reduce((of, name) => of + emitter.listenerCount(name), 0),
      0,
    );
  }

  it("leave no listeners behind", async () => {
    const pool = open({ max: 2 });
    const use = async (count: number): Promise<number> => {
      let client = await pool.connect();
      for (let n = 0; n < count; n++) {
        if (n % 50 === 0)
          await client.query(n % 100 === 0 ? "select 1" : "select pg_backend_pid()");
        client.release();
        client = await pool.connect();
      }
      const left = listeners(pool, client);
      client.release();
      return left;
    };
    const few = await use(101);
    const many = await use(5_000);
    expect(many).toBe(few);
    expect(warnings).toEqual([]);
  });

  it("leave no listeners behind when 50 callers take turns", async () => {
    const pool = open({ max: 2 });
    let served = 0;
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (let n = 0; n < 100; n++) {
          const client = await pool.connect();
          if (n % 50 === 0) await client.query("select 1");
          client.release();
          served += 1;
        }
      }),
    );
    expect(served).toBe(5_000);
    expect(warnings).toEqual([]);
  });
});
