import type { Client } from "pg";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";
import { warningsOf } from "../support/warnings.ts";
import { forced, newValue, openAll, timesSent } from "./forced.ts";

const local = localCluster({ readers: 1 });

interface Prepared {
  readonly name: string;
  readonly statement: string;
  readonly runs: number;
}

/** What a server has prepared for the one connection of a side, as that says itself. */
async function prepared(pool: Pool, side: "writer" | "reader" = "reader"): Promise<Prepared[]> {
  const client = await pool[side].connect();
  try {
    const { rows } = await client.query(
      "select name, statement, (generic_plans + custom_plans)::int as runs from pg_prepared_statements order by statement",
    );
    return rows;
  } finally {
    client.release();
  }
}

const textsOf = (statements: readonly Prepared[]): string[] =>
  statements.map(({ statement }) => statement);

/** A pool with one connection to each side. */
const one = (options: PoolOptions = {}): Pool =>
  local.pool({ max: 1, lanes: false, prepare: { after: 2 }, ...options });

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < count; n++) await work();
}

/** A table of its own, and a connection that changes it past the library. */
async function aTable(columns: string): Promise<{ name: string; elsewhere: Client }> {
  const name = `t_${newValue().replaceAll("-", "")}`;
  await local.setUp(`create table ${name} (${columns})`);
  return { name, elsewhere: await local.connect() };
}

describe.each([
  { way: "by itself", lanes: false as const },
  { way: "on a lane", lanes: forced },
])("a text that keeps coming $way", ({ lanes }) => {
  const pool = async (options: PoolOptions = {}): Promise<Pool> => {
    const made = one({ lanes, ...options });
    await openAll(made.reader);
    await openAll(made.writer);
    return made;
  };

  it("is prepared once it has run often enough", async () => {
    const these = await pool();
    const text = `${newMark()} select $1::int as n`;
    await times(2, () => these.query(text, [1]));
    expect(textsOf(await prepared(these))).toEqual([]);
    await times(3, () => these.query(text, [1]));
    expect(await prepared(these)).toMatchObject([{ statement: text, runs: 3 }]);
  });

  it("is prepared from the first time on with after: 0", async () => {
    const these = await pool({ prepare: { after: 0 } });
    await these.query("select $1::int as first", [1]);
    expect(textsOf(await prepared(these))).toEqual(["select $1::int as first"]);
  });

  it("is not prepared with prepare: false", async () => {
    const these = await pool({ prepare: false });
    await times(10, () => these.query("select $1::int as n", [1]));
    expect(await prepared(these)).toEqual([]);
  });

  it("is not prepared when it has no parameters", async () => {
    const these = await pool();
    await times(10, () => these.query("select 1 as n"));
    expect(await prepared(these)).toEqual([]);
  });

  it("is not prepared when each is another, though each has a parameter, too", async () => {
    const these = await pool();
    for (let n = 0; n < 10; n++) await these.query(`select $1::int as n, ${n} as literal`, [n]);
    expect(await prepared(these)).toEqual([]);
  });

  it("is not sent by a name that a literal of it would tell apart", async () => {
    const these = await pool({ prepare: { after: 0 } });
    for (let n = 0; n < 10; n++) {
      const { rows } = await these.query(`select $1::int as n, '${n}' as literal`, [n]);
      expect(rows).toEqual([{ n, literal: String(n) }]);
    }
  });

  it("shares its connection's room: the one that was used least lately is closed", async () => {
    const these = await pool({ prepare: { after: 0, max: 3 } });
    const text = (n: number): string => `select $1::int as column_${n}`;
    for (const n of [1, 2, 3]) await these.query(text(n), [n]);
    await these.query(text(1), [1]);
    await these.query(text(4), [4]);
    expect(textsOf(await prepared(these))).toEqual([1, 3, 4].map(text));
    const { rows } = await these.query(text(2), [2]);
    expect(rows).toEqual([{ column_2: 2 }]);
    expect(textsOf(await prepared(these))).toEqual([1, 2, 4].map(text));
  });

  it("is answered when more texts are sent at once than may be prepared", async () => {
    const these = await pool({ prepare: { after: 0, max: 2 } });
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => these.query(`select $1::int as c${n}`, [n])),
      );
      expect(answers.map(({ rows }) => rows[0])).toEqual(
        Array.from({ length: 20 }, (_, n) => ({ [`c${n}`]: n })),
      );
    }
    expect((await prepared(these)).length).toBeLessThanOrEqual(2);
  });

  it("has the new columns, and no error, when its table was altered elsewhere", async () => {
    const these = await pool();
    const { name, elsewhere } = await aTable("id int, title text");
    const text = `select * from ${name} where id = $1`;
    await elsewhere.query(`insert into ${name} values (1, 'Kindred')`);
    await local.cluster.waitForReplay();
    await times(4, () => these.query(text, [1]));
    await elsewhere.query(`alter table ${name} add column stock int default 5`);
    await local.cluster.waitForReplay();
    await times(5, async () => {
      const { rows } = await these.query(text, [1]);
      expect(rows).toEqual([{ id: 1, title: "Kindred", stock: 5 }]);
    });
    expect(await prepared(these)).toMatchObject([{ statement: text, runs: 4 }]);
  });

  it.each([
    ["bigint", 5_000_000_000, [{ id: "5000000000" }]],
    ["text using id::text", "seven", [{ id: "seven" }]],
  ])("takes values of its column's new type: int -> %s", async (type, value, expected) => {
    const these = await pool();
    const { name, elsewhere } = await aTable("id int");
    const text = `select id from ${name} where id = $1`;
    await times(4, () => these.query(text, [1]));
    await elsewhere.query(`alter table ${name} alter column id type ${type}`);
    await elsewhere.query(`insert into ${name} values ($1)`, [value]);
    await local.cluster.waitForReplay();
    await times(5, async () => {
      expect((await these.query(text, [value])).rows).toEqual(expected);
    });
    expect(await prepared(these)).toMatchObject([{ statement: text, runs: 4 }]);
  });

  it("does not name its statement when it fails", async () => {
    const these = await pool({ prepare: { after: 0 } });
    const text = "select $1::int / $2::int as n";
    await times(3, () => these.query(text, [4, 2]));
    const messages = [
      await rejection(these.query(text, [1])),
      await rejection(these.query(text, [1, 2, 3])),
      await rejection(these.query(text, [1, 0])),
      await rejection(these.query(text, ["one", 1])),
      await rejection(these.query("select * from nowhere_at_all where id = $1", [1])),
    ].map((error) => JSON.stringify({ ...error, message: error.message }));
    expect(messages.filter((message) => message.includes("pointsman"))).toEqual([]);
    expect(messages[0]).toContain("bind message supplies 1 parameters");
    expect((await these.query(text, [4, 2])).rows).toEqual([{ n: 2 }]);
  });

  it("stays prepared though a run of it fails by what it says", async () => {
    const these = await pool({ prepare: { after: 0 } });
    const text = "select $1::int / $2::int as n";
    await these.query(text, [4, 2]);
    await rejection(these.query(text, [4, 0]));
    await times(2, () => these.query(text, [4, 2]));
    expect(textsOf(await prepared(these))).toEqual([text]);
  });
});

