import { fileURLToPath } from "node:url";
import { type Cluster, startCluster } from "@pointsman/local";
import type { Notification, PoolClient } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { Pool } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";
import { runTypeScript } from "./programs/run.ts";

const local = localCluster({
  readers: 2,
  schema: `
    create table books (id int primary key, title text);
    insert into books select id, 'Book ' || id from generate_series(1, 1000) as id;`,
});

const server = `select ${here} as server`;
const reader = /^reader[12]$/;
const whereRan = async (on: {
  query(text: string): Promise<{ rows: { server: string }[] }>;
}): Promise<string> => (await on.query(server)).rows[0]?.server ?? "nowhere";

/** A client that is given back when the test is over. */
async function checkout(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect();
  let released = false;
  const { release } = client;
  client.release = (error) => {
    released = true;
    release.call(client, error);
  };
  onTestFinished(() => {
    if (!released) client.release(true);
  });
  return client;
}

describe("order", () => {
  it("is that of the calls, across both tracks, without awaiting", async () => {
    const client = await checkout(local.pool());
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    await Promise.all([
      client.query("select pg_sleep(0.05)").then(note("slow read")),
      client.query("update books set title = title where id = 1").then(note("write")),
      client.query("select 1").then(note("read")),
      client
        .query({ text: "select pg_sleep(0.01)", target: "writer" } as { text: string })
        .then(note("forced read")),
      client.query("select 2").then(note("last read")),
    ]);
    expect(order).toEqual(["slow read", "write", "read", "forced read", "last read"]);
  });

  it("starts a write only when the read before it is over", async () => {
    const client = await checkout(local.pool());
    const [read, write] = await Promise.all([
      client.query("select pg_sleep(0.1), clock_timestamp() as at"),
      client.query("update books set title = title where id = 1 returning clock_timestamp() as at"),
    ]);
    expect(write.rows[0].at.getTime()).toBeGreaterThan(read.rows[0].at.getTime());
  });

  it("rejects an earlier read before a later stream ends", async () => {
    const client = await checkout(local.pool());
    const order: string[] = [];
    const failing = client.query("select 1/0, pg_sleep(0.01)").catch(() => order.push("failed"));
    const stream = client.query(new QueryStream("select * from books limit 3"));
    await Promise.all([failing, stream.toArray().then(() => order.push("streamed"))]);
    expect(order).toEqual(["failed", "streamed"]);
  });

  it("goes on after a failed statement", async () => {
    const client = await checkout(local.pool());
    const [failed, read] = await Promise.allSettled([
      client.query("selec 1"),
      client.query("select 1 as one"),
    ]);
    expect([failed.status, read.status]).toEqual(["rejected", "fulfilled"]);
  });

  it("puts a write that a stream stands before behind the stream's end", async () => {
    const client = await checkout(local.pool());
    const order: string[] = [];
    const stream = client.query(new QueryStream("select * from books", [], { batchSize: 100 }));
    stream.once("end", () => order.push("stream"));
    const write = client
      .query("update books set title = title where id = 1")
      .then(() => order.push("write"));
    stream.resume();
    await write;
    expect(order).toEqual(["stream", "write"]);
  });
});

describe("cursors and streams", () => {
  it.each([
    ["a reader", (client: PoolClient) => client.query("select 1"), reader],
    ["the writer", (client: PoolClient) => client.query("select 1 for update"), /^writer$/],
  ])("a cursor reads in steps on %s", async (_name, before, expected) => {
    const client = await checkout(local.pool());
    await before(client);
    const cursor = client.query(
      new Cursor<{ id: number; server: string }>(
        `select id, ${here} as server from books where id <= $1 order by id`,
        [5],
      ),
    );
    const steps = [await cursor.read(2), await cursor.read(2), await cursor.read(2)];
    await cursor.close();
    expect(steps.map((rows) => rows.map(({ id }) => id))).toEqual([[1, 2], [3, 4], [5]]);
    expect(steps[0]?.[0]?.server).toMatch(expected);
  });

  it("a cursor that is closed early frees the client", async () => {
    const client = await checkout(local.pool());
    const cursor = client.query(new Cursor("select * from books"));
    await cursor.read(1);
    await cursor.close();
    expect(await whereRan(client)).toMatch(reader);
  });

  it("a stream reads all rows from a reader", async () => {
    const client = await checkout(local.pool());
    const stream = client.query(new QueryStream(`select ${here} as server from books`));
    const rows = await stream.toArray();
    expect([rows.length, rows.every((row) => reader.test(row.server))]).toEqual([1000, true]);
  });

  it("a stream reads all rows from the writer inside a transaction", async () => {
    const client = await checkout(local.pool());
    await client.query("begin");
    const stream = client.query(new QueryStream(`select ${here} as server from books`));
    const rows = await stream.toArray();
    await client.query("commit");
    expect([rows.length, rows[0].server]).toEqual([1000, "writer"]);
  });

  it("a stream that is destroyed frees the client", async () => {
    const client = await checkout(local.pool());
    const stream = client.query(new QueryStream("select * from books", [], { batchSize: 10 }));
    await new Promise((resolve) => stream.once("data", resolve));
    stream.destroy();
    expect(await whereRan(client)).toMatch(reader);
  });

  it("a stream's error is PostgreSQL's", async () => {
    const client = await checkout(local.pool());
    const stream = client.query(new QueryStream("select 1/0"));
    expect((await rejection(stream.toArray())).code).toBe("22012");
  });
});

