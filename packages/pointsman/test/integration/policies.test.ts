import { AsyncLocalStorage } from "node:async_hooks";
import type { Client } from "pg";
import Cursor from "pg-cursor";
import {
  ConfigError,
  createPool,
  PointsmanError,
  type Pool,
  type PoolOptions,
  type RouteHook,
  type RoutingMode,
  withWriter,
} from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { paused } from "../freshness/paused.ts";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key);
    insert into books values (1);
    create table sessions (id int);
    create schema audit;
    create table audit.log (id int);
    create table audit.kinds (id int);
    create schema geo;
    create table geo.places (id int);
    create sequence tickets`,
});

/** The servers that a statement reaches, as their logs tell. */
async function reachedBy(send: (text: string) => Promise<unknown>, sql: string): Promise<string[]> {
  const mark = newMark();
  await send(`${mark} ${sql}`);
  return local.reached(mark);
}

const through = (pool: Pool) => (text: string) => pool.query(text);

/** The warnings of tables that this process gives while it works, until there is one. */
async function toldOfTables(work: () => Promise<unknown>): Promise<string> {
  const told: string[] = [];
  const note = (warning: Error): void => {
    if ((warning as { code?: string }).code === "POINTSMAN_TABLE_UNKNOWN") {
      told.push(warning.message);
    }
  };
  process.on("warning", note);
  onTestFinished(() => {
    process.off("warning", note);
  });
  await work();
  await until("the warning", () => told.length > 0);
  return told.join();
}

describe("tables", () => {
  const tables = { sessions: "writer", "audit.*": "writer", "geo.*": "reader" } as const;

  it.each<[string, string, string]>([
    ["a listed table", "select * from sessions", "writer"],
    ["a listed table in a join", "select * from books, audit.log", "writer"],
    ["a listed table in a CTE", "with s as (select * from sessions) select * from s", "writer"],
    ["a listed table in a sub-select", "select 1 where exists (select from sessions)", "writer"],
    ["a listed table beside one for readers", "select * from geo.places, sessions", "writer"],
    ["another table", "select * from books", "reader1"],
    ["a table for readers", "select * from geo.places", "reader1"],
  ])("send %s where the rule says, through pool and client", async (_name, sql, server) => {
    const pool = local.pool({ tables });
    expect(await reachedBy(through(pool), sql)).toEqual([server]);
    const client = await pool.connect();
    expect(await reachedBy((text) => client.query(text), sql)).toEqual([server]);
    const cursor = async (text: string) => {
      const opened = client.query(new Cursor(text));
      await opened.read(10);
      await opened.close();
    };
    expect(await reachedBy(cursor, sql)).toEqual([server]);
    client.release();
  });

  it("do not tie a client to the writer", async () => {
    const client = await local.pool({ tables }).connect();
    const send = (text: string) => client.query(text);
    expect(await reachedBy(send, "select * from sessions")).toEqual(["writer"]);
    expect(await reachedBy(send, "select * from books")).toEqual(["reader1"]);
    client.release();
  });

  it("R1: never send a write to a reader", async () => {
    const pool = local.pool({ tables: { "*": "reader" } });
    const send = through(pool);
    expect(await reachedBy(send, "insert into geo.places values (1)")).toEqual(["writer"]);
    expect(await reachedBy(send, "select nextval('tickets') from books")).toEqual(["writer"]);
    expect(await reachedBy(send, "select * from books for update")).toEqual(["writer"]);
  });

  it("R1: for readers do not overrule what a read must see", async () => {
    const pool = local.pool({ tables });
    const count = async () => (await pool.query("select id from geo.places")).rowCount;
    const before = await count();
    await paused(local.cluster, async () => {
      await pool.query("insert into geo.places values (2)");
      expect(await count()).toBe(Number(before) + 1);
    });
  });

  it("R1: give way to a query's target, a transaction and withWriter", async () => {
    const pool = local.pool({ tables });
    const asked = (text: string) => pool.query({ text, target: "reader" });
    expect(await reachedBy(asked, "select * from sessions")).toEqual(["reader1"]);
    const inTransaction = (text: string) =>
      pool.transaction((tx) => tx.query(text), { readOnly: true });
    expect(await reachedBy(inTransaction, "select * from sessions")).toEqual(["reader1"]);
    const forced = (text: string) => withWriter(() => pool.query(text));
    expect(await reachedBy(forced, "select * from geo.places")).toEqual(["writer"]);
  });

  it("tell their rule in explain()", async () => {
    const pool = local.pool({ tables });
    expect(await pool.explain("select * from sessions, geo.places")).toMatchObject({
      target: "writer",
      reason: "table-policy",
      rule: "sessions",
    });
    expect(await pool.explain("select * from books")).not.toHaveProperty("rule");
  });

  it("are counted by their reason, with one server too", async () => {
    for (const pool of [
      local.pool({ tables }),
      createPool({ writer: local.cluster.writer.url, tables }),
    ]) {
      await pool.query("select * from sessions");
      await pool.query("select * from geo.places");
      const { reasons, targets } = pool.stats();
      expect([reasons["table-policy"], targets]).toEqual([2, { writer: 1, reader: 1 }]);
      if (pool.stats().reader === undefined) await pool.end();
    }
  });

  it("know the search_path that a set-up has made, in whichever way", async () => {
    const setPath = "set search_path to audit, public";
    const hooked = local.pool({ tables, onConnect: (client) => client.query(setPath) });
    const listened = local.pool({ tables });
    listened.on("connect", (client) => {
      client.query(setPath);
    });
    for (const pool of [hooked, listened]) {
      await until("names are looked for in audit", async () => {
        await pool.query("select 1");
        return (await pool.explain("select * from kinds")).target === "writer";
      });
      expect(await reachedBy(through(pool), "select * from kinds")).toEqual(["writer"]);
    }
  });

  it("that the search_path leaves out are not meant by a name alone", async () => {
    const pool = local.pool({ tables: { "audit.books": "writer", "audit.log": "writer" } });
    expect((await pool.explain("select * from books")).reason).toBe("table-policy");
    await toldOfTables(() => pool.query("select 1"));
    expect(await reachedBy(through(pool), "select * from books")).toEqual(["reader1"]);
    expect(await reachedBy(through(pool), "select * from audit.log")).toEqual(["writer"]);
  });
});

describe("names in tables that no table has", () => {
  const tables = { sesions: "writer", "adit.*": "writer", sessions: "writer" } as const;
  const message =
    "The option tables has rules that match no table of the database: sesions (did you mean sessions?), adit.* (did you mean audit.*?). They hold as soon as there is one.";

  it("are told with the nearest one, whether a reader or the writer is used first", async () => {
    for (const first of ["select 1", "select nextval('tickets')"]) {
      expect(await toldOfTables(() => local.pool({ tables }).query(first))).toBe(message);
    }
  });

  it("are told with one server, and by a mirror", async () => {
    const single = createPool({ writer: local.cluster.writer.url, tables });
    onTestFinished(() => single.end());
    expect(await toldOfTables(() => single.query("select 1"))).toBe(message);
    const mirror = local.pool({ mirror: true, tables });
    expect(await toldOfTables(() => mirror.query("select 1"))).toBe(message);
  });

  it("hold all the same once there is such a table", async () => {
    const pool = local.pool({ tables: { later: "writer" } });
    await toldOfTables(() => pool.query("select 1"));
    await local.setUp("create table later (id int)");
    expect(await reachedBy(through(pool), "select * from later")).toEqual(["writer"]);
  });

  it("are looked up once, on a connection that is there, and never without rules", async () => {
    const pool = local.pool({ tables, max: 1 });
    await toldOfTables(() => pool.query("select 1"));
    for (let n = 0; n < 5; n++) await pool.query("select 1");
    const asked = (): number =>
      local.cluster.servers.reduce(
        (sum, server) =>
          sum + server.log().split("array_to_json(pg_catalog.current_schemas").length - 1,
        0,
      );
    const before = asked();
    for (let n = 0; n < 5; n++) await pool.query("select 1");
    const plain = local.pool();
    for (let n = 0; n < 5; n++) await plain.query("select 1");
    await plain.query("select nextval('tickets')");
    expect(asked()).toBe(before);
    expect(pool.stats().reader?.total).toBe(1);
    expect(pool.stats().writer.total).toBe(0);
  });

  it("are no matter for a pool that is ended at once", async () => {
    const pool = local.pool({ tables });
    await pool.query("select 1");
    await pool.end();
  });
});

describe("the route hook", () => {
  it("sends reads where it says, through pool, client and ORM-like callbacks", async () => {
    const route: RouteHook = ({ reads }) =>
      reads.some(({ name }) => name === "books") ? "writer" : "reader";
    const pool = local.pool({ route });
    const client = await pool.connect();
    const withCallback = (text: string) =>
      new Promise((resolve, reject) => {
        client.query(text, (error, result) => (error ? reject(error) : resolve(result)));
      });
    const prepared = (text: string) => client.query({ text, name: text.slice(0, 60) });
    for (const send of [
      through(pool),
      (text: string) => client.query(text),
      withCallback,
      prepared,
    ]) {
      expect(await reachedBy(send, "select * from books")).toEqual(["writer"]);
      expect(await reachedBy(send, "select * from audit.log")).toEqual(["reader1"]);
    }
    client.release();
    expect((await pool.explain("select * from books")).reason).toBe("route-hook");
    expect((await pool.explain("select * from audit.log")).reason).toBe("plain-read");
  });

  it("R1: is stronger than tables, and weaker than hint and target", async () => {
    const pool = local.pool({
      tables: { sessions: "writer" },
      route: (_statement, _scope, proposed) => (proposed === "writer" ? "reader" : "writer"),
    });
    expect(await reachedBy(through(pool), "select * from sessions")).toEqual(["reader1"]);
    expect(await reachedBy(through(pool), "select * from books")).toEqual(["writer"]);
    expect(
      await reachedBy((text) => pool.query({ text, target: "reader" }), "table books"),
    ).toEqual(["reader1"]);
    const hinted = (text: string) => pool.query(`/* pointsman:reader */ ${text}`);
    expect(await reachedBy(hinted, "table books")).toEqual(["reader1"]);
  });

  it("is never asked about a write, a transaction, or what is pinned", async () => {
    const asked: string[] = [];
    const pool = local.pool({
      route: ({ text }) => {
        asked.push(text);
        return "reader";
      },
    });
    const mark = newMark();
    const run = (text: string) => pool.query(`${mark} ${text}`);
    await run("insert into books values (2)");
    await run("select nextval('tickets')");
    await run("select * from books for update");
    await run("select pg_backend_pid()");
    await withWriter(() => run("select 1"));
    await pool.query({ text: `${mark} select 2`, target: "writer" });
    await pool.transaction(async (tx) => {
      await tx.query(`${mark} select 3`);
      await run("select 4");
    });
    await pool.transaction((tx) => tx.query(`${mark} select 5`), { readOnly: true });
    const client = await pool.connect();
    await client.query("create temp table scratch (id int)");
    await client.query(`${mark} select 6`);
    client.release();
    expect(asked).toEqual([]);
    await run("select 7");
    expect(asked).toEqual([`${mark} select 7`]);
    expect(local.runs(mark)["reader1"]).toBe(2);
  });

  it("R1: does not overrule what a read must see", async () => {
    const pool = local.pool({ route: () => "reader" });
    await pool.query("select * from books");
    await paused(local.cluster, () =>
      pool.session(async () => {
        await pool.query("insert into audit.kinds values (1)");
        expect((await pool.query("select id from audit.kinds")).rows).toEqual([{ id: 1 }]);
      }),
    );
  });

  it("is told of the statement and the scope, frozen, in its caller's context", async () => {
    const request = new AsyncLocalStorage<string>();
    const told: unknown[] = [];
    const pool = local.pool({
      route: (statement, scope, proposed) => {
        const { text, reads, functions } = statement;
        told.push({ text, reads, functions, scope, proposed, request: request.getStore() });
        expect([Object.isFrozen(statement), Object.isFrozen(scope)]).toEqual([true, true]);
        return proposed;
      },
      maxStaleness: "5s",
    });
    const client = await pool.connect();
    const text = "select lower('A') from books";
    await request.run("first", () => pool.query(text));
    // It waits behind another statement, and is asked about at its call all the same.
    const waiting = client.query("select pg_sleep(0.05)");
    told.pop();
    await request.run("second", () => pool.session(() => client.query(text)));
    await waiting;
    client.release();
    const seen = {
      text,
      reads: [{ name: "books" }],
      functions: [{ name: "lower", knowledge: "harmless", argumentCounts: [1] }],
      proposed: "reader",
    };
    const maxStaleness = 5000;
    expect(told).toEqual([
      { ...seen, scope: { session: false, maxStaleness }, request: "first" },
      { ...seen, scope: { session: true, maxStaleness }, request: "second" },
    ]);
  });

  it.each<[string, () => PoolOptions]>([
    ["with readers", () => ({ reader: local.cluster.reader.url })],
    ["with one server", () => ({})],
  ])("fails its statement with what it throws, and nothing is sent, %s", async (_name, readers) => {
    const problem = new Error("no tenant");
    const { stack } = problem;
    const pool = createPool({
      writer: local.cluster.writer.url,
      ...readers(),
      route: ({ text }, _scope, proposed) => {
        if (text.includes("sessions")) throw problem;
        return proposed;
      },
    });
    onTestFinished(() => pool.end());
    const mark = newMark();
    const text = `${mark} select * from sessions`;
    const client = await pool.connect();
    expect(await rejection(pool.explain(text))).toBe(problem);
    for (const sender of [pool, client] as unknown as Client[]) {
      expect(await rejection(sender.query(text))).toBe(problem);
      const told = await new Promise((resolve) => {
        sender.query(text, (error: Error) => resolve(error));
      });
      expect(told).toBe(problem);
    }
    expect(() => client.query(new Cursor(text))).toThrow(problem);
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    client.release();
    expect(problem.stack).toBe(stack);
    expect(local.reached(mark)).toEqual([]);
  });

  it("must give a target", async () => {
    const answers: unknown[] = [
      undefined,
      null,
      "replica",
      true,
      {},
      Promise.reject(new Error("x")),
    ];
    for (const answer of answers) {
      const pool = local.pool({ route: (() => answer) as unknown as RouteHook });
      const error = await rejection(pool.query("select 1"));
      expect(error).toBeInstanceOf(PointsmanError);
      expect((error as PointsmanError).code).toBe("ROUTE_HOOK_UNUSABLE");
      expect(pool.stats().targets).toEqual({ writer: 0, reader: 0 });
    }
  });
});

describe("R32: the mode", () => {
  const read = "select * from books";

  it("writer-only sends everything to the writer, whatever asks for a reader", async () => {
    const pool = local.pool({
      mode: "writer-only",
      tables: { "*": "reader" },
      route: () => "reader",
    });
    const client = await pool.connect();
    for (const send of [
      through(pool),
      (text: string) => pool.query({ text, target: "reader" }),
      (text: string) => pool.query(`/* pointsman:reader */ ${text}`),
      (text: string) => pool.transaction((tx) => tx.query(text), { readOnly: true }),
      (text: string) => client.query(text),
    ]) {
      expect(await reachedBy(send, read)).toEqual(["writer"]);
    }
    client.release();
    expect(pool.stats()).toMatchObject({ mode: "writer-only", targets: { reader: 0 } });
    expect((await pool.explain(read)).reason).toBe("mode");
  });

  it("reader-on-request sends to a reader what somebody asks one for", async () => {
    const pool = local.pool({
      mode: "reader-on-request",
      tables: { "geo.*": "reader" },
      route: ({ text }, _scope, proposed) => (text.includes("report") ? "reader" : proposed),
    });
    const send = through(pool);
    expect(await reachedBy(send, read)).toEqual(["writer"]);
    expect(await reachedBy(send, "select * from geo.places, books")).toEqual(["reader1"]);
    expect(await reachedBy(send, "select 'report' from books")).toEqual(["reader1"]);
    expect(await reachedBy((text) => pool.query({ text, target: "reader" }), read)).toEqual([
      "reader1",
    ]);
    expect(await reachedBy((text) => pool.query(`/* pointsman:reader */ ${text}`), read)).toEqual([
      "reader1",
    ]);
    const readOnly = (text: string) => pool.transaction((tx) => tx.query(text), { readOnly: true });
    expect(await reachedBy(readOnly, read)).toEqual(["reader1"]);
  });

  it("changes while the pool is at work, and leaves open transactions where they are", async () => {
    const pool = local.pool();
    const client = await pool.connect();
    const onClient = (text: string) => client.query(text);
    await client.query("begin read only");
    expect(await reachedBy(onClient, read)).toEqual(["reader1"]);
    pool.setMode("writer-only");
    expect(await reachedBy(onClient, read)).toEqual(["reader1"]);
    await client.query("commit");
    expect(await reachedBy(onClient, read)).toEqual(["writer"]);
    expect(await reachedBy(through(pool), read)).toEqual(["writer"]);
    pool.setMode("auto");
    expect(pool.mode).toBe("auto");
    expect(await reachedBy(onClient, read)).toEqual(["reader1"]);
    client.release();
  });

  it("that there is not is refused, and changes nothing", () => {
    const pool = local.pool();
    expect(() => pool.setMode("writer" as RoutingMode)).toThrow(ConfigError);
    expect(pool.mode).toBe("auto");
  });
});
