import { AsyncLocalStorage } from "node:async_hooks";
import Cursor from "pg-cursor";
import { ConfigError, createPool, type Pool, type SqlTags } from "pointsman";
import { describe, expect, it } from "vitest";
import { kinds } from "../support/kinds.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { eventsOf } from "../support/statement-events.ts";
import { warningsOf } from "../support/warnings.ts";

const local = localCluster({ readers: 1, schema: "create table notes (id int, note text)" });

const entryStart = /^\d{4}-\d{2}-\d{2} [\d:.]+ \S+ \[\d+\] /m;

/** The texts with a mark that servers have run, as their logs have them. */
function texts(mark: string): string[] {
  return local.cluster.servers
    .flatMap((server) => server.log().split(entryStart))
    .filter((entry) => entry.includes(mark))
    .map((entry) => /^LOG: {2}(?:statement|execute [^:]*): ([\s\S]*)$/.exec(entry)?.[1]?.trim())
    .filter((text) => text !== undefined);
}

const ways: readonly [string, (pool: Pool, text: string) => Promise<unknown>][] = [
  ["through the pool", (pool, text) => pool.query(text)],
  ["with values", (pool, text) => pool.query(`${text} where $1 = 1`, [1])],
  [
    "on a checked-out client",
    async (pool, text) => {
      const client = await pool.connect();
      await client.query({ text }).finally(() => client.release());
    },
  ],
  ["in a transaction", (pool, text) => pool.transaction((tx) => tx.query(text))],
  ["joining a transaction", (pool, text) => pool.transaction(() => pool.query(text))],
  [
    "joining a nested transaction",
    (pool, text) => pool.transaction(() => pool.transaction(() => pool.query(text))),
  ],
  ["in a session", (pool, text) => pool.session(() => pool.query(text))],
  ["on the writer by hand", (pool, text) => pool.writer.query(text)],
  ["on the readers by hand", (pool, text) => pool.reader.query(text)],
  [
    "with a callback",
    (pool, text) =>
      new Promise<void>((resolve, reject) => {
        pool.query(text, (error) => (error ? reject(error) : resolve()));
      }),
  ],
  ["with a time limit", (pool, text) => pool.query({ text, query_timeout: 10_000 } as never)],
];

const tags: readonly [string, SqlTags | (() => SqlTags)][] = [
  ["tags", { route: "/books", application: "shop" }],
  ["a function", () => ({ route: "/books", application: "shop" })],
];