describe("prepared statements that are gone", () => {
  it.each(["discard all", "deallocate all", "do $$ begin execute 'deallocate all'; end $$"])(
    "are made again after %s on a checkout",
    async (sql) => {
      const pool = one({ prepare: { after: 0 } });
      const texts = ["select $1::int as a", "select $1::int as b"];
      for (const text of texts) await pool.query({ text, values: [1], target: "writer" });
      const client = await pool.connect();
      await client.query(sql);
      client.release();
      for (let round = 0; round < 2; round++) {
        for (const text of texts) {
          const { rowCount } = await pool.query({ text, values: [1], target: "writer" });
          expect(rowCount).toBe(1);
        }
      }
      const runs = (await prepared(pool, "writer")).map((one) => one.runs);
      expect(Math.min(...runs)).toBeGreaterThanOrEqual(1);
      expect(runs).toHaveLength(2);
    },
  );

  it("are made again after one of them was deallocated by hand, and the others still serve", async () => {
    const pool = one({ reader: undefined, prepare: { after: 0 } });
    const texts = ["a", "b", "c"].map((name) => `select $1::int as ${name}`);
    for (const text of texts) await pool.query(text, [1]);
    const [first] = await prepared(pool, "writer");
    await pool.query(`deallocate "${first?.name}"`);
    for (let round = 0; round < 3; round++) for (const text of texts) await pool.query(text, [1]);
    const runs = (await prepared(pool, "writer")).map((one) => one.runs);
    expect(Math.min(...runs)).toBeGreaterThanOrEqual(2);
  });

  it("are made no more where they are lost again and again, which a warning tells once", async () => {
    const pool = one({ reader: undefined, prepare: { after: 0 } });
    const other = one({ reader: undefined, prepare: { after: 0 } });
    const text = "select $1::int as n";
    const told = await warningsOf(async () => {
      for (let n = 0; n < 12; n++) {
        expect((await pool.query(text, [n])).rows).toEqual([{ n }]);
        // Where nobody sees it, as behind a pooler.
        await pool.query("do $$ begin execute 'deallocate all'; end $$");
      }
    });
    expect(told).toEqual(["POINTSMAN_PREPARED_LOST"]);
    await times(3, () => pool.query(text, [1]));
    expect(await prepared(pool, "writer")).toEqual([]);
    await times(3, () => other.query(text, [1]));
    expect(await prepared(other, "writer")).toMatchObject([{ statement: text, runs: 3 }]);
  });

  it("are not used for tables of another search_path", async () => {
    await local.setUp(
      "create schema if not exists other; create table if not exists public.place (name text); create table if not exists other.place (name text, more int); truncate public.place, other.place; insert into public.place values ('public'); insert into other.place values ('other', 1)",
    );
    const pool = one({ reader: undefined, prepare: { after: 0 } });
    const text = "select * from place where name <> $1";
    await times(3, () => pool.query(text, [""]));
    const client = await pool.connect();
    await client.query("set search_path to other");
    expect((await client.query(text, [""])).rows).toEqual([{ name: "other", more: 1 }]);
    client.release();
    expect((await pool.query(text, [""])).rows).toEqual([{ name: "other", more: 1 }]);
    await pool.query("set search_path to public");
    expect((await pool.query(text, [""])).rows).toEqual([{ name: "public" }]);
  });
});

