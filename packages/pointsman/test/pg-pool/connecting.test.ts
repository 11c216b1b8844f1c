import { createServer } from "node:net";
import pg, { type PoolClient } from "pg";
import { describe, expect, it } from "vitest";
import { backendOf, connectBack, onTheWriter } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, direct, withReaders } = subjectsOnCluster();
const released = "Release called on client which has already been released to the pool.";

describe.each(all)("connect $name", ({ open }) => {
  it("resolves with a client that answers", async () => {
    const client = await open().connect();
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("returns undefined when it is given a callback", async () => {
    const pool = open();
    await new Promise<void>((resolve) => {
      const returned: unknown = pool.connect((_error, _client, release) => {
        release();
        resolve();
      });
      expect(returned).toBeUndefined();
    });
  });

  it("calls back with no error, the client and its release", async () => {
    const { error, client, release } = await connectBack(open());
    expect(error).toBeUndefined();
    expect(release).toBe(client?.release);
    release();
  });

  it("never calls back in the tick of the call, not even with an idle client", async () => {
    const pool = open();
    (await pool.connect()).release();
    let called = false;
    const answered = connectBack(pool).then(({ release }) => {
      called = true;
      release();
    });
    expect(called).toBe(false);
    await answered;
  });

  it("runs the callback in the asynchronous context of the caller", async () => {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    const storage = new AsyncLocalStorage<string>();
    const pool = open({ max: 1 });
    const first = await pool.connect();
    const seen = storage.run("second", () =>
      pool.connect().then((client) => {
        client.release();
        return storage.getStore();
      }),
    );
    storage.run("first", () => first.release());
    expect(await seen).toBe("second");
  });

  it("gives a waiting caller the client that is released", async () => {
    const pool = open({ max: 1 });
    const first = await pool.connect();
    const waiting = pool.connect();
    first.release();
    const second = await waiting;
    second.release();
    expect(second).toBe(first);
  });

  it("gives the client that was released last", async () => {
    const pool = open({ max: 2 });
    const [one, other] = await Promise.all([pool.connect(), pool.connect()]);
    one.release();
    other.release();
    const next = await pool.connect();
    next.release();
    expect(next).toBe(other);
  });

  it("gives a client under which a WeakMap finds what was remembered at its last use", async () => {
    const pool = open();
    const remembered = new WeakMap<PoolClient, string>();
    const first = await pool.connect();
    remembered.set(first, "seen");
    first.release();
    const second = await pool.connect();
    second.release();
    expect(remembered.get(second)).toBe("seen");
  });

  it("keeps what a library writes on a client", async () => {
    const pool = open();
    const client = (await pool.connect()) as PoolClient & { __knexUid?: string };
    client.__knexUid = "uid1";
    await client.query("select 1");
    await onTheWriter(client);
    const kept = client.__knexUid;
    client.release();
    expect(kept).toBe("uid1");
  });

  it("gives a client whose class is not named after a pool", async () => {
    const client = await open().connect();
    client.release();
    expect(Object.getPrototypeOf(client).constructor.name).not.toContain("Pool");
  });

  it("gives a client that is not a plain object", async () => {
    const client = await open().connect();
    client.release();
    expect(client.constructor).not.toBe(Object);
  });
});

describe.each(all)("release $name", ({ open }) => {
  it("throws each time that it is called again", async () => {
    const client = await open().connect();
    client.release();
    expect(() => client.release()).toThrow(released);
    expect(() => client.release()).toThrow(released);
  });

  it("throws each time that the callback's release is called again", async () => {
    const { release } = await connectBack(open());
    release();
    expect(() => release()).toThrow(released);
    expect(() => release()).toThrow(released);
  });

  it("does not release the next user's checkout when an old release is called again", async () => {
    const pool = open({ max: 1 });
    const { release: old } = await connectBack(pool);
    old();
    const client = await pool.connect();
    expect(() => old()).toThrow(released);
    const { rows } = await client.query("select 1 as one");
    client.release();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("works as a function detached from its client", async () => {
    const pool = open({ max: 1 });
    const { release } = await pool.connect();
    release();
    const next = await pool.connect();
    expect(next).toBeInstanceOf(Object);
    next.release();
  });

  it.each([
    ["true", true],
    ["an error", new Error("of no more use")],
  ])("with %s closes the connection", async (_what, reason) => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const before = await backendOf(client);
    client.release(reason);
    const next = await pool.connect();
    const after = await backendOf(next);
    next.release();
    expect(next).not.toBe(client);
    expect(after).not.toBe(before);
  });

  it("with no reason keeps the connection", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const before = await backendOf(client);
    client.release();
    const next = await pool.connect();
    const after = await backendOf(next);
    next.release();
    expect(after).toBe(before);
  });

  it("does not keep a client that its user has ended", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    await backendOf(client);
    await client.end();
    client.release();
    const next = await pool.connect();
    const { rows } = await next.query("select 1 as one");
    next.release();
    expect(next).not.toBe(client);
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe.each(direct)("connect $name where no server is", ({ open }) => {
  it("rejects, and keeps nothing", async () => {
    const pool = open(await nowhere());
    await expect(pool.connect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(pool.totalCount).toBe(0);
  });

  it("calls back with an error, no client, and a release that does nothing", async () => {
    const { error, client, release } = await connectBack(open(await nowhere()));
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    expect(client).toBeUndefined();
    expect(() => release()).not.toThrow();
  });

  it("goes on with the callers that wait", async () => {
    const pool = open({ ...(await nowhere()), max: 1 });
    const outcomes = await Promise.allSettled([pool.connect(), pool.connect()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("a client with readers is a conversation, which", () => {
  it("is no pg.Client", async () => {
    const client = await withReaders.open().connect();
    client.release();
    expect(client).not.toBeInstanceOf(pg.Client);
  });

  it("is handed out without a connection, so that the first statement meets the server that is not there", async () => {
    const writer = `postgres://app@127.0.0.1:${(await nowhere()).port}/app`;
    const client = await withReaders.open({ writer }).connect();
    await expect(onTheWriter(client)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.release();
  });
});

/** A place where nobody listens. */
async function nowhere(): Promise<{ connectionString: undefined; host: string; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return { connectionString: undefined, host: "127.0.0.1", port: address.port };
}
