import type pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { subjectsOnCluster } from "../support/subjects.ts";

const { reference, own } = subjectsOnCluster();

/** Anything that somebody may call `query` with. */
interface Queryable {
  query(...args: unknown[]): unknown;
}

const circular: Record<string, unknown> = {};
circular["self"] = circular;

const odd: [string, ...unknown[]][] = [
  ["garbage", "sélect 🙂 frøm '' \"\" $$ ;; )("],
  ["a string that does not end", "select 'never"],
  ["a comment that does not end", "select 1 /* never"],
  ["a dollar quote that does not end", "select $q$ never"],
  ["parentheses without end", "select ".padEnd(20_000, "(")],
  ["an expression nested 2,000 deep", `select ${"(".repeat(2_000)}1${")".repeat(2_000)} as n`],
  ["a list of 5,000 numbers", `select 5 in (${Array.from({ length: 5_000 }, (_, n) => n)}) as n`],
  ["a parameter without a value", "select $1::int"],
  ["a value without a parameter", "select 1 as n", [1]],
  ["an empty text", ""],
  ["white space", " \n\t "],
  ["semicolons", ";;;"],
  ["a line comment", "-- nothing"],
  ["a block comment", "/* nothing */"],
  ["an empty statement between others", "select 1 as a;; select 2 as b"],
  ["a NUL at the end", "select 1 as n\0"],
  ["a NUL and a write behind it", "select 1 as n\0; create table smuggled ()"],
  ["a NUL in a literal", "select 'a\0b' as n"],
  ["a NUL in a value", "select $1::text as n", ["a\0b"]],
  ["half a surrogate pair", "select '\ud800' as n"],
  ["half a surrogate pair in a value", "select $1::text as n", ["\udc00"]],
  ["a byte order mark", "\ufeffselect 1 as n"],
  ["null", null],
  ["undefined", undefined],
  ["nothing"],
  ["a number", 42],
  ["true", true],
  ["an empty array", []],
  ["an array", ["select 1"]],
  ["an empty object", {}],
  ["an object whose text is null", { text: null }],
  ["an object with values and no text", { values: [1] }],
  ["a Date", new Date(0)],
  ["a Map", new Map()],
  ["values that are a string", "select $1::text as n", "abc"],
  ["values that are a number", "select 1 as n", 42],
  ["values that are an object", "select 1 as n", {}],
  ["values that are null", "select 1 as n", null],
  ["a value that contains itself", "select $1::jsonb as n", [circular]],
  ["a value that is a symbol", "select $1::text as n", [Symbol("s")]],
  ["a name too long for the server", { name: "n".repeat(200), text: "select 1 as n" }],
  ["a rowMode that there is not", { text: "select 1 as n", rowMode: "columns" }],
];

/** What a caller gets to see of a call. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    const shown = ({ command, rowCount, rows }: pg.QueryResult) => ({ command, rowCount, rows });
    return Array.isArray(result) ? result.map(shown) : shown(result as pg.QueryResult);
  } catch (thrown) {
    const { name, message, code } = thrown as Error & { code?: string };
    return { name, message, code };
  }
}

async function onPool(pool: pg.Pool, args: unknown[]): Promise<unknown> {
  return outcome(() => (pool as unknown as Queryable).query(...args));
}

async function onClient(pool: pg.Pool, args: unknown[]): Promise<unknown> {
  const client = await pool.connect();
  try {
    return await outcome(() => (client as unknown as Queryable).query(...args));
  } finally {
    client.release();
  }
}

describe.each(own)("an odd query $name", ({ shared }) => {
  const pools = (): pg.Pool[] => [shared(), reference.shared()];

  describe.each([
    ["on the pool", onPool],
    ["on a client", onClient],
  ])("%s", (_where, call) => {
    it.each(odd)("has the outcome that it has with pg.Pool: %s", async (_what, ...args) => {
      const [ours, theirs] = await Promise.all(pools().map((pool) => call(pool, args)));
      expect(ours).toEqual(theirs);
    });
  });
});

describe.each(own)("a pool of one $name", ({ open }) => {
  let pool: pg.Pool | undefined;
  afterEach(() => {
    pool = undefined;
  });

  it("is as good as new after every odd query there is", async () => {
    pool = open({ max: 1 });
    const answers: unknown[] = [];
    for (const [what, ...args] of odd) {
      await onPool(pool, args);
      await onClient(pool, args);
      const { rows } = await pool.query("select $1::text as after", [what]);
      answers.push(rows[0].after);
    }
    expect(answers).toEqual(odd.map(([what]) => what));
  });

  it("is as good as new after a name that is no string, at which pg throws half-way", async () => {
    pool = open({ max: 1 });
    await pool.query("select 1");
    const query = { name: 42, text: "select 1 as n" };
    const outcomes = [
      await onPool(pool, [query]),
      await pool.query("select 1 as one").then(({ rows }) => rows),
      await onClient(pool, [query]),
      await pool.query("select 1 as one").then(({ rows }) => rows),
    ];
    const error = expect.objectContaining({ name: "TypeError" });
    expect(outcomes).toEqual([error, [{ one: 1 }], error, [{ one: 1 }]]);
  });
});

describe.each(own)("a text or a name that is no string $name", ({ open }) => {
  it.each([
    { name: 42, text: "select 1 as n" },
    { name: ["n"], text: "select 1 as n" },
    { name: "n", text: 42 },
    { name: "n", text: Buffer.from("select 1 as n") },
  ])("is refused before anything of it is written: %j", async (query) => {
    const pool = open({ max: 1 });
    // On a connection that has just been opened, and behind others, pg would send it later.
    const first = await onPool(pool, [query]);
    const client = await pool.connect();
    const before = client.query("select pg_sleep(0.05)");
    const behind = await outcome(() => (client as unknown as Queryable).query(query));
    await before;
    client.release();
    const { rows } = await pool.query("select 1 as one");
    const error = expect.objectContaining({ name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
    expect([first, behind, rows]).toEqual([error, error, [{ one: 1 }]]);
  });
});

describe.each(own)("a target that there is not $name", ({ shared }) => {
  it.each([["master"], [null], [42], [{}]])("%j does not stop the query", async (target) => {
    const query = { text: "select 1 as one", target } as unknown as pg.QueryConfig;
    const { rows } = await shared().query(query);
    expect(rows).toEqual([{ one: 1 }]);
  });
});
