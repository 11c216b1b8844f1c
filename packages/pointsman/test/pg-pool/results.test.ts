import { once } from "node:events";
import pg, { type PoolConfig, type QueryResult } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, direct, cluster } = subjectsOnCluster();

beforeAll(async () => {
  const client = new pg.Client({ connectionString: cluster().writer.url });
  await client.connect();
  await client.query("create table notes (id int primary key, body text)");
  await client.end();
  await cluster().waitForReplay();
});

/** Runs a query on the pool, and on a client of it. */
async function onBoth(pool: pg.Pool, ...args: [string, unknown[]?]): Promise<QueryResult[]> {
  const client = await pool.connect();
  try {
    return [await pool.query(...args), await client.query(...args)];
  } finally {
    client.release();
  }
}

describe.each(all)("results $name", ({ shared }) => {
  it("of a text without a statement have no command and no rows", async () => {
    for (const text of ["", " ", ";", "-- nothing"]) {
      for (const result of await onBoth(shared(), text)) {
        expect(result).toMatchObject({ command: null, rowCount: null, rows: [], fields: [] });
      }
    }
  });

  it("of a read without rows tell its columns", async () => {
    for (const result of await onBoth(shared(), "select id, body from notes where false")) {
      expect(result).toMatchObject({ command: "SELECT", rowCount: 0, rows: [] });
      expect(result.fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
        ["id", pg.types.builtins.INT4],
        ["body", pg.types.builtins.TEXT],
      ]);
    }
  });

  it("of writes tell how many rows there were", async () => {
    const insert =
      "insert into notes select n, 'x' from generate_series(1, 3) n on conflict do nothing";
    const pool = shared();
    await pool.query("delete from notes");
    const results = [
      await pool.query(insert),
      await pool.query("update notes set body = 'y' where id < 3 returning id"),
      await pool.query("delete from notes"),
    ];
    expect(results.map(({ command, rowCount, rows }) => [command, rowCount, rows.length])).toEqual([
      ["INSERT", 3, 0],
      ["UPDATE", 2, 2],
      ["DELETE", 3, 0],
    ]);
  });

  it("of columns with the same name have the last", async () => {
    for (const { rows } of await onBoth(shared(), "select 1 as n, 2 as n")) {
      expect(rows).toEqual([{ n: 2 }]);
    }
  });
});

describe.each(all)("parameters $name", ({ shared }) => {
  it.each<[string, unknown, string]>([
    ["null", null, "none"],
    ["undefined", undefined, "none"],
    ["a boolean", true, "true"],
    ["a bigint", 9007199254740993n, "9007199254740993"],
    ["a date", new Date("2020-01-02T03:04:05.678Z"), "2020-01-02T"],
    ["an array", ["a,b", 'c"d', null, 1], `{"a,b","c\\"d",NULL,"1"}`],
    ["an object", { deep: ["value"] }, `{"deep":["value"]}`],
    ["bytes", Buffer.from("bytes"), "bytes"],
    ["what makes itself one", { toPostgres: () => "made" }, "made"],
  ])("that are %s are sent as pg sends them", async (_kind, value, expected) => {
    for (const { rows } of await onBoth(shared(), "select coalesce($1::text, 'none') as told", [
      value,
    ])) {
      expect(rows[0].told).toContain(expected);
    }
  });
});

describe.each(all)("a client $name", ({ open }) => {
  it("emits drain when all that was sent is answered", async () => {
    const client = await open().connect();
    const drained = once(client, "drain");
    const answered: number[] = [];
    const answers = [1, 2, 3].map((n) =>
      client.query("select pg_backend_pid()").then(() => answered.push(n)),
    );
    await Promise.all([drained, ...answers]);
    expect(answered).toEqual([1, 2, 3]);
    client.release();
  });

  it("with the option pipeline answers in order, a failure among others included", async () => {
    const client = await open({ pipeline: true } as PoolConfig).connect();
    const texts = ["select 1 as n", "select 1 / 0 as n", "select 3 as n"];
    const answers = await Promise.allSettled(texts.map((text) => client.query(text)));
    expect(answers).toMatchObject([
      { value: { rows: [{ n: 1 }] } },
      { reason: { code: "22012" } },
      { value: { rows: [{ n: 3 }] } },
    ]);
    client.release();
  });
});

describe.each(direct)("the option Promise $name", ({ open }) => {
  it("makes no promises where there are callbacks", async () => {
    let made = 0;
    class Counted<T> extends Promise<T> {
      constructor(executor: ConstructorParameters<typeof Promise<T>>[0]) {
        super(executor);
        made += 1;
      }
    }
    const pool = open({ Promise: Counted } as PoolConfig);
    await new Promise<void>((resolve) => {
      pool.connect((_error, _client, release) => {
        release();
        pool.query("select 1", () => resolve());
      });
    });
    expect(made).toBe(0);
  });
});
