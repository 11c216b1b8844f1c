import type { QueryConfig } from "pg";
import { type Pool, withWriter } from "pointsman";
import { beforeEach, describe, expect, it } from "vitest";
import { kinds } from "../../support/kinds.ts";
import { here, localCluster, newMark } from "../../support/local-cluster.ts";
import { rejection, until } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table lines (id int generated always as identity, line text);
    create sequence tickets;
    create view tickets_to_come as select nextval('tickets') as n`,
});

beforeEach(() => local.setUp("truncate lines"));

const insert = "insert into lines (line) values ($1)";

async function lines(): Promise<string[]> {
  const client = await local.connect();
  const { rows } = await client.query("select line from lines order by id");
  return rows.map(({ line }) => line);
}

type Send = (query: QueryConfig & { signal?: AbortSignal }) => Promise<{ rows: unknown[] }>;

/** Ways to send statements through a pool: by the pool itself, and on one client. */
const ways: readonly [name: string, (pool: Pool, use: (send: Send) => Promise<void>) => unknown][] =
  [
    ["pool.query", (pool, use) => use((query) => pool.query(query))],
    [
      "client.query",
      async (pool, use) => {
        const client = await pool.connect();
        try {
          await use((query) => client.query(query));
        } finally {
          client.release();
        }
      },
    ],
  ];

describe.each(kinds)("a query's config $kind", ({ options }) => {
  it.each(ways)("may be used again at once for other values: %s", async (_name, through) => {
    await through(local.pool({ ...options, max: 1 }), async (send) => {
      const query = { text: insert, values: ["one"] };
      const sent = [send(query)];
      query.values = ["two"];
      sent.push(send(query));
      query.values = ["never sent"];
      await Promise.all(sent);
    });
    expect((await lines()).sort()).toEqual(["one", "two"]);
  });

  it.each(ways)("may be used again at once for another statement: %s", async (_name, through) => {
    let answers: { rows: unknown[] }[] = [];
    await through(local.pool({ ...options, max: 1 }), async (send) => {
      const query: QueryConfig = { text: "select 1 as n" };
      const sent = [send(query)];
      query.text = insert;
      query.values = ["once"];
      sent.push(send(query));
      query.text = "select 2 as n";
      query.values = [];
      sent.push(send(query));
      answers = await Promise.all(sent);
    });
    expect({ answers: answers.map(({ rows }) => rows), lines: await lines() }).toEqual({
      answers: [[{ n: 1 }], [], [{ n: 2 }]],
      lines: ["once"],
    });
  });
});

describe("a config that is judged with readers", () => {
  it.each(ways)("goes where its text at the call belongs: %s", async (_name, through) => {
    const seen: unknown[] = [];
    await through(local.pool({ max: 1 }), async (send) => {
      const query = { text: `select ${here} as server` };
      const read = send(query);
      query.text = `select ${here} as server, pg_backend_pid() > 0 as mine`;
      const bound = send(query);
      query.text = "no SQL at all";
      for (const { rows } of await Promise.all([read, bound])) seen.push(...rows);
    });
    expect(seen).toEqual([{ server: "reader1" }, { server: "writer", mine: true }]);
  });
});

describe("a client with readers that was released", () => {
  it("keeps no connection for what is still sent on it", async () => {
    const pool = local.pool({ max: 1 });
    const client = await pool.connect();
    client.release();
    await client.query(insert, ["late"]);
    await client.query("select 1");
    await pool.query(insert, ["next"]);
    expect({ lines: await lines(), idle: pool.stats().writer.idle }).toEqual({
      lines: ["late", "next"],
      idle: 1,
    });
  });

  it("leaves no transaction to its next user", async () => {
    const pool = local.pool({ max: 1 });
    const client = await pool.connect();
    client.release();
    await client.query("begin");
    await client.query(insert, ["late"]);
    const next = await pool.connect();
    const status = next.getTransactionStatus();
    await next.query(insert, ["next"]);
    next.release();
    await pool.end();
    expect({ status, lines: await lines() }).toEqual({ status: "I", lines: ["late", "next"] });
  });
});

describe.each(kinds)("a client that was ended $kind", ({ options }) => {
  it("refuses statements and opens no connection for them", async () => {
    const mark = newMark();
    const pool = local.pool({ ...options, max: 1 });
    const client = await pool.connect();
    await (client as unknown as { end(): Promise<void> }).end();
    const errors = await Promise.all([
      rejection(client.query(`${mark} select 1`)),
      rejection(client.query(`${mark} insert into lines default values`)),
    ]);
    const { writer, reader } = pool.stats();
    const opened = options === kinds[1]?.options ? writer.total + (reader?.total ?? 0) : 0;
    client.release();
    expect({ opened, messages: errors.map(({ message }) => message) }).toEqual({
      opened: 0,
      messages: Array(2).fill("Client was closed and is not queryable"),
    });
    expect(local.reached(mark)).toEqual([]);
  });
});

describe.each(kinds)("a statement that is called by its name alone $kind", ({ options }) => {
  it.each([
    ["a read", "select $1::int + 1 as n", { n: 42 }],
    [
      "a write",
      "insert into lines (id, line) overriding system value values ($1, '') returning id as n",
      { n: 41 },
    ],
  ])("is known from when the pool was given its text: %s", async (_what, text, row) => {
    const pool = local.pool({ ...options, max: 2 });
    await pool.query({ name: "known", text, values: [1] });
    const byName = { name: "known", values: [41] } as unknown as QueryConfig;
    const { rows } = await pool.query(byName);
    expect(rows).toEqual([row]);
  });

  it("is known on a side that has not seen it, and on a client", async () => {
    const pool = local.pool({ ...options, max: 1 });
    await pool.query({ name: "known", text: `select ${here} as server` });
    const byName = { name: "known" } as QueryConfig;
    const asked = [await pool.query(byName), await withWriter(() => pool.query(byName))];
    const client = await pool.connect();
    asked.push(await client.query(byName));
    client.release();
    const own = options === kinds[1]?.options ? "reader1" : "writer";
    expect(asked.map(({ rows }) => rows[0].server)).toEqual([own, "writer", own]);
  });
});

describe("ending a pool with readers", () => {
  it("answers a read under way that the reader refuses", async () => {
    const pool = local.pool({ max: 1 });
    await pool.query("select 1");
    await pool.query(insert, ["before"]);
    const read = pool.query("select n from tickets_to_come");
    await pool.end();
    const { rows } = await read;
    expect(rows).toEqual([{ n: expect.any(String) }]);
  });
});

describe.each(kinds)("an aborted query $kind", ({ options }) => {
  const target = "writer";

  async function abortUnderWay(send: Send, reason: unknown): Promise<unknown> {
    const abort = new AbortController();
    const mark = newMark();
    const query = { text: `${mark} select pg_sleep(60)`, signal: abort.signal, target };
    const outcome = rejection(send(query));
    const admin = await local.connect();
    await until("it runs", async () => {
      const { rowCount } = await admin.query(
        "select from pg_stat_activity where query like $1 and state = 'active' and pid <> pg_backend_pid()",
        [`%${mark}%`],
      );
      return rowCount === 1;
    });
    abort.abort(reason);
    return outcome;
  }

  it.each(ways)("rejects with its signal's frozen reason: %s", async (_name, through) => {
    const reason = Object.freeze(new Error("enough"));
    const found: unknown[] = [];
    await through(local.pool({ ...options, max: 1 }), async (send) => {
      found.push(await rejection(send({ text: "select 1", signal: AbortSignal.abort(reason) })));
      found.push(await abortUnderWay(send, reason));
    });
    expect(found.map((one) => one === reason)).toEqual([true, true]);
  });

  it.each(ways)("rejects when its signal's reason is falsy: %s", async (_name, through) => {
    const found: unknown[] = [];
    const mark = newMark();
    await through(local.pool({ ...options, max: 1 }), async (send) => {
      for (const reason of [null, 0, "", false]) {
        const signal = AbortSignal.abort(reason);
        const text = `${mark} insert into lines default values`;
        found.push(await rejection(send({ text, signal })));
      }
      found.push(await abortUnderWay(send, null));
    });
    expect({ names: found.map((one) => (one as Error).name), runs: local.runs(mark) }).toEqual({
      names: Array(5).fill("AbortError"),
      runs: {},
    });
  });
});