describe("named statements", () => {
  it("work on both tracks", async () => {
    const client = await checkout(local.pool());
    const named = { name: "where", text: `select ${here} as server, $1::int as n` };
    const onReader = await client.query({ ...named, values: [1] });
    await client.query("update books set title = title where id = 1");
    const onWriter = await client.query({ ...named, values: [2] });
    expect([onReader.rows[0].n, onWriter.rows[0]]).toEqual([1, { server: "writer", n: 2 }]);
  });

  it("are found by their name alone on the other track", async () => {
    const client = await checkout(local.pool());
    await client.query({ name: "by-name", text: `select ${here} as server` });
    await client.query("update books set title = title where id = 1");
    const { rows } = await client.query({ name: "by-name" } as { name: string; text: string });
    expect(rows).toEqual([{ server: "writer" }]);
  });

  it("that are used again are not parsed again", async () => {
    const pool = local.pool({ readerPool: { max: 1 } });
    const mark = newMark();
    const named = { name: "once", text: `${mark} select $1::int as n` };
    const client = await checkout(pool);
    await client.query({ ...named, values: [1] });
    const { rows } = await client.query({ ...named, values: [2] });
    expect(rows).toEqual([{ n: 2 }]);
  });
});

describe("notices and notifications", () => {
  it("emits the writer's notices", async () => {
    const client = await checkout(local.pool());
    const notices: (string | undefined)[] = [];
    client.on("notice", ({ message }) => notices.push(message));
    await client.query("do $$ begin raise notice 'hello'; end $$");
    expect(notices).toEqual(["hello"]);
  });

  it("emits notifications after LISTEN", async () => {
    const client = await checkout(local.pool());
    const heard: Notification[] = [];
    client.on("notification", (message) => heard.push(message));
    await client.query("listen news");
    await (await local.connect()).query("notify news, 'extra'");
    await until("it is heard", () => heard.length > 0);
    expect(heard).toMatchObject([{ channel: "news", payload: "extra" }]);
  });

  it("emits notifications while other statements go on", async () => {
    const client = await checkout(local.pool());
    const heard: (string | undefined)[] = [];
    client.on("notification", ({ payload }) => heard.push(payload));
    await client.query("listen one; listen two");
    const place = await whereRan(client);
    await (await local.connect()).query("notify one, 'a'; notify two, 'b'");
    await until("both are heard", () => heard.length === 2);
    expect([place, heard.sort()]).toEqual(["writer", ["a", "b"]]);
  });
});

describe("transaction status", () => {
  it("is followed from the server when a text opens a transaction on its way", async () => {
    const client = await checkout(local.pool());
    await client.query("begin; select 1");
    const seen = [client.getTransactionStatus(), await whereRan(client)];
    await client.query("commit");
    expect([...seen, client.getTransactionStatus()]).toEqual(["T", "writer", "I"]);
  });

  it("is E in a failed transaction, which takes nothing but its end", async () => {
    const client = await checkout(local.pool());
    await client.query("begin");
    await rejection(client.query("select 1/0"));
    const status = client.getTransactionStatus();
    const error = await rejection(client.query("select 1"));
    await client.query("rollback");
    expect([status, error.code, client.getTransactionStatus()]).toEqual(["E", "25P02", "I"]);
  });

  it("is E in a failed READ ONLY transaction on a reader, which stays there", async () => {
    const client = await checkout(local.pool());
    await client.query("begin read only");
    await rejection(client.query("select 1/0"));
    const error = await rejection(client.query("select 1"));
    await client.query("rollback");
    expect([error.code, client.getTransactionStatus()]).toEqual(["25P02", "I"]);
  });

  it("is open after COMMIT AND CHAIN", async () => {
    const client = await checkout(local.pool());
    await client.query("begin");
    await client.query("commit and chain");
    const seen = [client.getTransactionStatus(), await whereRan(client)];
    await client.query("commit");
    expect(seen).toEqual(["T", "writer"]);
  });

  it("of a READ ONLY transaction is one reader's until it ends", async () => {
    const client = await checkout(local.pool());
    await client.query("begin read only");
    const places = new Set<string>();
    for (let read = 0; read < 10; read++) places.add(await whereRan(client));
    await client.query("commit");
    expect(places.size).toBe(1);
  });

  it("of a READ ONLY transaction lets another client use the other connections", async () => {
    const pool = local.pool({ max: 2 });
    const [a, b] = [await checkout(pool), await checkout(pool)];
    await a.query("begin read only");
    expect(await whereRan(b)).toMatch(reader);
  });

  it("goes back to reading from a reader after a READ ONLY transaction", async () => {
    const client = await checkout(local.pool());
    await client.query("begin read only");
    await client.query("commit");
    expect(await whereRan(client)).toMatch(reader);
  });
});

