import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, startCluster } from "@pointsman/local";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, packageFolder, runCli, startCli } from "./helpers.ts";
import { connected, urlOf } from "./site.ts";

let cluster: Cluster;
let admin: Client;

beforeAll(async () => {
  cluster = await startCluster({
    readers: 1,
    settings: { shared_preload_libraries: "pg_stat_statements" },
  });
  admin = await connected(cluster.writer.url);
  await admin.query(`
    create table audit_log (id serial primary key, what text);
    create function note(what text) returns integer language sql as
      $$ insert into audit_log (what) values (note.what) returning id $$;
    create function total_stock() returns bigint language plpgsql as
      $$ begin return (select count(*) from audit_log); end $$;
    create view noted_stock as select note('looked') as entry, total_stock() as stock;
    create role clerk login password 'x'`);
  await cluster.waitForReplay();
});

afterAll(async () => {
  await admin?.end();
  await cluster?.stop();
});

const both = () => ({
  DATABASE_URL: cluster.writer.url,
  DATABASE_READER_URL: cluster.reader.url,
});

function explain(args: readonly string[], environment: object = {}): Promise<Ended> {
  return runCli(["explain", ...args], environment);
}

async function piped(text: string, args: readonly string[]): Promise<Ended> {
  const { child, ended } = startCli(["explain", ...args]);
  child.stdin?.end(text);
  return ended;
}

describe("with a database", () => {
  test("tells what it knows of functions", async () => {
    expect(await explain(["select total_stock(), lower(what) from audit_log"], both())).toEqual({
      status: 0,
      stderr: "",
      stdout: `select total_stock(), lower(what) from audit_log
├─ statement   SELECT
├─ effect      read
├─ functions   total_stock  only reads
│              lower        PostgreSQL's own, and harmless
├─ reads       audit_log
├─ database    ✓ function public.total_stock only reads
└─ reader      plain-read
               It only reads, and every function in it is known to be harmless.
`,
    });
  });

  test("tells what a view leads to, with one server too", async () => {
    const { DATABASE_URL } = both();
    const { status, stdout } = await explain(["select * from noted_stock"], { DATABASE_URL });
    expect(status).toBe(0);
    expect(stdout).toContain(`
├─ reads       noted_stock
├─ database    ✗ relation public.noted_stock calls public.note, which runs
│                INSERT on audit_log
└─ writer      writing-object
`);
  });

  test("tells programs what pool.explain() tells", async () => {
    const { status, stdout } = await explain(["--json", "select note('a')"], both());
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      knownFrom: "database",
      target: "writer",
      reason: "writing-function",
      because: "It calls a function that changes the database.",
      effect: "write",
      commands: ["SELECT"],
      tables: { reads: [], writes: [] },
      functions: [{ name: "note", knowledge: "writes" }],
      causes: [
        {
          kind: "function",
          name: "public.note",
          because: "runs INSERT on audit_log",
          decides: true,
        },
      ],
    });
  });

  test("runs nothing", async () => {
    await explain(["insert into audit_log (what) values ('explained')"], both());
    const { rows } = await admin.query("select 1 from audit_log where what = 'explained'");
    expect(rows).toEqual([]);
  });

  test("opens no socket where the application has its own", async () => {
    // A path too long for one would be told at once.
    const DATABASE_STATS_SOCKET = `/${"x".repeat(200)}`;
    for (const more of [[], ["--offline"]]) {
      const environment = { ...both(), DATABASE_STATS_SOCKET };
      const { status, stderr } = await explain([...more, "select 1"], environment);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
  });

  test("tells what a read-only application would not send", async () => {
    const { stdout } = await explain(["delete from audit_log"], {
      ...both(),
      DATABASE_READ_ONLY: "1",
    });
    expect(stdout).toContain("└─ nowhere     READ_ONLY_MODE\n");
  });
});