describe("a write that keeps coming", () => {
  const key = "insert into";

  it("is prepared, and runs exactly once each time", async () => {
    const { name } = await aTable("id serial, value text");
    const pool = one();
    const text = `${key} ${name} (value) values ($1) returning id`;
    const values = Array.from({ length: 8 }, newValue);
    for (const [n, value] of values.entries()) {
      expect((await pool.query(text, [value])).rows).toEqual([{ id: n + 1 }]);
    }
    expect(await prepared(pool, "writer")).toMatchObject([{ statement: text, runs: 6 }]);
    expect(values.map((value) => timesSent(local, value))).toEqual(values.map(() => 1));
  });

  it("fails with pg's own error when it violates a constraint, and is sent once", async () => {
    const { name, elsewhere } = await aTable("id text primary key");
    const pool = one({ prepare: { after: 0 } });
    const text = `${key} ${name} (id) values ($1)`;
    const value = newValue();
    await pool.query(text, [value]);
    const theirs = await rejection(elsewhere.query(text, [value]));
    const sent = timesSent(local, value);
    const ours = await rejection(pool.query(text, [value]));
    expect({ ...ours, message: ours.message }).toEqual({ ...theirs, message: theirs.message });
    expect(ours).toMatchObject({ code: "23505", constraint: `${name}_pkey`, table: name });
    // Once for itself, and once where the detail of its failure names it.
    expect(timesSent(local, value) - sent).toBe(1);
  });

  it("runs once when its table was altered elsewhere", async () => {
    const { name, elsewhere } = await aTable("id serial, value text");
    const pool = one({ prepare: { after: 0 } });
    const text = `${key} ${name} (value) values ($1) returning *`;
    await times(3, () => pool.query(text, ["before"]));
    await elsewhere.query(`alter table ${name} add column stock int default 5`);
    expect((await pool.query(text, ["after"])).rows).toEqual([{ id: 4, value: "after", stock: 5 }]);
    const { rows } = await elsewhere.query(`select count(*)::int as count from ${name}`);
    expect(rows).toEqual([{ count: 4 }]);
  });

  it("is not prepared inside a transaction", async () => {
    const { name } = await aTable("value text");
    const pool = one({ prepare: { after: 0 } });
    await pool.transaction(async (tx) => {
      await times(5, () => tx.query(`${key} ${name} values ($1)`, ["inside"]));
      await times(5, () => pool.query(`select * from ${name} where value = $1`, ["inside"]));
    });
    expect(await prepared(pool, "writer")).toEqual([]);
  });
});

it("a text whose generic plan is far slower is prepared no more", async () => {
  const { name } = await aTable("id int primary key, kind int");
  // Of any kind there is one among the first, as a plan for all kinds must think; of this there is not.
  await local.setUp(
    `insert into ${name} select n, n % 20 from generate_series(1, 150000) n; create index on ${name} (kind); analyze ${name}; insert into ${name} values (200000, 100)`,
  );
  const pool = one({ reader: undefined, prepare: { after: 5 } });
  const text = `select id from ${name} where kind = $1 order by id limit 1`;
  const read = async (): Promise<void> => {
    expect((await pool.query(text, [100])).rows).toEqual([{ id: 200_000 }]);
  };
  await times(40, read);
  const [before] = await prepared(pool, "writer");
  await times(3, read);
  const [after] = await prepared(pool, "writer");
  expect(before?.statement).toBe(text);
  expect(before?.runs).toBeGreaterThanOrEqual(20);
  expect(after?.runs).toBe(before?.runs);
});
