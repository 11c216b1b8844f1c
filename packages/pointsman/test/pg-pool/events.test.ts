import { once } from "node:events";
import pg, { type PoolClient, type PoolConfig } from "pg";
import { describe, expect, it } from "vitest";
import { backendOf, connectBack } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";
import { until } from "../support/until.ts";

const { all, direct, withReaders, cluster } = subjectsOnCluster();

/** Writes down a pool's events as they come. */
function recorded(pool: pg.Pool): { name: string; args: unknown[] }[] {
  const events: { name: string; args: unknown[] }[] = [];
  for (const name of ["connect", "acquire", "release", "remove", "error"] as const) {
    (pool as NodeJS.EventEmitter).on(name, (...args) => events.push({ name, args }));
  }
  return events;
}

const count = (events: { name: string }[], name: string): number =>
  events.filter((event) => event.name === name).length;

async function terminate(pid: number): Promise<void> {
  const client = new pg.Client({ connectionString: cluster().servers[0]?.direct.url });
  await client.connect();
  await client.query("select pg_terminate_backend($1)", [pid]);
  await client.end();
}

describe.each(all)("events $name", ({ open }) => {
  it("announce by connect the very client that the caller gets, before the caller gets it", async () => {
    const pool = open();
    const announced: PoolClient[] = [];
    pool.on("connect", (client) => announced.push(client));
    const { client, release } = await connectBack(pool);
    const before = [...announced];
    release();
    expect(before).toEqual([client]);
  });

  it("announce a client once, however often it is used", async () => {
    const pool = open();
    let announced = 0;
    const client = await pool.connect();
    pool.on("connect", (again) => {
      if (again === client) announced += 1;
    });
    client.release();
    (await pool.connect()).release();
    expect(announced).toBe(0);
  });

  it("come as connect, acquire, release when a client is used and given back", async () => {
    const pool = open();
    const events = recorded(pool);
    const client = await pool.connect();
    client.release();
    expect(events.map(({ name }) => name)).toEqual(["connect", "acquire", "release"]);
    expect(events.flatMap(({ args }) => args).filter((arg) => arg === client)).toHaveLength(3);
  });

  it("are acquire and release once for each use: twenty for twenty", async () => {
    const pool = open({ lanes: false } as PoolConfig);
    const events = recorded(pool);
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = await pool.connect();
        client.release();
      }).concat(Array.from({ length: 10 }, () => pool.query("select now()").then(() => undefined))),
    );
    await pool.end();
    expect(count(events, "acquire")).toBe(20);
    expect(count(events, "release")).toBe(20);
  });

  it("are acquire and release once for each write that the pool is sent", async () => {
    const pool = open();
    const events = recorded(pool);
    await Promise.all(
      Array.from({ length: 5 }, () => pool.query("create temp table if not exists t (n int)")),
    );
    await pool.end();
    expect(count(events, "acquire")).toBe(5);
    expect(count(events, "release")).toBe(5);
  });

  it("are acquire and release once for each use of a client that runs several statements", async () => {
    const pool = open();
    const events = recorded(pool);
    const client = await pool.connect();
    await client.query("select 1");
    await backendOf(client);
    await client.query("select 1");
    client.release();
    await pool.end();
    expect(count(events, "acquire")).toBe(1);
    expect(count(events, "release")).toBe(1);
  });

  it("have no error at the release of a good client", async () => {
    const pool = open();
    const released = once(pool, "release");
    const client = await pool.connect();
    client.release();
    const [error, subject] = await released;
    expect(error ?? undefined).toBeUndefined();
    expect(subject).toBe(client);
  });

  it("have the error with which a client was released", async () => {
    const pool = open();
    const problem = new Error("problem");
    const released = once(pool, "release");
    const client = await pool.connect();
    client.release(problem);
    const [error, subject] = await released;
    expect(error).toBe(problem);
    expect(subject).toBe(client);
  });

  it("have the error of the query that the pool ran", async () => {
    const pool = open();
    const released = once(pool, "release");
    const error = await pool.query("select 1 / 0").catch((failure) => failure);
    expect((await released)[0]).toBe(error);
  });

  it("tell by remove which client is gone", async () => {
    const pool = open();
    const client = await pool.connect();
    const removed = once(pool, "remove");
    client.release(true);
    expect(await removed).toEqual([client]);
  });

  it("tell by remove of each client at the end", async () => {
    const pool = open();
    const client = await pool.connect();
    await client.query("select 1");
    client.release();
    const removed = new Set<unknown>();
    pool.on("remove", (gone) => removed.add(gone));
    await pool.end();
    await until("the client is removed", () => removed.has(client));
  });

  it("are an error with its client when an idle connection is lost", async () => {
    const pool = open();
    const client = await pool.connect();
    const pid = await backendOf(client);
    client.release();
    const failed = once(pool, "error");
    await terminate(pid);
    const [error, lost] = await failed;
    expect(error).toMatchObject({ code: "57P01", client: lost });
    expect((lost as { processID?: number }).processID).toBe(pid);
    await until("the lost connection is not counted any more", () => pool.totalCount === 0);
  });

  it("are no error of the pool when the connection of a client that is out is lost", async () => {
    const pool = open();
    const events = recorded(pool);
    const client = await pool.connect();
    // pg tells it twice: what the server said, and that the connection is gone.
    client.on("error", () => {});
    const failed = once(client, "error");
    await terminate(await backendOf(client));
    await failed;
    client.release();
    await pool.end();
    expect(count(events, "error")).toBe(0);
  });
});

describe.each(direct)("events $name", ({ open }) => {
  it("are one connect for each connection", async () => {
    const pool = open({ max: 3 });
    const events = recorded(pool);
    await Promise.all(Array.from({ length: 9 }, () => pool.query("select pg_sleep(0.01)")));
    expect(count(events, "connect")).toBe(3);
  });

  it("are an error with the client when an idle client emits one", async () => {
    const pool = open();
    const client = await pool.connect();
    client.release();
    const failed = once(pool, "error");
    client.emit("error", new Error("on purpose"));
    expect(await failed).toEqual([expect.objectContaining({ message: "on purpose" }), client]);
    expect({ idle: pool.idleCount, total: pool.totalCount }).toEqual({ idle: 0, total: 0 });
  });
});

describe("events with readers", () => {
  it("announce by connect the physical connections of both sides too, before their first use", async () => {
    const pool = withReaders.open();
    pool.on("connect", (client) => {
      client.query("set application_name = 'announced'");
    });
    const name = "select current_setting('application_name') as name";
    const [reader, writer] = await Promise.all([
      pool.query(name),
      pool.query({ text: name, target: "writer" }),
    ]);
    expect([reader.rows, writer.rows]).toEqual([[{ name: "announced" }], [{ name: "announced" }]]);
  });

  it("announce a conversation without a connection of its own", async () => {
    const pool = withReaders.open();
    const events = recorded(pool);
    const client = await pool.connect();
    client.release();
    expect(events.filter(({ name }) => name === "connect")).toEqual([
      { name: "connect", args: [client] },
    ]);
    expect(pool.totalCount).toBe(0);
  });
});