describe.each(kinds)("sqlComment $kind", ({ options }) => {
  describe.each(tags)("as %s", (_what, sqlComment) => {
    it.each(ways)("stands behind a statement, once: %s", async (_way, send) => {
      const mark = newMark();
      const pool = local.pool({ ...options, sqlComment });
      await send(pool, `${mark} select 1`);
      const [text, another] = texts(mark);
      expect(another).toBeUndefined();
      expect(text).toMatch(/select 1.* \/\*application='shop',route='%2Fbooks'\*\/$/);
      expect(text?.split("application").length).toBe(2);
    });

    it.each([0, 5])("goes with lanes that begin after %i runs", async (after) => {
      const mark = newMark();
      const pool = local.pool({ ...options, sqlComment, lanes: { after, max: 1 }, max: 2 });
      for (let run = 0; run < 20; run++) await pool.query(`${mark} select $1::int`, [run]);
      const run = texts(mark);
      expect(run).toHaveLength(20);
      expect(run.every((text) => text.endsWith("/*application='shop',route='%2Fbooks'*/"))).toBe(
        true,
      );
      expect(pool.stats().refusals).toBe(0);
    });

    it("is no part of the text that events have, nor of what is remembered", async () => {
      const mark = newMark();
      const events = eventsOf(mark);
      const pool = local.pool({ ...options, sqlComment });
      await pool.query(`${mark} select 1`);
      const client = await pool.connect();
      await client.query(`${mark} select 1`);
      client.release();
      expect(events.map(({ text }) => text)).toEqual([`${mark} select 1`, `${mark} select 1`]);
    });

    it.each(["select 1 -- one", "select '--'", "select 1;", "select 1 /* one */"])(
      "stands behind what ends as %j does",
      async (sql) => {
        const mark = newMark();
        const pool = local.pool({ ...options, sqlComment });
        const { rows } = await pool.query(`${mark} ${sql}`);
        expect(rows).toHaveLength(1);
        expect(texts(mark)[0]).toMatch(/\/\*application='shop',route='%2Fbooks'\*\/$/);
      },
    );

    it("leaves alone what has tags already, and what is no SQL", async () => {
      const [mark, broken] = [newMark(), newMark()];
      const pool = local.pool({ ...options, sqlComment });
      await pool.query(`${mark} select 1 /*framework='knex'*/`);
      await expect(pool.query(`${broken} selec 1`)).rejects.toMatchObject({ code: "42601" });
      expect(texts(mark)).toEqual([`${mark} select 1 /*framework='knex'*/`]);
    });

    it("lets a hint at the beginning count", async () => {
      const pool = local.pool({ ...options, sqlComment });
      const { rows } = await pool.query(`/* pointsman:writer */ select ${here} as place`);
      expect(rows[0].place).toBe("writer");
    });

    it("lets a query with a name be sent again and again", async () => {
      const mark = newMark();
      const pool = local.pool({ ...options, sqlComment, max: 1 });
      pool.on("connect", (client) => {
        client.query({ name: "one", text: `${mark} select $1::int`, values: [0] });
      });
      for (let n = 1; n <= 3; n++) {
        const { rows } = await pool.query({
          name: "one",
          text: `${mark} select $1::int`,
          values: [n],
        });
        expect(rows[0].int4).toBe(n);
      }
      const ofAll = typeof sqlComment === "function" ? 0 : texts(mark).length;
      expect(texts(mark).filter((text) => text.includes("application='shop'")).length).toBe(ofAll);
    });

    it("goes with transactions that write, and what they write is there", async () => {
      const mark = newMark();
      const pool = local.pool({ ...options, sqlComment });
      await pool.transaction(async (tx) => {
        await tx.query(`${mark} insert into notes values ($1, $2)`, [1, "*/ drop table notes; --"]);
      });
      const { rows } = await pool.query({
        text: `${mark} select note from notes where note = $1`,
        values: ["*/ drop table notes; --"],
        target: "writer",
      });
      expect(rows.length).toBeGreaterThan(0);
      expect(texts(mark).every((text) => text.endsWith("'*/"))).toBe(true);
    });
  });

  it("stands behind the text of a cursor where it is always the same", async () => {
    const [same, other] = [newMark(), newMark()];
    const read = async (pool: Pool, text: string): Promise<unknown[]> => {
      const client = await pool.connect();
      const rows = await client.query(new Cursor(text)).read(10);
      client.release();
      return rows;
    };
    const always = local.pool({ ...options, sqlComment: { application: "shop" } });
    const asked = local.pool({ ...options, sqlComment: () => ({ application: "shop" }) });
    expect(await read(always, `${same} select 1`)).toHaveLength(1);
    expect(await read(asked, `${other} select 1`)).toHaveLength(1);
    expect(texts(same)).toEqual([`${same} select 1 /*application='shop'*/`]);
    expect(texts(other)).toEqual([`${other} select 1`]);
  });

  it("is prepared with what is always the same, and not with what may differ", async () => {
    const prepared = async (sqlComment: SqlTags | (() => SqlTags)): Promise<unknown[]> => {
      const pool = local.pool({
        ...options,
        sqlComment,
        prepare: { after: 0 },
        lanes: false,
        max: 1,
      });
      const mark = newMark();
      for (let n = 0; n < 3; n++) await pool.query(`${mark} select $1::int`, [n]);
      const { rows } = await pool.reader.query(
        "select statement from pg_prepared_statements where statement like $1",
        [`${mark}%`],
      );
      return rows;
    };
    expect(await prepared({ application: "shop" })).toMatchObject([
      { statement: expect.stringMatching(/ \/\*application='shop'\*\/$/) },
    ]);
    expect(await prepared(() => ({ application: "shop" }))).toEqual([]);
  });

  it("shows in pg_stat_activity", async () => {
    const pool = local.pool({ ...options, sqlComment: { route: "/activity" } });
    const { rows } = await pool.query(
      "select query from pg_stat_activity where pid = pg_backend_pid()",
    );
    expect(rows[0].query).toMatch(/ \/\*route='%2Factivity'\*\/$/);
  });

  it("is made in the context of whoever calls", async () => {
    const requests = new AsyncLocalStorage<string>();
    const pool = local.pool({ ...options, sqlComment: () => ({ route: requests.getStore() }) });
    const mark = newMark();
    await Promise.all(
      ["a", "b", "c"].map((route) =>
        requests.run(route, async () => {
          await pool.query(`${mark} select '${route}'`);
          await pool.transaction((tx) => tx.query(`${mark} select '${route}'`));
        }),
      ),
    );
    await pool.query(`${mark} select 'none'`);
    expect(texts(mark).sort()).toEqual(
      [
        ...["a", "a", "b", "b", "c", "c"].map(
          (route) => `${mark} select '${route}' /*route='${route}'*/`,
        ),
        `${mark} select 'none'`,
      ].sort(),
    );
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no route");
      },
    ],
    ["returns a promise", async () => ({ route: "/" })],
    ["returns a promise that fails", () => Promise.reject(new Error("no route"))],
    ["returns a text", () => "route='/'"],
    ["returns objects", () => ({ route: {} })],
  ])("breaks no statement where its function %s, and is told once", async (_what, sqlComment) => {
    const mark = newMark();
    const pool = local.pool({ ...options, sqlComment: sqlComment as never });
    const codes = await warningsOf(async () => {
      await pool.query(`${mark} select 1`);
      await pool.query(`${mark} select 1`);
    });
    expect(codes).toEqual(["POINTSMAN_COMMENT_FAILED"]);
    expect(texts(mark)).toEqual([`${mark} select 1`, `${mark} select 1`]);
  });

  it("does not ask for what its function itself sends", async () => {
    const mark = newMark();
    const inner: Promise<unknown>[] = [];
    const pool: Pool = local.pool({
      ...options,
      sqlComment: () => {
        if (inner.length === 0) inner.push(pool.query(`${mark} select 'inner'`));
        return { a: "1" };
      },
    });
    await pool.query(`${mark} select 'outer'`);
    await Promise.all(inner);
    expect(texts(mark).sort()).toEqual([
      `${mark} select 'inner'`,
      `${mark} select 'outer' /*a='1'*/`,
    ]);
  });
});

it("stands behind statements in shadow mode", async () => {
  const mark = newMark();
  const pool = local.pool({ shadow: true, sqlComment: { application: "shop" } });
  await pool.query(`${mark} select 1`);
  const client = await pool.connect();
  await client.query(`${mark} select 1`);
  client.release();
  expect(texts(mark)).toEqual(
    Array.from({ length: 2 }, () => `${mark} select 1 /*application='shop'*/`),
  );
});

it("stands behind statements of a read-only pool", async () => {
  const mark = newMark();
  const pool = local.pool({ readOnly: true, sqlComment: { application: "shop" } });
  await pool.query(`${mark} select 1`);
  await pool.reader.query(`${mark} select 1`);
  expect(texts(mark)).toEqual(
    Array.from({ length: 2 }, () => `${mark} select 1 /*application='shop'*/`),
  );
});

it.each([[], "shop", 1, null, { route: {} }])("refuses %o when the pool is made", (sqlComment) => {
  expect(() => createPool({ sqlComment: sqlComment as never })).toThrow(ConfigError);
});
