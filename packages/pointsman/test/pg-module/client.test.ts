import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { withWriter } from "pointsman";
import { Client, Query } from "pointsman/pg";
import { beforeEach, describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";
import { connected, ofOneServer, ownOptions, whereReads } from "./clients.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table books (id int primary key, title text);
    insert into books select id, 'Book ' || id from generate_series(1, 1000) as id;`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const reader = /^reader[12]$/;

describe("statements", () => {
  it("go where they belong: a read to a reader, a write to the writer", async () => {
    const client = await connected(ownOptions(local));
    const mark = newMark();
    const read = await whereReads(client);
    const { rowCount } = await client.query(`${mark} update books set title = title where id = 1`);
    expect([read, rowCount, local.reached(mark)]).toEqual([
      expect.stringMatching(reader),
      1,
      ["writer"],
    ]);
  });

  it("are read from readers again after a write, which the read sees", async () => {
    const client = await connected(ownOptions(local));
    await client.query("update books set title = 'Changed' where id = 2");
    const { rows } = await client.query(`select title, ${here} as server from books where id = 2`);
    await until("reads are on a reader", async () => reader.test(await whereReads(client)));
    expect(rows[0].title).toBe("Changed");
  });

  it("run in the order of their calls, without awaiting", async () => {
    const client = await connected(ownOptions(local));
    const order: number[] = [];
    await Promise.all(
      ["select pg_sleep(0.05)", "update books set title = title where id = 3", "select 1"].map(
        (text, at) => client.query(text).then(() => order.push(at)),
      ),
    );
    expect(order).toEqual([0, 1, 2]);
  });

  it.each([
    ["a text", async (client: Client) => (await client.query("select 1 as one")).rows],
    ["values", async (client: Client) => (await client.query("select $1::int as one", [1])).rows],
    [
      "a config",
      async (client: Client) =>
        (await client.query({ text: "select $1::int as one", values: [1], name: "config" })).rows,
    ],
    [
      "a callback",
      (client: Client) =>
        new Promise((resolve) => {
          client.query("select 1 as one", (_error, { rows }) => resolve(rows));
        }),
    ],
    [
      "values and a callback",
      (client: Client) =>
        new Promise((resolve) => {
          client.query("select $1::int as one", [1], (_error, { rows }) => resolve(rows));
        }),
    ],
    [
      "pg's Query",
      async (client: Client) => {
        const query = client.query(new Query("select 1 as one"));
        const rows: unknown[] = [];
        query.on("row", (row) => rows.push(row));
        await once(query, "end");
        return rows;
      },
    ],
    [
      "a cursor",
      async (client: Client) => {
        const cursor = client.query(new Cursor("select 1 as one"));
        const rows = await cursor.read(10);
        await cursor.close();
        return rows;
      },
    ],
    ["a stream", (client: Client) => client.query(new QueryStream("select 1 as one")).toArray()],
  ])("are taken as pg takes them: %s", async (_name, run) => {
    const client = await connected(ownOptions(local));
    expect(await run(client)).toEqual([{ one: 1 }]);
  });

  it("copy in on the writer, and out from a reader", async () => {
    const client = await connected(ownOptions(local));
    const mark = newMark();
    const into = client.query(copyFrom("copy books from stdin"));
    await pipeline(Readable.from(["3001\tCopied\n", "3002\tCopied\n"]), into);
    const copy = `${mark} copy (select id from books where title = 'Copied' order by id) to stdout`;
    const copied = await text(client.query(copyTo(copy)));
    await until("one was on a reader", async () => {
      await text(client.query(copyTo(copy)));
      return local.reached(mark).some((name) => reader.test(name));
    });
    expect([copied, client.processID]).toEqual(["3001\n3002\n", null]);
  });

  it("answer with arrays where they are asked to", async () => {
    const client = await connected(ownOptions(local));
    const { rows } = await client.query({ text: "select 1, 2", rowMode: "array" });
    expect(rows).toEqual([[1, 2]]);
  });

  it("fail with PostgreSQL's own error, and the stack of their caller", async () => {
    const client = await connected(ownOptions(local));
    const error = await rejection(client.query("select 1/0"));
    expect([error.code, error instanceof pg.DatabaseError]).toEqual(["22012", true]);
    expect(error.stack).toContain("client.test.ts");
  });

  it("that are none are refused as by pg", async () => {
    const client = await connected(ownOptions(local));
    expect(() => client.query(null as never)).toThrow(
      new TypeError("Client was passed a null or undefined query"),
    );
    expect(() => client.query("select 1", [], "no function" as never)).toThrow(
      new TypeError("callback is not a function"),
    );
  });

  it("of parsers: those of the options, of setTypeParser, and of the query itself", async () => {
    const parsers = (value: string) => ({ getTypeParser: () => () => value });
    const client = await connected(ownOptions(local, { types: parsers("options") as never }));
    const read = async (own?: object): Promise<unknown> =>
      (await client.query({ text: "select 1::int4 as n", ...own })).rows[0].n;
    const first = await read();
    client.setTypeParser(23, () => "set");
    expect([first, await read(), await read({ types: parsers("query") })]).toEqual([
      "options",
      "set",
      "query",
    ]);
  });

  it("are cancelled by their signal and by query_timeout", async () => {
    const client = await connected(ownOptions(local, { query_timeout: 300 }));
    const sleep = "select pg_sleep(60)";
    const timedOut = await rejection(client.query(sleep));
    const stop = new AbortController();
    const aborted = rejection(client.query({ text: sleep, signal: stop.signal }));
    stop.abort(new Error("enough"));
    expect([timedOut.message, (await aborted).message]).toEqual(["Query read timeout", "enough"]);
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("wait for the connection when they are called before it", async () => {
    const client = new Client(ownOptions(local));
    const early = client.query("select 1 as one");
    await client.connect();
    expect((await early).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});

describe.each([
  ["with readers", ownOptions],
  ["with one server", ofOneServer],
])("a session %s", (_name, options) => {
  it("keeps a transaction together, rolled back by ROLLBACK", async () => {
    const client = await connected(options(local));
    await client.query("begin");
    await client.query("insert into books values (2001, 'Mine')");
    const inside = await client.query("select title from books where id = 2001");
    const status = client.getTransactionStatus();
    await client.query("rollback");
    const after = await client.query("select title from books where id = 2001");
    expect([inside.rowCount, status, after.rowCount, client.getTransactionStatus()]).toEqual([
      1,
      "T",
      0,
      "I",
    ]);
  });

  it("keeps its temporary table, which others do not see", async () => {
    const shared = options(local);
    const [client, other] = [await connected(shared), await connected(shared)];
    await client.query("create temp table mine (id int)");
    await client.query("insert into mine values (1)");
    const { rows } = await client.query("select * from mine");
    const error = await rejection(other.query("select * from mine"));
    expect([rows, error.code]).toEqual([[{ id: 1 }], "42P01"]);
  });

  it("keeps an advisory lock, until it is ended", async () => {
    const shared = options(local);
    const [client, other] = [await connected(shared), await connected(shared)];
    const lock = "select pg_try_advisory_lock(77) as got";
    const got = async (one: Client): Promise<unknown> => (await one.query(lock)).rows[0].got;
    const first = [await got(client), await got(other)];
    await client.end();
    expect([...first, await got(other)]).toEqual([true, false, true]);
  });

  it("keeps what PREPARE has prepared", async () => {
    const client = await connected(options(local));
    await client.query("prepare one as select 1 as one");
    expect((await client.query("execute one")).rows).toEqual([{ one: 1 }]);
  });

  it("keeps a setting that a function makes", async () => {
    const client = await connected(options(local));
    await client.query("select set_config('app.tenant', 'a', false)");
    const { rows } = await client.query("select current_setting('app.tenant') as tenant");
    expect(rows).toEqual([{ tenant: "a" }]);
  });

  it("keeps its names of statements apart from others', and finds them by the name alone", async () => {
    const shared = options(local, { max: 1 });
    const [client, other] = [await connected(shared), await connected(shared)];
    const named = async (one: Client, text?: string): Promise<unknown> =>
      (await one.query({ name: "same", ...(text && { text }) } as { text: string })).rows[0].n;
    const first = [await named(client, "select 1 as n"), await named(other, "select 2 as n")];
    expect([...first, await named(client), await named(other)]).toEqual([1, 2, 1, 2]);
  });

  it("forgets all of it by DISCARD ALL, and gives the connection back", async () => {
    const client = await connected(options(local));
    await client.query("create temp table gone (id int)");
    const held = client.processID;
    await client.query("discard all");
    await until("nothing is held", () => client.processID === null);
    const error = await rejection(client.query("select * from gone"));
    expect([held, error.code]).toEqual([expect.any(Number), "42P01"]);
  });

  it("hears NOTIFY after LISTEN, while it does nothing else", async () => {
    const client = await connected(options(local));
    await client.query("listen news");
    const heard: unknown[] = [];
    client.on("notification", ({ channel, payload }) => heard.push([channel, payload]));
    await (await connected(options(local))).query("notify news, 'extra'");
    await until("it is heard", () => heard.length > 0);
    expect(heard).toEqual([["news", "extra"]]);
  });

  it("emits notices to whoever listens", async () => {
    const client = await connected(options(local));
    const notices: unknown[] = [];
    client.on("notice", ({ message }) => notices.push(message));
    await client.query("do $$ begin raise notice 'hello'; end $$");
    expect(notices).toEqual(["hello"]);
  });

  it("that held a connection is over when that is cut, as pg's", async () => {
    const client = await connected(options(local));
    await client.query("listen news");
    const events: string[] = [];
    client.on("error", (error) => events.push(error.message));
    client.on("end", () => events.push("end"));
    await (await local.connect()).query("select pg_terminate_backend($1)", [client.processID]);
    await until("it has ended", () => events.includes("end"));
    const error = await rejection(client.query("select 1"));
    expect([events.slice(1), error.message]).toEqual([
      ["end"],
      "Client has encountered a connection error and is not queryable",
    ]);
  });
});

describe.each([
  ["with readers", ownOptions],
  ["with one server", ofOneServer],
])("a connection that is cut %s", (_name, options) => {
  /** Cuts the connection on which a text with this mark runs. */
  const cut = async (mark: string): Promise<void> => {
    const admin = await local.connect();
    await until("it is cut", async () => {
      const { rowCount } = await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like $1 and pid <> pg_backend_pid()",
        [`%${mark}%`],
      );
      return rowCount === 1;
    });
  };

  it("under a transaction ends the session, told by the statement and by events", async () => {
    const client = await connected(options(local));
    const events: string[] = [];
    client.on("error", () => events.push("error"));
    client.on("end", () => events.push("end"));
    const mark = newMark();
    const outcomes = Promise.allSettled([
      client.query("begin"),
      client.query(`${mark} select pg_sleep(60)`),
      client.query("commit"),
    ]);
    await cut(mark);
    const [begun, , committed] = await outcomes;
    await until("it has ended", () => events.includes("end"));
    const later = await rejection(client.query("select 1"));
    expect([begun.status, committed.status, events, later.message]).toEqual([
      "fulfilled",
      "rejected",
      ["error", "end"],
      "Client has encountered a connection error and is not queryable",
    ]);
  });

  it("under a single write tells that, and leaves the client in use", async () => {
    const client = await connected(options(local));
    let errors = 0;
    client.on("error", () => errors++);
    const mark = newMark();
    const write = rejection(
      client.query(`${mark} update books set title = title where id = 1 returning pg_sleep(60)`),
    );
    await cut(mark);
    const error = await write;
    const { rows } = await client.query("select 1 as one");
    expect([error.code, rows, errors]).toEqual(["WRITE_OUTCOME_UNKNOWN", [{ one: 1 }], 0]);
  });
});

describe("scopes", () => {
  it("are those of the call, also of a statement that waits", async () => {
    const client = await connected(ownOptions(local));
    const [read, forced] = await Promise.all([
      whereReads(client),
      withWriter(() => whereReads(client)),
    ]);
    expect([read, forced]).toEqual([expect.stringMatching(reader), "writer"]);
  });

  it("hold in callbacks and events", async () => {
    const storage = new AsyncLocalStorage<string>();
    const client = await connected(ownOptions(local));
    const seen: unknown[] = [];
    await storage.run("mine", async () => {
      await new Promise<void>((resolve) => {
        client.query("select 1", () => {
          seen.push(storage.getStore());
          resolve();
        });
      });
      const stream = client.query(new QueryStream("select 1"));
      stream.on("data", () => seen.push(storage.getStore()));
      await once(stream, "end");
    });
    expect(seen).toEqual(["mine", "mine"]);
  });
});

describe("reads", () => {
  it("see what other Clients have written", async () => {
    const shared = ownOptions(local);
    const [one, two] = [await connected(shared), await connected(shared)];
    const stale: number[] = [];
    for (let at = 0; at < 50; at++) {
      await one.query("update books set title = $1 where id = 20", [`Title ${at}`]);
      const { rows } = await two.query("select title from books where id = 20");
      if (rows[0].title !== `Title ${at}`) stale.push(at);
    }
    expect(stale).toEqual([]);
  });
});

describe("options of the library", () => {
  it("hold: readOnly refuses to write, and needs no connection to the writer", async () => {
    const client = await connected(ownOptions(local, { readOnly: true }));
    const error = await rejection(client.query("update books set title = title"));
    expect([error.code, await whereReads(client)]).toEqual([
      "READ_ONLY_MODE",
      expect.stringMatching(reader),
    ]);
  });

  it("hold: shadow keeps everything on the writer", async () => {
    const client = await connected(ownOptions(local, { shadow: true }));
    await client.query("begin");
    const inside = await whereReads(client);
    await client.query("commit");
    expect([inside, await whereReads(client), client.processID]).toEqual([
      "writer",
      "writer",
      null,
    ]);
  });
});

describe("a pool of pg's own", () => {
  it("whose Client is this one routes, and shares connections with no more than that", async () => {
    const options = ownOptions(local);
    const pool = new pg.Pool({ ...options, Client } as pg.PoolConfig);
    const mark = newMark();
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
    const servers = await Promise.all(clients.map(whereReads));
    await clients[0]?.query(`${mark} update books set title = title where id = 1`);
    for (const client of clients) client.release();
    const total = pool.totalCount;
    await pool.end();
    expect([total, servers.every((name) => reader.test(name)), local.reached(mark)]).toEqual([
      3,
      true,
      ["writer"],
    ]);
  });
});

describe("processID", () => {
  it("is the writer's backend inside a transaction, and null outside", async () => {
    const client = await connected(ownOptions(local));
    const before = client.processID;
    await client.query("begin");
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const inside = client.processID;
    await client.query("commit");
    expect([before, inside, client.processID]).toEqual([null, rows[0].pid, null]);
  });
});

describe("connect", () => {
  it("gives the client to a promise and to a callback, and emits connect", async () => {
    const [one, two] = [new Client(ownOptions(local)), new Client(ownOptions(local))];
    const emitted = once(one, "connect");
    expect(await one.connect()).toBe(one);
    await emitted;
    const given = await new Promise((resolve) => {
      two.connect(((error: Error | null, client: unknown) => resolve([error, client])) as never);
    });
    expect(given).toEqual([null, two]);
    await Promise.all([one.end(), two.end()]);
  });

  it("twice fails with pg's error", async () => {
    const client = await connected(ownOptions(local));
    expect((await rejection(client.connect())).message).toBe(
      "Client has already been connected. You cannot reuse a client.",
    );
  });

  it("fails where nobody answers, as do statements that wait for it", async () => {
    const client = new Client({ host: "127.0.0.1", port: 1, user: "app", password: "" });
    const early = rejection(client.query("select 1"));
    const error = await rejection(client.connect());
    expect([error.code, (await early).code]).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
  });

  it("fails with PostgreSQL's own error", async () => {
    const url = new URL(local.cluster.writer.url);
    url.pathname = "/nowhere";
    expect((await rejection(new Client(url.href).connect())).code).toBe("3D000");
  });

  it("refuses what needs a connection of its own, and misspelt options", () => {
    const making = (options: object) => () => new Client(options);
    expect(making({ replication: "database" })).toThrow(/Use the Client of pg for it/);
    expect(making({ replicas: [] })).toThrow(/Did you mean readers/);
  });

  it("takes queryMode, which Slonik gives it, as pg does: it is an option of queries", () => {
    const client = new Client({ host: "db.example.com", queryMode: "extended" } as never);
    expect(client.host).toBe("db.example.com");
  });

  it("takes null for what is not given, as pg does", () => {
    const client = new Client({ host: "db.example.com", user: null, ssl: null } as never);
    expect([client.host, client.ssl]).toEqual(["db.example.com", false]);
  });
});

describe("end", () => {
  it("without connect does nothing", async () => {
    const client = new Client(ownOptions(local));
    await client.end();
    await new Promise<void>((resolve) => client.end(() => resolve()));
  });

  it("is told by the event, once, however often it is called", async () => {
    const client = await connected(ownOptions(local));
    let ends = 0;
    client.on("end", () => ends++);
    await Promise.all([client.end(), client.end()]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toBe(1);
  });

  it("lets nothing be sent any more, with pg's error", async () => {
    const client = await connected(ownOptions(local));
    await client.end();
    expect((await rejection(client.query("select 1"))).message).toBe(
      "Client was closed and is not queryable",
    );
  });

  it.each([
    ["with readers", ownOptions],
    ["with one server", ofOneServer],
  ])("rolls an open transaction back before it resolves: %s", async (_name, options) => {
    const shared = options(local);
    const [client, other] = [await connected(shared), await connected(shared)];
    await client.query("begin");
    await client.query("update books set title = 'Not this' where id = 10");
    await client.end();
    const { rows } = await other.query(
      "select title from books where id = 10 for update skip locked",
    );
    expect(rows).toEqual([{ title: "Book 10" }]);
  });

  it.each([
    ["with readers", ownOptions],
    ["with one server", ofOneServer],
  ])("while it is busy fails what is under way and what waits: %s", async (_name, options) => {
    const client = await connected(options(local));
    await client.query("begin");
    const outcomes = Promise.allSettled([
      client.query("select pg_sleep(60)"),
      client.query("select 1"),
    ]);
    await until("it runs", () => client.getTransactionStatus() === "T");
    await client.end();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
