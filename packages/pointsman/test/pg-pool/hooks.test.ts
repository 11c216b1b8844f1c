import pg, { type Client, type ClientBase, type ClientConfig, type PoolClient } from "pg";
import { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { onTheWriter } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, own, direct, withReaders, cluster } = subjectsOnCluster();

/** Tells of the connection that it runs on whether a hook has been there. */
const hooked = "select current_setting('application_name') as name";

type Verify = (client: PoolClient, callback: (error?: Error) => void) => void;
const withVerify = (verify: Verify): pg.PoolConfig => ({ verify }) as pg.PoolConfig;

describe.each(all)("onConnect $name", ({ open }) => {
  it("prepares a connection before its first use", async () => {
    const pool = open({
      onConnect: async (client: ClientBase) => {
        await client.query("set application_name = 'prepared'");
      },
    });
    const { rows } = await pool.query(hooked);
    expect(rows).toEqual([{ name: "prepared" }]);
  });

  it("runs once for a connection that is used twice", async () => {
    let runs = 0;
    const pool = open({
      onConnect: () => {
        runs += 1;
      },
    });
    await pool.query("select 1");
    await pool.query("select 1");
    expect(runs).toBe(1);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("not this one");
      },
    ],
    ["rejects", () => Promise.reject(new Error("not this one"))],
  ])("fails the query when it %s", async (_how, onConnect) => {
    const pool = open({ onConnect });
    await expect(pool.query("select pg_backend_pid()")).rejects.toThrow("not this one");
    expect(pool.totalCount).toBe(0);
  });

  it("is tried again with the next connection after it has failed", async () => {
    let failures = 3;
    const pool = open({
      max: 1,
      onConnect: () => {
        if (failures-- > 0) throw new Error("not yet");
      },
    });
    const outcomes: string[] = [];
    for (let n = 0; n < 4; n++) {
      outcomes.push(
        await pool.query("select pg_backend_pid()").then(
          () => "answered",
          (error: Error) => error.message,
        ),
      );
    }
    expect(outcomes).toEqual(["not yet", "not yet", "not yet", "answered"]);
  });
});

describe.each(own)("onConnect $name", ({ open }) => {
  it.each([null, undefined, "", 0, false])(
    "fails the query when it rejects with %j",
    async (nothing) => {
      const pool = open({ onConnect: () => Promise.reject(nothing) });
      await expect(pool.query("select pg_backend_pid()")).rejects.toThrow("has given no error");
      expect(pool.totalCount).toBe(0);
    },
  );
});

describe.each(all)("verify $name", ({ open }) => {
  it("lets a connection pass", async () => {
    const seen = new Set<unknown>();
    const pool = open(
      withVerify((client, callback) => {
        seen.add(client);
        callback();
      }),
    );
    const { rows } = await pool.query("select 1 as one");
    expect(rows).toEqual([{ one: 1 }]);
    expect(seen.size).toBe(1);
  });

  it("may ask the connection first", async () => {
    const answers: unknown[] = [];
    const pool = open(
      withVerify((client, callback) => {
        client.query("select 7 as n", (error, result) => {
          answers.push(result?.rows[0]);
          callback(error ?? undefined);
        });
      }),
    );
    await pool.query("select pg_backend_pid()");
    expect(answers).toEqual([{ n: 7 }]);
  });

  it("turns a connection away", async () => {
    const pool = open(withVerify((_client, callback) => callback(new Error("nope"))));
    await expect(pool.query("select pg_backend_pid()")).rejects.toThrow("nope");
    expect(pool.totalCount).toBe(0);
  });

  it("turns the connection of a client away", async () => {
    const pool = open(withVerify((_client, callback) => callback(new Error("nope"))));
    const used = pool.connect().then((client) => onTheWriter(client).finally(client.release));
    await expect(used).rejects.toThrow("nope");
  });
});

describe.each(all)("log $name", ({ open }) => {
  it("hears what the pool does", async () => {
    const heard: unknown[] = [];
    const pool = open({ log: (...messages: unknown[]) => heard.push(messages[0]) });
    await pool.query("select pg_backend_pid()");
    expect(heard).toContain("new client connected");
  });

  it("hears that an expended client is removed", async () => {
    const heard: unknown[] = [];
    const pool = open({ maxUses: 1, log: (...messages: unknown[]) => heard.push(messages[0]) });
    await pool.query("select pg_backend_pid()");
    expect(heard).toContain("remove expended client");
  });
});

describe.each(all)("the option Client $name", ({ open }) => {
  it("is the class of the connections", async () => {
    const made: Client[] = [];
    class Remembered extends pg.Client {
      constructor(config?: ClientConfig) {
        super(config);
        made.push(this);
      }
    }
    const pool = open({ Client: Remembered } as pg.PoolConfig);
    await pool.query("select pg_backend_pid()");
    expect(made).toHaveLength(1);
    expect(made[0]).toBeInstanceOf(Remembered);
  });
});

describe.each(direct)("hooks $name", ({ open }) => {
  it("get the very client that the caller gets", async () => {
    const seen: unknown[] = [];
    const pool = open({
      onConnect: (client: unknown) => {
        seen.push(client);
      },
      ...withVerify((client, callback) => {
        seen.push(client);
        callback();
      }),
    });
    const client = await pool.connect();
    client.release();
    expect(seen).toEqual([client, client]);
  });

  it("fail connect() as they fail", async () => {
    const pool = open(withVerify((_client, callback) => callback(new Error("nope"))));
    await expect(pool.connect()).rejects.toThrow("nope");
  });
});

describe("hooks with readers", () => {
  it("run for the connections of both sides", async () => {
    const pool = withReaders.open({
      onConnect: async (client: ClientBase) => {
        await client.query("set application_name = 'prepared'");
      },
    });
    const answers = await Promise.all([
      pool.query(hooked),
      pool.query({ text: hooked, target: "writer" }),
    ]);
    expect(answers.map(({ rows }) => rows[0].name)).toEqual(["prepared", "prepared"]);
    expect(pool.stats().targets).toEqual({ reader: 1, writer: 1 });
  });

  it("fail a read as they fail, and it is not sent elsewhere", async () => {
    const pool = withReaders.open(withVerify((_client, callback) => callback(new Error("nope"))));
    await expect(pool.query("select 1")).rejects.toThrow("nope");
  });
});

describe.each([
  ["pg.Pool", (options: pg.PoolConfig) => new pg.Pool(options)],
  ["with one server", (options: pg.PoolConfig) => new Pool(options)],
])("options %s", (_name, make) => {
  it("reach the client with the connectionString as it was given", async () => {
    const connectionString = cluster().writer.url;
    const given: unknown[] = [];
    class Looking extends pg.Client {
      constructor(config?: ClientConfig) {
        super(config);
        given.push(config?.connectionString);
      }
    }
    const pool = make({ connectionString, Client: Looking } as pg.PoolConfig);
    await pool.query("select 1");
    await pool.end();
    expect(given).toEqual([connectionString]);
  });
});

describe.each(all)("options $name", ({ open }) => {
  it("reach the connections", async () => {
    const pool = open({ application_name: "bookshop", statement_timeout: 12_345 });
    const { rows } = await pool.query(
      "select current_setting('application_name') as name, current_setting('statement_timeout') as timeout",
    );
    expect(rows).toEqual([{ name: "bookshop", timeout: "12345ms" }]);
  });
});