describe("cut connections", () => {
  async function cut(pid: unknown, name = "writer"): Promise<void> {
    const { url } = local.cluster.servers.find((one) => one.name === name) ?? { url: "" };
    await (await local.connect(url)).query("select pg_terminate_backend($1)", [pid]);
  }

  it("fail a write with what is known of it, and PostgreSQL's own error as the cause", async () => {
    const client = await checkout(local.pool());
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const [outcome] = await Promise.allSettled([
      client.query("do $$ begin perform pg_sleep(60); end $$"),
      cut(rows[0].pid),
    ]);
    expect(outcome).toMatchObject({
      status: "rejected",
      reason: { code: "WRITE_OUTCOME_UNKNOWN", cause: { code: "57P01" } },
    });
  });

  it("of the writer in the middle of a read send it again there", async () => {
    const pool = local.pool();
    const client = await checkout(pool);
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const answer = client.query("select 1 as one, pg_sleep(0.5)");
    await cut(rows[0].pid);
    expect((await answer).rows).toMatchObject([{ one: 1 }]);
    expect(pool.stats().reasons["after-loss"]).toBe(1);
  });

  it("do not make a write run twice", async () => {
    const pool = local.pool();
    const mark = newMark();
    const running = rejection(
      pool.query(`${mark} update books set title = title where id = 1 returning pg_sleep(60)`),
    );
    const admin = await local.connect();
    await until("it runs", async () => {
      const { rowCount } = await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like $1 and pid <> pg_backend_pid()",
        [`%${mark}%`],
      );
      return rowCount === 1;
    });
    const error = await running;
    expect({ code: error.code, runs: local.runs(mark) }).toEqual({
      code: "WRITE_OUTCOME_UNKNOWN",
      runs: { writer: 1 },
    });
  });

  it.each([
    ["pool.query", (pool: Pool, text: string) => pool.query(text)],
    [
      "a checked-out client",
      async (pool: Pool, text: string) => (await checkout(pool)).query(text),
    ],
  ])("of a reader in the middle of a read send it again: %s", async (_name, run) => {
    const pool = local.pool({ reader: local.cluster.readers[0]?.url });
    const mark = newMark();
    const answer = run(pool, `${mark} select ${here} as server, pg_sleep(0.5)`);
    const admin = await local.connect(local.cluster.readers[0]?.url);
    await until("it runs on the reader", async () => {
      const { rowCount } = await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like $1 and pid <> pg_backend_pid()",
        [`%${mark}%`],
      );
      return rowCount === 1;
    });
    const { rows } = await answer;
    expect([rows[0].server, pool.stats().reasons["after-loss"]]).toEqual(["reader1", 1]);
  });

  it("are not learned from", async () => {
    const pool = local.pool({ reader: local.cluster.readers[0]?.url });
    const { rows } = await pool.query({
      text: "select pg_backend_pid() as pid from pg_stat_activity limit 1",
    });
    await pool.query("select 1");
    await cut(rows[0].pid);
    expect(await whereRan(pool)).toBe("reader1");
  });

  it("never crash the process, whatever the connections were at", async () => {
    const file = fileURLToPath(new URL("programs/cut-everywhere.ts", import.meta.url));
    const { cluster } = local;
    const program = runTypeScript(file, [cluster.writer.url, cluster.reader.url]);
    await program.line("ready");
    const admin = await local.connect();
    await until("its busy connections are busy", async () => {
      const { rowCount } = await admin.query(
        "select from pg_stat_activity where application_name = 'cut everywhere' and state = 'active'",
      );
      return rowCount === 2;
    });
    for (const { url } of cluster.servers) {
      await (await local.connect(url)).query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut everywhere'",
      );
    }
    await program.line("alive");
    program.send("end");
    expect(await program.ended).toEqual({ status: 0, stderr: "" });
  });
});

