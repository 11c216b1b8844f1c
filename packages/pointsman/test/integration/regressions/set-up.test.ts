import { type Cluster, startCluster } from "@pointsman/local";
import type { ClientBase } from "pg";
import type { Pool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localCluster, newMark } from "../../support/local-cluster.ts";
import { runProgram } from "../../support/run-program.ts";
import { rejection, until } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create function init_session() returns void language plpgsql
      as $$ begin perform set_config('app.one', '1', false);
                  perform set_config('app.two', '2', false); end $$`,
});

const sides = ["writer", "reader"] as const;

async function setOneAndTwo(client: ClientBase): Promise<void> {
  await client.query("set app.one = '1'");
  await client.query("set app.two = '2'");
}

async function settingsOn(pool: Pool, side: (typeof sides)[number]) {
  const { rows } = await pool[side].query(`
    select pg_backend_pid() as pid, coalesce(current_setting('app.one', true), '') as one,
      coalesce(current_setting('app.two', true), '') as two,
      coalesce(current_setting('app.left_behind', true), '') as left_behind`);
  const [{ pid, ...settings }] = rows;
  return { pid, settings };
}

const asSetUp = { one: "1", two: "2", left_behind: "" };

async function isSetUp(pool: Pool, side: (typeof sides)[number]): Promise<boolean> {
  const { settings } = await settingsOn(pool, side);
  return settings.one === "1" && settings.two === "2";
}

describe.each(sides)("the set-up of a connection to the %s", (side) => {
  it.each([
    [
      "a connect listener that awaits",
      () => {
        const pool = local.pool({ max: 1 });
        pool.on("connect", setOneAndTwo);
        return pool;
      },
    ],
    ["onConnect", () => local.pool({ max: 1, onConnect: setOneAndTwo })],
  ])("is made again after a reset: %s", async (_what, open) => {
    const pool = open();
    await until("the connection is set up", () => isSetUp(pool, side));
    const before = await settingsOn(pool, side);
    const found = [];
    for (let reset = 0; reset < 2; reset++) {
      await pool[side].query("set app.left_behind = 'x'; set app.one = 'another'");
      found.push(await settingsOn(pool, side));
    }
    expect(found).toEqual(Array(2).fill({ pid: before.pid, settings: asSetUp }));
  });

  it("is not lost when nobody can tell what it did", async () => {
    const onConnect = async (client: ClientBase) => {
      await client.query("select init_session()");
    };
    const pool = local.pool({ max: 1, onConnect });
    const before = await settingsOn(pool, side);
    await pool[side].query("set app.left_behind = 'x'");
    const after = await settingsOn(pool, side);
    expect([before.settings, after.settings]).toEqual([asSetUp, asSetUp]);
  });
});

describe("the set-up of a client with readers", () => {
  it("by a connect listener that awaits is there for what its users send", async () => {
    const pool = local.pool({ max: 1 });
    pool.on("connect", setOneAndTwo);
    await until("the connection is set up", () => isSetUp(pool, "writer"));
    const found = [];
    for (let user = 0; user < 3; user++) {
      const client = await pool.connect();
      const { rows } = await client.query({
        text: "select current_setting('app.one') as one, current_setting('app.two') as two",
        target: "writer",
      });
      found.push(...rows);
      await client.query("set app.one = 'another'");
      client.release();
    }
    expect(found).toEqual(Array(3).fill({ one: "1", two: "2" }));
  });

  it("that a reader refuses does not end the process, and is told as an error event", async () => {
    const { writer, reader } = local.cluster;
    const program = await runProgram(
      "listen-when-connected",
      "with readers",
      writer.url,
      reader.url,
    );
    expect({ status: program.status, stderr: program.stderr }).toEqual({ status: 0, stderr: "" });
    const { answers, told } = JSON.parse(program.stdout);
    expect(answers).toEqual([1, 1, 1]);
    expect(new Set(told)).toEqual(new Set(["25006"]));
  });
});

describe("a reader of another cluster", () => {
  let other: Cluster | undefined;
  beforeAll(async () => {
    other = await startCluster({ readers: 0, logStatements: true });
  });
  afterAll(() => other?.stop());

  it("is refused before anything was written, without a connection of the writer's pool", async () => {
    const mark = newMark();
    const pool = local.pool({ reader: other?.writer.url });
    const error = await until("the clusters are compared", () =>
      pool.query("select 1").then(
        () => undefined,
        (refused: Error) => refused,
      ),
    );
    const errors = [error, await rejection(pool.query(`${mark} select 1`))];
    const client = await pool.connect();
    errors.push(await rejection(client.query(`${mark} select 1`)));
    client.release();
    expect({
      codes: errors.map((one) => (one as { code?: string }).code),
      seen: other?.servers[0]?.log().includes(mark),
      writer: pool.stats().writer.total,
    }).toEqual({
      codes: Array(3).fill("READER_OF_ANOTHER_CLUSTER"),
      seen: false,
      writer: 0,
    });
  });
});
