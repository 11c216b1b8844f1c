import { beforeEach, describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { runProgram } from "../support/run-program.ts";
import { rejection, until } from "../support/waiting.ts";
import {
  allConnectionsOf,
  connected,
  connectionsOf,
  ofOneServer,
  ownOptions,
  whereReads,
} from "./clients.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books select id, 'Book ' || id from generate_series(1, 100) as id;
    create schema tenant_a;
    create table tenant_a.notes as select 'a' as note;
    create schema tenant_b;
    create table tenant_b.notes as select 'b' as note;
    create role guest;
    grant usage on schema tenant_a to guest;
    grant select on tenant_a.notes to guest;`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const many = <T>(count: number, make: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => make(at)));

describe.each([
  ["with a reader", ownOptions],
  ["with one server", ofOneServer],
])("connections %s", (_name, options) => {
  it("are one for 50 Clients that have connected", async () => {
    const shared = options(local);
    await many(50, () => connected(shared));
    expect(await connectionsOf(local, shared)).toEqual({ writer: 1 });
  });

  it("are none for 50 Clients that are idle for a while", async () => {
    const shared = options(local, { idleTimeoutMillis: 100 });
    const clients = await many(50, () => connected(shared));
    await Promise.all(
      clients.map(async (client, at) => {
        await client.query("update books set title = title where id = $1", [at]);
        await client.query("select * from books where id = $1", [at]);
      }),
    );
    await until("none is left", async () => (await allConnectionsOf(local, shared)) === 0);
    expect((await clients[49]?.query("select 1 as one"))?.rows).toEqual([{ one: 1 }]);
  });

  it("are as many as Clients inside transactions, of which none waits for another", async () => {
    const shared = options(local);
    const clients = await many(25, () => connected(shared));
    await Promise.all(clients.map((client) => client.query("begin")));
    const inside = (await connectionsOf(local, shared))["writer"];
    await Promise.all(clients.map((client) => client.query("commit")));
    expect(inside).toBe(25);
  });

  it("are limited by max, for which Clients wait", async () => {
    const shared = options(local, { max: 1 });
    const [one, two] = [await connected(shared), await connected(shared)];
    await one.query("begin");
    let begun = false;
    const waiting = two.query("begin").then(() => {
      begun = true;
    });
    await one.query("select pg_sleep(0.1)");
    const early = begun;
    await one.query("commit");
    await waiting;
    expect([early, (await connectionsOf(local, shared))["writer"]]).toEqual([false, 1]);
  });

  it("are waited for until connectionTimeoutMillis is over, or the signal is aborted", async () => {
    const shared = options(local, { max: 1, connectionTimeoutMillis: 1_000 });
    const [one, two] = [await connected(shared), await connected(shared)];
    await one.query("begin");
    const stop = new AbortController();
    const update = "update books set title = title where id = 1";
    const late = rejection(two.query(update));
    const aborted = rejection(two.query({ text: update, signal: stop.signal }));
    stop.abort(new Error("enough"));
    const messages = [(await aborted).message, (await late).message];
    await one.query("commit");
    expect(messages).toEqual(["enough", "timeout exceeded when trying to connect"]);
  });

  it("are closed when the last Client has ended", async () => {
    const shared = options(local);
    const clients = await many(3, () => connected(shared));
    await Promise.all(clients.map(whereReads));
    await Promise.all(clients.slice(1).map((client) => client.end()));
    const before = await allConnectionsOf(local, shared);
    await clients[0]?.end();
    expect([before > 0, await allConnectionsOf(local, shared)]).toEqual([true, 0]);
  });

  it("are opened anew for a Client that comes after the last", async () => {
    const shared = options(local);
    const first = await connected(shared);
    await first.end();
    const second = await connected(shared);
    expect((await second.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  it("are not shared with another configuration", async () => {
    const one = options(local);
    const other = { ...one, statement_timeout: 12_345 };
    await connected(one);
    const client = await connected(other);
    const { rows } = await client.query("show statement_timeout");
    expect([rows, await connectionsOf(local, one)]).toEqual([
      [{ statement_timeout: "12345ms" }],
      { writer: 2, ...(one.reader === undefined ? {} : { reader1: 1 }) },
    ]);
  });
});

describe.each([
  ["with a reader", ownOptions, "reader1"],
  ["with one server", ofOneServer, "writer"],
])("settings %s", (_name, options, expected) => {
  it("made by SET hold for what the Client reads, wherever that is", async () => {
    const client = await connected(options(local));
    await client.query("set search_path to tenant_a");
    await until("reads are on their server", async () => (await whereReads(client)) === expected);
    const { rows } = await client.query(`select note, ${here} as server from notes`);
    expect(rows).toEqual([{ note: "a", server: expected }]);
  });

  it("are not seen by other Clients", async () => {
    const shared = options(local);
    const clients = await many(8, () => connected(shared));
    await Promise.all(
      clients.map((client, at) =>
        client.query(`set search_path to tenant_${at % 2 === 0 ? "a" : "b"}`),
      ),
    );
    const bystander = await connected(shared);
    const notes = await Promise.all(
      clients.map(async (client) => (await client.query("select note from notes")).rows[0].note),
    );
    const error = await rejection(bystander.query("select note from notes"));
    expect([notes.join(""), error.code]).toEqual(["abababab", "42P01"]);
  });

  it("hold no connection", async () => {
    const shared = options(local, { idleTimeoutMillis: 100 });
    const clients = await many(5, () => connected(shared));
    const text = "set standard_conforming_strings to on; set client_min_messages to warning";
    await Promise.all(clients.map((client) => client.query(text)));
    await Promise.all(clients.map((client) => client.query("select 1")));
    await until("none is left", async () => (await allConnectionsOf(local, shared)) === 0);
    const { rows } = (await clients[0]?.query("show client_min_messages")) ?? {};
    expect(rows).toEqual([{ client_min_messages: "warning" }]);
  });

  it("leave no connections without them behind, once all Clients have some", async () => {
    const shared = options(local);
    const clients = await many(8, () => connected(shared));
    await Promise.all(clients.map((client) => client.query("set work_mem to '11MB'")));
    await until("they are closed", async () => (await allConnectionsOf(local, shared)) === 0);
    const { rows } = (await clients[0]?.query("show work_mem")) ?? {};
    expect(rows).toEqual([{ work_mem: "11MB" }]);
  });

  it("can be changed, and reset", async () => {
    const client = await connected(options(local));
    const shown = async (): Promise<unknown> =>
      (await client.query("show work_mem")).rows[0].work_mem;
    const before = await shown();
    await client.query("set work_mem to '11MB'");
    const set = await shown();
    await client.query("set work_mem to '12MB'");
    const changed = await shown();
    await client.query("reset work_mem");
    expect([set, changed, await shown()]).toEqual(["11MB", "12MB", before]);
  });

  it("of the role hold too", async () => {
    const client = await connected(options(local));
    await client.query("set role guest");
    const { rows } = await client.query("select current_user as role, note from tenant_a.notes");
    const denied = await rejection(client.query("select note from tenant_b.notes"));
    await client.query("reset role");
    const { rowCount } = await client.query("select note from tenant_b.notes");
    expect([rows, denied.code, rowCount]).toEqual([[{ role: "guest", note: "a" }], "42501", 1]);
  });

  it("that fail change nothing", async () => {
    const client = await connected(options(local));
    await client.query("set work_mem to '11MB'");
    const error = await rejection(client.query("set work_mem to 'much'"));
    const { rows } = await client.query("show work_mem");
    expect([error.code, rows]).toEqual(["22023", [{ work_mem: "11MB" }]]);
  });

  it("made inside a transaction end as PostgreSQL ends them", async () => {
    const client = await connected(options(local));
    const shown = async (): Promise<unknown> =>
      (await client.query("show work_mem")).rows[0].work_mem;
    await client.query("begin");
    await client.query("set work_mem to '11MB'");
    await client.query("commit");
    const committed = await shown();
    await client.query("begin");
    await client.query("set work_mem to '12MB'");
    await client.query("rollback");
    expect([committed, await shown()]).toEqual(["11MB", "11MB"]);
  });

  it("of ever other kinds have Clients keep their connections, and hold all the same", async () => {
    const shared = options(local, { idleTimeoutMillis: 100 });
    const clients = await many(12, () => connected(shared));
    await Promise.all(clients.map((client, at) => client.query(`set app.tenant to 't${at}'`)));
    const text = "select current_setting('app.tenant') as tenant";
    const seen = await Promise.all(
      clients.map(async (client) => (await client.query(text)).rows[0].tenant),
    );
    await until("the others are closed", async () => (await allConnectionsOf(local, shared)) === 4);
    expect(seen).toEqual(clients.map((_, at) => `t${at}`));
  });

  it("are gone with DISCARD ALL", async () => {
    const client = await connected(options(local));
    await client.query("set search_path to tenant_a");
    await client.query("discard all");
    expect((await rejection(client.query("select note from notes"))).code).toBe("42P01");
  });
});

describe("long texts", () => {
  it("that insert keep no connection, though nobody has looked into them", async () => {
    const client = await connected(ownOptions(local));
    const mark = newMark();
    await client.query(`${mark} update books set title = '${"long ".repeat(20_000)}' where id = 1`);
    expect([client.processID, local.reached(mark)]).toEqual([null, ["writer"]]);
  });
});

describe("a process", () => {
  it.each([
    ["whose Clients have ended", "end"],
    ["whose listening Client is not to keep it", "unref"],
  ])("%s ends by itself", async (_name, how) => {
    const { writer, reader } = local.cluster;
    const started = performance.now();
    const { status, stdout } = await runProgram("driver-clients", writer.url, reader.url, how);
    expect([status, stdout.trim()]).toEqual([0, "done"]);
    // Idle connections would keep it for 10 seconds.
    expect(performance.now() - started).toBeLessThan(9_000);
  });
});
