import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, startCluster } from "@pointsman/local";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, runCli, startCli } from "./helpers.ts";
import { connected, urlOf } from "./site.ts";

let cluster: Cluster;
let admin: Client;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-"));
  cluster = await startCluster({
    readers: 0,
    settings: { shared_preload_libraries: "pg_stat_statements" },
  });
  admin = await connected(cluster.writer.url);
  await admin.query("create role clerk login password 'x'");
});

afterAll(async () => {
  await admin?.end();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

function check(args: readonly string[], environment: object = {}): Promise<Ended> {
  return runCli(["check", ...args], environment);
}

async function fileOf(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("pg_stat_statements", () => {
  /** A database of its own that has been asked this, and nothing else that counts. */
  async function asked(name: string, load: (client: Client) => Promise<unknown>): Promise<object> {
    await admin.query(`create database ${name}`);
    const url = urlOf(cluster.writer.url, undefined, name);
    const client = await connected(url);
    await client.query(`
      create extension pg_stat_statements;
      create table orders (id int);
      create function counted(t text) returns bigint language plpgsql as
        $$ declare n bigint; begin execute 'select count(*) from ' || t into n; return n; end $$`);
    await client.query("select pg_stat_statements_reset()");
    await load(client);
    await client.end();
    return { DATABASE_URL: url };
  }

  const times = async (count: number, ask: () => Promise<unknown>): Promise<void> => {
    for (let n = 0; n < count; n++) await ask();
  };

  async function shop(client: Client): Promise<void> {
    await times(60, () => client.query("select * from orders where id = $1", [1]));
    await times(20, () => client.query("select counted('orders')"));
    await times(15, () => client.query("insert into orders values (1)"));
    await times(5, () => client.query("select * from orders for update"));
  }

  const numbers = (text: string) =>
    text.replaceAll(/\d+\.\d %/g, "N %").replaceAll(/ +N %/g, " N %");

  test("above a limit fails, and tells what keeps it there and what would pay", async () => {
    const { status, stdout, stderr } = await check(
      ["--max-writer-reads", "5%", "--max-writer", "90%"],
      await asked("check_a", shop),
    );
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(numbers(stdout)).toContain(` share  is       goes to  reason            text
N %  read     writer   unknown-function  select counted($1)
N %  write    writer   data-change       insert into orders values ($1)
 N %  read     writer   row-lock          select * from orders for update
`);
    expect(numbers(stdout)).toContain(`
What would pay
 N %  unknown-function
           Nobody knows what some functions do, and statements that call them go
           to the writer. Say so of those that only read: functions: {
           "counted": "read" }.
 N %  row-lock
`);
    expect(stdout).toMatch(
      /\n2\d\.\d % of the calls of reads go to the writer, more than 5 %\n(39|4\d)\.\d % of the calls go to the writer, within 90 %\n$/,
    );
  });

  test("within its limits is well, the more so when the application says what functions do", async () => {
    const environment = await asked("check_b", shop);
    const options = await fileOf("options.json", '{"functions": {"counted": "read"}}');
    const { status, stdout } = await check(
      ["--max-writer-reads", "0.1", "--options", options],
      environment,
    );
    expect(stdout).not.toContain("counted");
    expect(stdout).toMatch(/\n5\.\d % of the calls of reads go to the writer, within 10 %\n$/);
    expect(status).toBe(0);
  });

  test("holds what was asked, and not the questions of the check itself", async () => {
    const environment = await asked("check_c", (client) =>
      times(3, () => client.query("select * from orders")),
    );
    for (const _run of [1, 2]) {
      const { status, stdout } = await check(["--max-writer-reads", "0"], environment);
      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: "0.0 % of the calls of reads go to the writer, within 0 %\n",
      });
    }
  });

  test("is told to programs as one JSON object, by time", async () => {
    const environment = await asked("check_d", async (client) => {
      await times(50, () => client.query("select * from orders"));
      await client.query("select counted('orders'), pg_sleep(0.3)");
    });
    const args = ["--json", "--max-writer-reads", "50%", "--by", "time"];
    const { status, stdout } = await check(args, environment);
    expect(status).toBe(1);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      isWithin: false,
      knownFrom: "database",
      by: "time",
      verdicts: [{ of: "reads", limit: 0.5, isWithin: false }],
      unknown: 0,
      remedies: [{ reason: "unknown-function" }],
      unknownFunctions: [{ name: "counted", statements: 1, calls: 1 }],
    });
    expect(told.verdicts[0].share).toBeGreaterThan(0.5);
    expect(told.offenders[0]).toMatchObject({
      text: "select counted($1), pg_sleep($2)",
      kind: "read",
      calls: 1,
      target: "writer",
      reason: "unknown-function",
    });
    expect(told.offenders[0].milliseconds).toBeGreaterThan(290);
  });

  test("that is not shown, or beyond --top, counts as the writer's, and that is told", async () => {
    await asked("check_e", (client) => times(9, () => client.query("select * from orders")));
    const clerk = { DATABASE_URL: urlOf(cluster.writer.url, "clerk", "check_e") };
    const hidden = await check(["--max-writer", "20%"], clerk);
    expect(hidden.status).toBe(1);
    expect(hidden.stdout).toContain("(not shown to this user, or lost)");
    expect(hidden.stdout).toContain("is unknown, and counts as reads that go to the writer.");

    const both = await asked("check_f", async (client) => {
      await times(6, () => client.query("select id from orders"));
      await times(4, () => client.query("select 1 from orders"));
    });
    const { status, stdout } = await check(["--max-writer-reads", "10%", "--top", "1"], both);
    expect(status).toBe(1);
    expect(stdout).toMatch(/of the calls of reads go to the writer, more than 10 %\n$/);
  });

  test("that cannot be asked is no verdict", async () => {
    await admin.query("create database check_g");
    const url = urlOf(cluster.writer.url, undefined, "check_g");
    const lost = "postgres://app:s3cr3t-word@127.0.0.1:1/app";
    for (const [environment, told] of [
      [{ DATABASE_URL: url }, "CREATE EXTENSION pg_stat_statements"],
      [{ DATABASE_URL: lost }, "The writer 127.0.0.1:1 cannot be reached"],
      [{}, "set DATABASE_URL"],
    ] as const) {
      const { status, stdout, stderr } = await check(["--max-writer", "1"], environment);
      expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
      expect(stderr).toContain(told);
      expect(stderr).not.toContain("s3cr3t-word");
    }
  });
});

