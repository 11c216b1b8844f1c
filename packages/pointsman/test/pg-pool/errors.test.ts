import { once } from "node:events";
import pg from "pg";
import { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { backendOf, onTheWriter } from "../support/checkouts.ts";
import { runProgram } from "../support/run-program.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, direct, own, cluster } = subjectsOnCluster();

function run(program: string, kind: string) {
  return runProgram(program, kind, cluster().writer.url, cluster().reader.url);
}

/** Hears the pool's errors: with pg's own, one that nobody hears ends the process. */
function quietly(pool: pg.Pool): pg.Pool {
  return pool.on("error", () => {});
}

describe.each(all)("a process with a pool $name", ({ name }) => {
  it("exits by itself when all is idle, with allowExitOnIdle", async () => {
    const started = performance.now();
    const { status, stdout } = await run("idle-until-exit", name);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "idle\n" });
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it("hears of an error in a callback as of any other, once, and the pool goes on", async () => {
    const { status, stdout } = await run("throw-in-callback", name);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      uncaught: [
        "of a client: select 1",
        "of a client: select pg_backend_pid()",
        "of the pool: select 1",
        "of the pool: select pg_backend_pid()",
      ],
      served: 2,
    });
  });
});

describe.each(own)("a process with a pool $name, unlike one with pg.Pool,", ({ name }) => {
  it("survives the loss of a client's connection that nobody listens to", async () => {
    const { status, stdout, stderr } = await run("lose-backend", name);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.trim().split("\n").at(-1)).toBe("alive");
  });
});

it("a process with pg.Pool does not survive that, or the tests above would prove nothing", async () => {
  expect((await run("lose-backend", "pg.Pool")).status).not.toBe(0);
});

describe.each(all)("a lost connection $name", ({ open }) => {
  it("fails the statement under way and those that wait behind it", async () => {
    const client = await quietly(open()).connect();
    client.on("error", () => {});
    await client.query("begin");
    const outcomes = await Promise.all(
      ["select pg_terminate_backend(pg_backend_pid())", "select 1", "select 2"].map((text) =>
        client.query(text).then(
          () => "answered",
          () => "failed",
        ),
      ),
    );
    client.release();
    expect(outcomes).toEqual(["failed", "failed", "failed"]);
  });

  it("is told to the listeners of its client", async () => {
    const client = await quietly(open()).connect();
    await client.query("begin");
    client.on("error", () => {});
    const failed = once(client, "error");
    client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => {});
    const [error] = await failed;
    client.release();
    expect(error).toBeInstanceOf(Error);
  });

  it("fails what is sent on its client later", async () => {
    const client = await quietly(open()).connect();
    await client.query("begin");
    client.on("error", () => {});
    const failed = once(client, "error");
    client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => {});
    await failed;
    const outcome = await client.query("insert into nowhere default values").catch((e) => e);
    client.release();
    expect(outcome).toBeInstanceOf(Error);
    expect(outcome).not.toBeInstanceOf(pg.DatabaseError);
  });

  it("is not used again when its client is released without an error", async () => {
    const pool = quietly(open({ max: 1 }));
    const client = await pool.connect();
    client.on("error", () => {});
    const failed = once(client, "error");
    await client.query("begin");
    const before = await backendOf(client);
    client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => {});
    await failed;
    client.release();
    const next = await pool.connect();
    const after = await backendOf(next);
    next.release();
    expect(after).not.toBe(before);
  });
});

describe.each(direct)("a socket $name", ({ open }) => {
  it("that fails under a query of the pool fails the query and is destroyed", async () => {
    const pool = open({ max: 1 });
    await pool.query("select 1");
    // Not a plain read, which this pool would send again.
    const answer = pool.query("do $$ begin perform pg_sleep(30); end $$");
    const [client] = (
      pool as unknown as {
        _clients: {
          connection: { stream: NodeJS.EventEmitter & { destroyed: boolean } };
          _getActiveQuery(): unknown;
        }[];
      }
    )._clients;
    await expect.poll(() => client?._getActiveQuery() ?? undefined).toBeDefined();
    client?.connection.stream.emit("error", new Error("network issue"));
    await expect(answer).rejects.toThrow("network issue");
    expect(client?.connection.stream.destroyed).toBe(true);
    expect(pool.totalCount).toBe(0);
  });
});

describe("a standby in the writer's place", () => {
  const url = (): string => cluster().readers[0]?.url as string;

  it("is read by a pool of one server, and refuses writes as it does with pg.Pool", async () => {
    const pool = new Pool({ connectionString: url(), max: 1 });
    const refusal = await pool.query("create table t ()").catch((error) => error.code);
    const { rows } = await pool.query("select 1 as one");
    await pool.end();
    expect(refusal).toBe("25006");
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("is no writer for a pool with readers, which waits for one, and says what it has found", async () => {
    const pool = new Pool({ writer: url(), reader: url(), max: 1, failoverTimeout: 200 });
    await expect(pool.query("create table t ()")).rejects.toMatchObject({
      code: "WRITER_UNAVAILABLE",
      message: expect.stringMatching(/leads to a reader.*was not sent/),
    });
    const { rows } = await pool.query("select 1 as one");
    await pool.end();
    expect(rows).toEqual([{ one: 1 }]);
  });
});

describe.each(all)("a writer $name", ({ open }) => {
  it("keeps the connection on which a READ ONLY transaction refused a write", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    const pid = await backendOf(client);
    await client.query("begin read only");
    const refusal = await client.query("create table t ()").catch((error) => error.code);
    await client.query("rollback");
    client.release();
    const next = await pool.connect();
    const after = await backendOf(next);
    next.release();
    expect(refusal).toBe("25006");
    expect(after).toBe(pid);
  });
});

describe.each(all)("a client $name", ({ open }) => {
  it("that is ended fails what waits, and answers the end", async () => {
    const pool = open({ max: 1 });
    const client = await pool.connect();
    await onTheWriter(client);
    const answers = ["select pg_sleep(30)", "select 1"].map((text) =>
      client.query(text).then(
        () => "answered",
        () => "failed",
      ),
    );
    await client.end();
    client.release();
    expect(await Promise.all(answers)).toEqual(["failed", "failed"]);
  });
});
