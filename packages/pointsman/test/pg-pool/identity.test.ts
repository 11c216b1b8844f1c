import { inspect } from "node:util";
import pg, { type Client, type ClientConfig, type PoolClient } from "pg";
import { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { backendOf } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, direct, own, withReaders, cluster } = subjectsOnCluster();

/** Fields of pg's that its types leave out. */
interface Untyped {
  readonly processID?: number | null;
  readonly secretKey?: number | null;
  readonly _clients: readonly { readonly connection?: { readonly stream?: object } }[];
  readonly Client: new (config: ClientConfig) => Client;
}
const untyped = (object: object): Untyped => object as Untyped;

describe.each(all)("a pool $name", ({ open, shared }) => {
  it("is a pg.Pool", () => {
    expect(shared()).toBeInstanceOf(pg.Pool);
  });

  it("has a Client that connects to the writer with the pool's options", async () => {
    const pool = shared();
    const control = new (untyped(pool).Client)({
      ...pool.options,
      password: pool.options.password,
    } as ClientConfig);
    await control.connect();
    const { rows } = await control.query("select current_setting('cluster_name') as name");
    await control.end();
    expect(rows).toEqual([{ name: "writer" }]);
  });

  it("has options that lead pg's own Client to the writer", async () => {
    const pool = shared();
    const control = new pg.Client({
      ...pool.options,
      password: pool.options.password,
    } as ClientConfig);
    await control.connect();
    const { rows } = await control.query("select current_setting('cluster_name') as name");
    await control.end();
    expect(rows).toEqual([{ name: "writer" }]);
  });

  it("leaves the caller's options as they were", async () => {
    const options = Object.freeze({ max: 3, application_name: "frozen", ssl: undefined });
    const before = structuredClone(options);
    const pool = open(options as pg.PoolConfig);
    await pool.query("select 1");
    expect(options).toEqual(before);
  });

  it("is an event emitter with no listeners of its own", () => {
    const pool = open();
    expect(pool.eventNames()).toEqual([]);
  });
});

describe.each(all)("the process that serves a client $name", ({ open }) => {
  it("is known by processID while the client stands on the writer", async () => {
    const client = await open().connect();
    await client.query("begin");
    const pid = await backendOf(client);
    const { processID, secretKey } = untyped(client);
    await client.query("commit");
    client.release();
    expect(processID).toBe(pid);
    expect(secretKey).toEqual(expect.any(Number));
  });

  it("can be cancelled by its processID through the pool's own Client", async () => {
    const pool = open();
    const client = await pool.connect();
    await client.query("begin");
    await backendOf(client);
    const sleeping = client.query("select pg_sleep(30)").catch((error) => error.code);
    const control = new (untyped(pool).Client)({
      ...pool.options,
      password: pool.options.password,
    } as ClientConfig);
    await control.connect();
    await control.query("select pg_cancel_backend($1)", [untyped(client).processID]);
    await control.end();
    const outcome = await sleeping;
    await client.query("rollback");
    client.release();
    expect(outcome).toBe("57014");
  });
});

describe.each(direct)("a pool $name", ({ open }) => {
  it("has opened the stream of a query's connection in the tick of the call", async () => {
    const pool = open();
    const answer = pool.query("select 1");
    expect(untyped(pool)._clients[0]?.connection?.stream).toBeInstanceOf(Object);
    await answer;
  });

  it("gives clients that are pg.Clients", async () => {
    const client = await open().connect();
    client.release();
    expect(client).toBeInstanceOf(pg.Client);
  });
});

describe("with readers a client", () => {
  it("names no process while it stands nowhere", async () => {
    const client = await withReaders.open().connect();
    const { processID } = untyped(client);
    client.release();
    expect(processID ?? undefined).toBeUndefined();
  });

  it("names no process of a reader, where the pool's options do not lead", async () => {
    const client = await withReaders.open().connect();
    await client.query("begin read only");
    await client.query("select 1");
    const { processID } = untyped(client);
    await client.query("commit");
    client.release();
    expect(processID ?? undefined).toBeUndefined();
  });
});

describe.each([
  ["pg.Pool", pg.Pool],
  ["with one server", Pool],
])("a subclass of the pool %s", (_name, Base) => {
  it("is one, and works", async () => {
    class Audited extends Base {
      readonly kind = "audited";
    }
    const pool = new Audited({ connectionString: cluster().writer.url });
    const { rows } = await pool.query("select 1 as one");
    await pool.end();
    expect(pool).toBeInstanceOf(pg.Pool);
    expect(pool.kind).toBe("audited");
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe("a subclass of the pool with readers", () => {
  it("is asked through its own query method by its callers", async () => {
    const texts: unknown[] = [];
    class Audited extends Pool {
      override query(...args: unknown[]): never {
        texts.push(args[0]);
        return (super.query as (...given: unknown[]) => unknown)(...args) as never;
      }
    }
    const pool = new Audited({ writer: cluster().writer.url, reader: cluster().reader.url });
    await (pool.query("select 1") as Promise<unknown>);
    await pool.end();
    expect(texts).toEqual(["select 1"]);
  });
});

const secret = "FAIL-THIS-TEST";
const key = "-----BEGIN KEY FAIL-THIS-TEST-----";
const place = { host: "127.0.0.1", port: 1, user: "app", database: "app" };
const url = `postgres://app:${secret}@127.0.0.1:1/app`;
const pools: [string, () => pg.Pool][] = [
  ["pg.Pool with a password", () => new pg.Pool({ ...place, password: secret })],
  ["pg.Pool with an ssl key", () => new pg.Pool({ ...place, ssl: { key } })],
  ["with a password", () => new Pool({ ...place, password: secret })],
  ["with an ssl key", () => new Pool({ ...place, ssl: { key } })],
  ["with a URL", () => new Pool({ connectionString: url })],
  ["with the URL of a writer", () => new Pool({ writer: url })],
  ["with URLs of writer and reader", () => new Pool({ writer: url, reader: url })],
  ["with a reader's password", () => new Pool({ writer: place, reader: { password: secret } })],
  [
    "with a reader's ssl key",
    () => new Pool({ writer: place, readers: [{ ...place, ssl: { key } }] }),
  ],
  ["with a password in writer", () => new Pool({ writer: { ...place, password: secret } })],
  ["with mirror", () => new Pool({ writer: url, mirror: true })],
];

describe.each(pools)("a pool %s", (_name, make) => {
  it("shows no secret when it is inspected, printed or stringified", async () => {
    const pool = make();
    const failed = await pool.query("select 1").catch((error) => error);
    const shown = [
      inspect(pool, { depth: 20 }),
      inspect(pool, { depth: 20, showHidden: false, getters: true }),
      String(pool),
      stringified(pool),
      inspect(failed, { depth: 20 }),
    ].join("\n");
    await pool.end();
    expect(shown).not.toContain(secret);
  });
});

describe.each(own)("a client $name", ({ open }) => {
  it("shows no password when it is inspected or stringified", async () => {
    const password = decodeURIComponent(new URL(cluster().writer.url).password);
    const pool = open();
    const client: PoolClient = await pool.connect();
    await client.query("begin");
    await backendOf(client);
    const shown = [
      inspect(client, { depth: 20 }),
      inspect(pool, { depth: 20 }),
      stringified(client),
      stringified(pool),
    ].join("\n");
    await client.query("commit");
    client.release();
    expect(shown).not.toContain(password);
  });
});

/** JSON of what may lead back to itself: timers do, in pools with one. */
function stringified(object: object): string {
  const seen = new WeakSet();
  return JSON.stringify(object, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return undefined;
    seen.add(value);
    return value;
  });
}
