import Cursor from "pg-cursor";
import type { Pool, PoolOptions } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

// What is claimed here is told by the servers' logs and statistics, and by nothing of the library.

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Dune');
    create unlogged table scratch (id int);
    insert into scratch values (7);
    create table gate ();`,
});

/** The server and the process of each run of a text with a mark, in the order of each log. */
function backendsOf(mark: string): { server: string; pid: number }[] {
  const start =
    /^\d{4}-\d{2}-\d{2} [\d:.]+ \S+ \[(\d+)\] LOG: {2}(?:statement|execute [^:]*): (.*)$/;
  return local.cluster.servers.flatMap((server) =>
    server
      .log()
      .split("\n")
      .map((line) => start.exec(line))
      .filter((entry) => entry?.[2]?.includes(mark) === true)
      .map((entry) => ({ server: server.name, pid: Number(entry?.[1]) })),
  );
}

/** How many connections of an application run a text with a mark now, and how many there are. */
async function connectionsOn(
  url: string,
  application: string,
  mark: string,
): Promise<{ running: number; open: number }> {
  const admin = await local.connect(url);
  const { rows } = await admin.query(
    `select count(*)::int as open,
       (count(*) filter (where state = 'active' and query like $2))::int as running
     from pg_stat_activity where application_name = $1`,
    [application, `%${mark}%`],
  );
  await admin.end();
  return rows[0];
}

describe("an unlogged table", () => {
  it("R6: is asked of the reader once, and of the writer from then on", async () => {
    const pool = local.pool({ catalog: false });
    const mark = newMark();
    for (let round = 1; round <= 3; round++) {
      const { rows } = await pool.query(`${mark} select id from scratch`);
      expect(rows).toEqual([{ id: 7 }]);
      expect(local.runs(mark)).toEqual({ writer: round, reader1: 1 });
    }
  });

  it("R6: is read from the writer by a checked-out client and by its cursor", async () => {
    const pool = local.pool({ catalog: false });
    const [plain, read] = [newMark(), newMark()];
    const client = await pool.connect();
    expect((await client.query(`${plain} select id from scratch`)).rows).toEqual([{ id: 7 }]);
    client.release();
    const another = await pool.connect();
    const cursor = another.query(new Cursor<{ id: number }>(`${read} select id from scratch`));
    expect(await cursor.read(5)).toEqual([{ id: 7 }]);
    await cursor.close();
    another.release();
    expect([local.reached(plain), local.reached(read)]).toEqual([
      ["writer", "reader1"],
      ["writer", "reader1"],
    ]);
  });

  it("R6: of a READ ONLY transaction on a reader fails there, and stays there", async () => {
    const mark = newMark();
    const client = await local.pool({ catalog: false }).connect();
    await client.query("begin read only");
    const error = await rejection(client.query(`${mark} select id from scratch`));
    await client.query("rollback");
    client.release();
    expect({ code: error.code, runs: local.runs(mark) }).toEqual({
      code: "0A000",
      runs: { reader1: 1 },
    });
  });
});

describe("R10: max", () => {
  it.each<[string, PoolOptions, { writer: number; reader: number }]>([
    ["holds for each side", { max: 2 }, { writer: 2, reader: 2 }],
    ["can be the reader's own", { max: 2, readerPool: { max: 3 } }, { writer: 2, reader: 3 }],
    ["can be the writer's own", { max: 2, writerPool: { max: 1 } }, { writer: 1, reader: 2 }],
  ])("R10: %s, clients of connect() included", async (_what, options, expected) => {
    const mark = newMark();
    const application = `sizes ${mark.slice(3, 11)}`;
    const pool = local.pool({ ...options, application_name: application, lanes: false });
    const read = `${mark} select from gate`;
    const write = `${read} for update`;
    // The first contact may have a connection of its own beside the pool's.
    await Promise.all([pool.query("select 1"), pool.query("select 1 for update")]);
    await until("that is closed", async () => {
      const { open } = await connectionsOn(local.cluster.writer.url, application, mark);
      return open === 1;
    });
    // Holds all of them up, on both servers, until the numbers have been looked at.
    const gatekeeper = await local.connect();
    await gatekeeper.query("begin; lock table gate in access exclusive mode");
    await local.cluster.waitForReplay();
    const clients = [await pool.connect()];
    const answers = [1, 2, 3, 4, 5].flatMap(() => [pool.query(read), pool.query(write)]);
    answers.push(...clients.flatMap((client) => [client.query(read), client.query(write)]));
    const seen = async (side: "writer" | "reader") =>
      connectionsOn(local.cluster[side].url, application, mark);
    for (const side of ["writer", "reader"] as const) {
      await until(`the ${side} has all that it may`, async () => {
        return (await seen(side)).running >= expected[side];
      });
    }
    const full = { writer: await seen("writer"), reader: await seen("reader") };
    await gatekeeper.query("rollback");
    await Promise.all(answers);
    for (const client of clients) client.release();
    expect(full).toEqual({
      writer: { running: expected.writer, open: expected.writer },
      reader: { running: expected.reader, open: expected.reader },
    });
    const used = backendsOf(mark);
    for (const [server, max] of [
      ["writer", expected.writer],
      ["reader1", expected.reader],
    ] as const) {
      const pids = used.filter((run) => run.server === server).map(({ pid }) => pid);
      expect(pids).toHaveLength(6);
      expect(new Set(pids).size).toBe(max);
    }
  });

  it("R10: counts connections as the endpoints do", async () => {
    const { writer, reader } = local.cluster;
    const count = () => [writer.connections, reader.connections];
    await until("nobody is connected", () => count().join() === "0,0");
    const pool = local.pool({ max: 2 });
    const sleep = "select pg_sleep(0.1)";
    await Promise.all(
      [1, 2, 3].flatMap(() => [pool.query(sleep), pool.query(`${sleep} for update`)]),
    );
    await until("the connection of the first contact is closed", () => count().join() === "2,2");
    const { writer: own, reader: side } = pool.stats();
    expect([own.total, side?.total, side?.endpoints[0]?.connections]).toEqual([2, 2, 2]);
    await pool.end();
    await until("all are closed", () => count().join() === "0,0");
  });
});

/** Sends a read and a write, each twice, and tells by the log on which connections they ran. */
async function connectionsUsed(pool: Pool): Promise<{
  reads: ReturnType<typeof backendsOf>;
  writes: ReturnType<typeof backendsOf>;
  byHand: ReturnType<typeof backendsOf>;
}> {
  const [read, write, byHand] = [newMark(), newMark(), newMark()];
  for (let round = 0; round < 2; round++) {
    await pool.query(`${read} select * from books`);
    await pool.query(`${write} update books set title = title where id = 1`);
  }
  const client = await pool.connect();
  await client.query(`${read} select * from books`);
  await client.query(`${write} update books set title = title where id = 1`);
  client.release();
  await pool.reader.query(`${byHand} select * from books`);
  return { reads: backendsOf(read), writes: backendsOf(write), byHand: backendsOf(byHand) };
}

const repeated = <T>(value: T, times: number): T[] => Array<T>(times).fill(value);

describe("one server under two names", () => {
  it("has reads on a connection of its own, and writes on another", async () => {
    const pool = local.pool({ reader: local.cluster.writer.url, max: 1 });
    const { reads, writes, byHand } = await connectionsUsed(pool);
    const [side] = byHand;
    expect(side?.server).toBe("writer");
    expect(reads).toEqual(repeated(side, 3));
    expect(writes).toEqual(repeated(writes[0], 3));
    expect(writes[0]).toMatchObject({ server: "writer" });
    expect(writes[0]?.pid).not.toBe(side?.pid);
  });
});

describe("a mirror", () => {
  it("has reads on a connection of the reader's side, which is read-only at the server", async () => {
    const pool = local.pool({ mirror: true, max: 1 });
    const { reads, writes, byHand } = await connectionsUsed(pool);
    const [side] = byHand;
    expect(side?.server).toBe("writer");
    expect(reads).toEqual(repeated(side, 3));
    expect(writes[0]).toMatchObject({ server: "writer" });
    expect(writes).toEqual(repeated(writes[0], 3));
    expect(writes[0]?.pid).not.toBe(side?.pid);
    const shown = async (name: "reader" | "writer") => {
      const { rows } = await pool[name].query(
        "select pg_backend_pid() as pid, current_setting('default_transaction_read_only') as value",
      );
      return rows[0];
    };
    expect([await shown("reader"), await shown("writer")]).toEqual([
      { pid: side?.pid, value: "on" },
      { pid: writes[0]?.pid, value: "off" },
    ]);
  });
});

describe("one server alone", () => {
  it("has reads and writes on the same connection", async () => {
    const pool = local.pool({ reader: undefined, max: 1 });
    const { reads, writes, byHand } = await connectionsUsed(pool);
    expect(reads).toEqual(repeated(byHand[0], 3));
    expect(writes).toEqual(repeated(byHand[0], 3));
  });
});