describe("without a database", () => {
  const byText = "By the text alone, since";

  test("the text alone counts, and that is said", async () => {
    const { status, stdout, stderr } = await explain(["select total_stock()"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("├─ functions   total_stock  not known: may do anything\n");
    expect(stdout).toContain("└─ writer      unknown-function\n");
    expect(stdout).toContain(`\n${byText} DATABASE_URL is not set:`);
  });

  test("none is asked that is not to be asked", async () => {
    for (const [args, environment] of [
      [["--offline"], both()],
      [[], { ...both(), DATABASE_CATALOG: "0" }],
    ] as const) {
      const { status, stdout } = await explain([...args, "select total_stock()"], environment);
      expect(status).toBe(0);
      expect(stdout).toContain("└─ writer      unknown-function\n");
      expect(stdout).toContain(byText);
    }
  });

  test("one that cannot be reached is told, by the exit status too, and no secret is", async () => {
    const { status, stdout, stderr } = await explain(["--json", "select total_stock()"], {
      DATABASE_URL: "postgres://app:s3cr3t-word@127.0.0.1:1/app",
    });
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /^pointsman: The writer 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED .* What follows is by the text alone\.\n$/,
    );
    expect(JSON.parse(stdout)).toMatchObject({ knownFrom: "text", reason: "unknown-function" });
    expect(stdout + stderr).not.toContain("s3cr3t-word");
  });

  test("a reader that cannot be reached is told", async () => {
    const { status, stderr } = await explain(["select 1"], {
      ...both(),
      DATABASE_READER_URL: "postgres://app@127.0.0.1:1/app",
    });
    expect(status).toBe(3);
    expect(stderr).toContain("The reader 127.0.0.1:1 cannot be reached");
  });

  test("one whose catalogs cannot be read is told", async () => {
    const name = "closed";
    await admin.query(`create database ${name}`);
    const url = urlOf(cluster.writer.url, undefined, name);
    const owner = await connected(url);
    await owner.query("revoke select on pg_catalog.pg_proc from public");
    await owner.end();
    const { status, stderr } = await explain(["select 1"], {
      DATABASE_URL: urlOf(cluster.writer.url, "clerk", name),
    });
    expect(status).toBe(3);
    expect(stderr).toContain("its system catalogs could not be read");
  });

  test("options that make no sense are told", async () => {
    const { status, stderr } = await explain(["select 1"], { DATABASE_URL: "mysql://x" });
    expect(status).toBe(2);
    expect(stderr).toContain("DATABASE_URL");
  });
});

describe("standard input", () => {
  test.each([[[]], [["-"]]])("is the text: %j", async (args) => {
    const { status, stdout } = await piped("begin; delete from t;\ncommit\n", args);
    expect(status).toBe(0);
    expect(stdout).toContain("├─ statements  BEGIN, DELETE, COMMIT\n");
  });

  test("with nothing in it is a mistake", async () => {
    const { status, stdout, stderr } = await piped(" \n", []);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("There is no SQL");
  });
});

describe("--file", () => {
  const script = `-- What the shop asks.
select *
from audit_log;
/* pointsman:writer */ select ';';
select note('a')`;

  test("has a row for each statement, and a summary", async () => {
    const file = join(tmpdir(), `pointsman-explain-${process.pid}.sql`);
    await writeFile(file, script);
    const { status, stdout } = await explain(["--file", file], both());
    expect(status).toBe(0);
    expect(stdout).toBe(`line  goes to  reason            text
   2  reader   plain-read        select * from audit_log
   4  writer   hint              select ';'
   5  writer   writing-function  select note('a')

3 statements: reader 1 (33.3 %), writer 2 (66.7 %)
`);
  });

  test("is told to programs as one JSON object, and may be standard input", async () => {
    const { status, stdout } = await piped(script, ["--json", "--file", "-"]);
    expect(status).toBe(0);
    const { knownFrom, statements, summary } = JSON.parse(stdout);
    expect(knownFrom).toBe("text");
    expect(statements[0]).toMatchObject({
      text: "-- What the shop asks.\nselect *\nfrom audit_log",
      line: 2,
      target: "reader",
      reason: "plain-read",
    });
    expect(summary).toEqual({ reader: 1, writer: 2, nowhere: 0 });
  });

  test("is told to the end, however long it is", async () => {
    const { stdout } = await piped("select 'a statement';\n".repeat(3000), [
      "--json",
      "--file",
      "-",
    ]);
    expect(JSON.parse(stdout).summary).toEqual({ reader: 3000, writer: 0, nowhere: 0 });
  });

  test("tells which functions would be worth a word", async () => {
    const calls = ["dynamic()", "far.away(1)", "dynamic()", ...Array(5).keys()].map((one) =>
      typeof one === "number" ? `other_${one}()` : one,
    );
    const unknown = calls.map((call) => `select ${call};`).join("\n");
    const { stdout } = await piped(unknown, ["--file", "-"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      'Say so of those that only read: functions: { "dynamic": "read", "far.away": "read", "other_0": "read", "other_1": "read", "other_2": "read", … and 2 more }.',
    );
    const told = await piped(unknown, ["--json", "--file", "-"]);
    const { unknownFunctions } = JSON.parse(told.stdout);
    expect(unknownFunctions).toHaveLength(7);
    expect(unknownFunctions[0]).toEqual({ name: "dynamic", statements: 2, calls: 2 });
    const none = await piped("select lower('A'); insert into t select f()", [
      "--json",
      "--file",
      "-",
    ]);
    expect(JSON.parse(none.stdout).unknownFunctions).toEqual([]);
  });

  test("that is not there is told", async () => {
    const { status, stdout, stderr } = await explain(["--file", join(packageFolder, "no.sql")]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^pointsman: The file cannot be read: ENOENT/);
  });
});

describe("--top", () => {
  /** A database of its own whose statements are counted, and the load of an application in it. */
  async function busy(name: string): Promise<object> {
    await admin.query(`create database ${name}`);
    const url = urlOf(cluster.writer.url, undefined, name);
    const client = await connected(url);
    await client.query(
      "create extension pg_stat_statements; create table orders (id int, at date)",
    );
    await client.query(
      "create function total_for(id int) returns bigint language sql as 'select count(*) from orders where orders.id = total_for.id'",
    );
    await client.query("select pg_stat_statements_reset()");
    for (let id = 0; id < 60; id++) await client.query("select * from orders where id = $1", [id]);
    for (let id = 0; id < 20; id++) await client.query(`select total_for(${id})`);
    for (let id = 0; id < 19; id++) await client.query(`insert into orders values (${id})`);
    await client.end();
    return { DATABASE_URL: url };
  }

  test("tells what share of the load readers could serve", async () => {
    const { status, stdout, stderr } = await explain(["--top", "3"], await busy("top_a"));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const shares = stdout.replaceAll(/\d+\.\d %/g, "N %").replaceAll(/ +N/g, " N");
    // Beside the three: the reset, and the first of our own questions.
    expect(shares).toBe(` calls    time  goes to  reason       text
N % N %  reader   plain-read   select * from orders where id = $1
N % N %  reader   plain-read   select total_for($1)
N % N %  writer   data-change  insert into orders values ($1)

What would be served by
  readers N % of the calls N % of the time  (2 of 5 statements)
  writer N % of the calls N % of the time  (1 of 5 statements)
  unknown N % of the calls N % of the time  (2 of 5 statements)

A read inside a transaction that may write goes to the writer with it. The
statistics do not tell which were: readers would serve this much at most.
`);
  });

  test("is told to programs as one JSON object", async () => {
    const { status, stdout } = await explain(["--json", "--top"], await busy("top_b"));
    expect(status).toBe(0);
    const { statements, load, summary } = JSON.parse(stdout);
    expect(statements[0]).toMatchObject({
      text: "select * from orders where id = $1",
      calls: 60,
      target: "reader",
      reason: "plain-read",
    });
    // The reset is one of them, and ours have been counted since.
    expect(load.calls).toBeGreaterThanOrEqual(100);
    expect(summary.reader.calls).toBeGreaterThanOrEqual(80);
    expect(summary.writer.calls).toBeGreaterThanOrEqual(19);
    expect(summary.reader.ofCalls).toBeCloseTo(summary.reader.calls / load.calls);
    const milliseconds = statements.map((one: { milliseconds: number }) => one.milliseconds);
    expect(Math.min(...milliseconds)).toBeGreaterThan(0);
  });

  test("tells which functions would be worth a word, by their calls", async () => {
    const environment = (await busy("top_d")) as { readonly DATABASE_URL: string };
    const client = await connected(environment.DATABASE_URL);
    await client.query(
      "create function counted(t text) returns bigint language plpgsql as $$ declare n bigint; begin execute 'select count(*) from ' || t into n; return n; end $$",
    );
    for (let n = 0; n < 7; n++) await client.query(`select counted('orders')`);
    await client.end();
    const { stdout } = await explain(["--top"], environment);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain('functions: { "counted": "read"');
    const told = await explain(["--json", "--top"], environment);
    const { unknownFunctions } = JSON.parse(told.stdout);
    expect(unknownFunctions[0]).toEqual({ name: "counted", statements: 1, calls: 7 });
  });

  test("tells of statements that are not shown", async () => {
    await busy("top_c");
    const { status, stdout } = await explain(["--top"], {
      DATABASE_URL: urlOf(cluster.writer.url, "clerk", "top_c"),
    });
    expect(status).toBe(0);
    expect(stdout).toContain("(not shown to this user, or lost)");
    expect(stdout).toContain("pg_read_all_stats");
  });

  test.each<[what: string, setup: string, remedy: string]>([
    ["is missing", "select", "CREATE EXTENSION pg_stat_statements"],
    [
      "is old",
      "create extension pg_stat_statements version '1.7'",
      "ALTER EXTENSION pg_stat_statements UPDATE",
    ],
  ])("tells what to do when the extension %s", async (what, setup, remedy) => {
    const name = what.replace(" ", "_");
    await admin.query(`create database ${name}`);
    const url = urlOf(cluster.writer.url, undefined, name);
    const client = await connected(url);
    await client.query(setup);
    await client.end();
    const { status, stdout, stderr } = await explain(["--top"], { DATABASE_URL: url });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(remedy);
  });

  test("tells what to do when the library is not loaded", async () => {
    const plain = await startCluster({ readers: 0 });
    try {
      const client = await connected(plain.writer.url);
      await client.query("create extension pg_stat_statements");
      await client.end();
      const { status, stderr } = await explain(["--top"], { DATABASE_URL: plain.writer.url });
      expect(status).toBe(1);
      expect(stderr).toContain("add it to shared_preload_libraries");
    } finally {
      await plain.stop();
    }
  });

  test("needs a database that can be reached", async () => {
    const none = await explain(["--top"]);
    expect(none.status).toBe(2);
    expect(none.stderr).toContain("set DATABASE_URL");
    const lost = await explain(["--top"], {
      DATABASE_URL: "postgres://app:s3cr3t-word@127.0.0.1:1/app",
    });
    expect({ status: lost.status, stdout: lost.stdout }).toEqual({ status: 1, stdout: "" });
    expect(lost.stderr).toContain("The writer 127.0.0.1:1 cannot be reached: connect ECONNREFUSED");
  });
});