describe("a reader that is down", () => {
  async function gate(): Promise<CuttableRelay> {
    const [first] = local.cluster.readers;
    if (first === undefined) throw new Error("There is no reader.");
    const relay = new CuttableRelay(first.direct);
    await relay.open();
    let open = true;
    const { close } = relay;
    relay.close = async () => {
      if (open) await close.call(relay);
      open = false;
    };
    onTestFinished(() => relay.close());
    return relay;
  }
  const through = (relay: CuttableRelay, options = {}) =>
    local.pool({ reader: relay.url(local.cluster.readers[0]?.url ?? ""), ...options });

  it("has its reads on the writer, with a reason", async () => {
    const relay = await gate();
    await relay.close();
    const pool = through(relay);
    const place = await whereRan(pool);
    expect([place, pool.stats().reasons["reader-unavailable"]]).toEqual(["writer", 1]);
  });

  it("has the reads of checked-out clients on the writer", async () => {
    const relay = await gate();
    await relay.close();
    const client = await checkout(through(relay));
    expect([await whereRan(client), await whereRan(client)]).toEqual(["writer", "writer"]);
  });

  it("has its READ ONLY transactions on the writer, as a whole", async () => {
    const relay = await gate();
    await relay.close();
    const client = await checkout(through(relay));
    await client.query("begin read only");
    const places = [await whereRan(client), await whereRan(client)];
    await client.query("commit");
    expect(places).toEqual(["writer", "writer"]);
  });

  it("is shown by stats()", async () => {
    const relay = await gate();
    await relay.close();
    const pool = through(relay);
    await pool.query("select 1");
    expect(pool.stats().reader?.endpoints).toMatchObject([{ available: false, failures: 1 }]);
  });

  it("costs nothing when its idle connections break", async () => {
    const relay = await gate();
    const pool = through(relay);
    const before = await whereRan(pool);
    await relay.close();
    const after = await whereRan(pool);
    expect([before, after]).toEqual(["reader1", "writer"]);
  });

  it("has its reads again when it is back", async () => {
    const relay = await gate();
    const [first] = local.cluster.readers;
    await relay.close();
    const pool = through(relay);
    await pool.query("select 1");
    const again = new CuttableRelay({ host: "127.0.0.1", port: first?.direct.port ?? 0 });
    again.port = relay.port;
    await again.open();
    onTestFinished(() => again.close());
    await until("a read reaches the reader", async () => (await whereRan(pool)) === "reader1");
    expect(pool.stats().reader?.endpoints).toMatchObject([{ available: true, failures: 0 }]);
  });

  it("leaves its reads to another reader, if there is one", async () => {
    const relay = await gate();
    await relay.close();
    const [, second] = local.cluster.readers;
    const pool = local.pool({
      readers: [relay.url(local.cluster.readers[0]?.url ?? ""), second?.url ?? ""],
    });
    const places = [await whereRan(pool), await whereRan(pool)];
    expect(places).toEqual(["reader2", "reader2"]);
  });

  it("does not fail what the writer answers with an error", async () => {
    const relay = await gate();
    await relay.close();
    const error = await rejection(through(relay).query("select 1/0"));
    expect(error.code).toBe("22012");
  });
});

describe("several readers", () => {
  it("share the connections among them", async () => {
    const readers = local.cluster.readers.map(({ url }) => url);
    const pool = local.pool({ readers, max: 4, catalog: false });
    const sleep = "select pg_sleep(0.05)";
    await Promise.all([1, 2, 3, 4].map(() => pool.query(sleep)));
    expect(pool.stats().reader?.endpoints.map(({ connections }) => connections)).toEqual([2, 2]);
  });
});

describe("a reader of another cluster", () => {
  let other: Cluster | undefined;
  const foreign = async (): Promise<string> => {
    other ??= await startCluster({ readers: 0 });
    return other.writer.url;
  };

  it("is told as READER_OF_ANOTHER_CLUSTER, and serves no read", async () => {
    const mark = newMark();
    const pool = local.pool({ reader: await foreign() });
    await pool.query("update books set title = title where id = 1");
    const error = await rejection(pool.query(`${mark} select 1`));
    expect({ code: error.code, seen: other?.servers[0]?.log().includes(mark) }).toEqual({
      code: "READER_OF_ANOTHER_CLUSTER",
      seen: false,
    });
    await other?.stop();
  });
});