describe("a file", () => {
  const script = `select * from orders;
/* pointsman:writer */ select * from orders;
insert into orders values (1);
`;

  test("counts each statement once, and tells its line", async () => {
    const { status, stdout } = await check([
      "--max-writer",
      "0.7",
      "--max-writer-reads",
      "25%",
      "--file",
      await fileOf("a.sql", script),
    ]);
    expect(status).toBe(1);
    expect(stdout).toContain(` share  line  is       goes to  reason       text
33.3 %     2  read     writer   hint         select * from orders
33.3 %     3  write    writer   data-change  insert into orders values (1)
`);
    expect(stdout).toContain("By the text alone, since DATABASE_URL is not set");
    expect(stdout).toMatch(
      /\n50\.0 % of the reads go to the writer, more than 25 %\n66\.7 % of the statements go to the writer, within 70 %\n$/,
    );
  });

  test("has no socket opened where the application has its own", async () => {
    const file = await fileOf("b.sql", "select 1");
    // A path too long for one would be told at once.
    const environment = { DATABASE_STATS_SOCKET: `/${"x".repeat(200)}` };
    const ended = await check(["--max-writer", "100%", "--file", file], environment);
    expect({ status: ended.status, stderr: ended.stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("may be standard input, and is told to programs as JSON", async () => {
    const args = ["check", "--json", "--offline", "--max-writer-reads", "50%", "--file", "-"];
    const { child, ended } = startCli(args);
    child.stdin?.end(script);
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      isWithin: true,
      knownFrom: "text",
      by: "statements",
      verdicts: [{ of: "reads", share: 0.5, limit: 0.5, isWithin: true }],
      offenders: [{ line: 2, kind: "read", reason: "hint" }],
      load: { statements: 3 },
    });
  });

  test("that is not there, or has nothing in it, is no verdict", async () => {
    for (const [path, told] of [
      [join(folder, "no.sql"), "The file cannot be read: ENOENT"],
      [await fileOf("empty.sql", "-- nothing\n"), "There is no statement in the file."],
    ] as const) {
      const { status, stdout, stderr } = await check(["--max-writer", "1", "--file", path]);
      expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
      expect(stderr).toContain(told);
    }
  });

  test("whose database cannot be reached is no verdict", async () => {
    const file = await fileOf("b.sql", script);
    const { status, stdout, stderr } = await check(["--max-writer", "1", "--file", file], {
      DATABASE_URL: "postgres://app@127.0.0.1:1/app",
    });
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("The writer 127.0.0.1:1 cannot be reached");
  });

  test.each([
    ["{", "is no JSON"],
    ["[]", "must have an object"],
    ['{"max": 3}', 'has "max": only functions and tables are taken from it'],
    ['{"functions": {"f": "reads"}}', "functions"],
  ])("options that make no sense are told: %s", async (options, told) => {
    const { status, stdout, stderr } = await check([
      ...["--max-writer", "1", "--offline"],
      ...["--file", await fileOf("c.sql", script), "--options", await fileOf("o.json", options)],
    ]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(told);
  });
});
