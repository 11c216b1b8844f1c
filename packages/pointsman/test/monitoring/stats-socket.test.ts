import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import type { Pool, PoolOptions } from "pointsman";
import { withOptions } from "pointsman/pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Snapshot } from "../../src/monitoring/snapshot.ts";
import { localCluster } from "../support/local-cluster.ts";
import { runProgramIn } from "../support/run-program.ts";
import { until } from "../support/until.ts";
import { warningsOf } from "../support/warnings.ts";

const local = localCluster({ readers: 1, schema: "create table books (id int, title text)" });
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stats-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const fileOf = (n: number): string => join(directory, `pointsman-${process.pid}-${n}.sock`);

/** A pool whose socket is there. */
async function watched(options: PoolOptions = {}): Promise<Pool> {
  const before = readdirSync(directory).length;
  const pool = local.pool({ statsSocket: directory, ...options });
  await until("the socket is there", () => readdirSync(directory).length > before);
  return pool;
}

/** Leaves a socket on which nobody listens any more, until the test is over. */
async function leftBehind(file: string): Promise<void> {
  const server = createServer().listen(`${file}.old`);
  await once(server, "listening");
  renameSync(`${file}.old`, file);
  server.close();
  onTestFinished(() => rmSync(file, { force: true }));
}

/** Two minutes ago, in seconds since 1970. */
const longAgo = (): number => Date.now() / 1000 - 120;

/** Makes a file two minutes old. */
function age(file: string): void {
  utimesSync(file, longAgo(), longAgo());
}

async function ask(file = fileOf(1)): Promise<Snapshot> {
  return JSON.parse(await text(createConnection(file)));
}

/** The environment of a program that is not to run as root: it may do anything. */
const asNobody = { ...process.env, ...(process.getuid?.() === 0 ? { AS_USER: "65534" } : {}) };

const sampleIn = ({ samples }: Snapshot, name: string, labels: object): number | undefined =>
  samples.find((one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels))
    ?.value;

describe("whoever connects is told", () => {
  test("the process, the pool, and for how long it has been there", async () => {
    await watched();
    const told = await ask();
    expect(told).toMatchObject({ version: 1, pid: process.pid });
    const { host, port } = new URL(local.cluster.writer.url);
    expect(told.pool).toBe(`${host}/${local.cluster.database}`);
    expect(port).not.toBe("");
    expect(Math.abs(told.at - Date.now())).toBeLessThan(5000);
    expect(told.uptimeMs).toBeGreaterThanOrEqual(0);
    expect(told.uptimeMs).toBeLessThan(30_000);
  });

  test("counters, histograms and what the pool keeps, by their names in Prometheus", async () => {
    const pool = await watched({ consistency: "eventual" });
    await pool.query("insert into books values (1, 'A')");
    await pool.query("select * from books where id = $1", [1]);
    await pool.query("select * from nowhere").catch(() => {});
    const told = await ask();
    const endpoint = new URL(local.cluster.reader.url).host;
    const statements = { role: "reader", reason: "plain-read", endpoint };
    expect(sampleIn(told, "pointsman_statements_total", statements)).toBe(1);
    const failed = { role: "writer", operation: "SELECT", error: "42P01" };
    expect(sampleIn(told, "pointsman_statement_duration_seconds_count", failed)).toBe(1);
    expect(sampleIn(told, "pointsman_connections_max", { role: "reader" })).toBe(10);
    expect(sampleIn(told, "pointsman_reader_available", { endpoint })).toBe(1);
  });

  test("the slowest texts, without what is spelled in them", async () => {
    const pool = await watched();
    await pool.query("select pg_sleep(0.02), 'my secret'");
    await pool.query("select $1::text", ["another secret"]);
    const told = await ask();
    expect(told.slowest[0]).toMatchObject({
      text: "select pg_sleep(?), ?",
      role: "reader",
      reason: "plain-read",
      count: 1,
    });
    expect(told.slowest[0]?.totalMs).toBeGreaterThan(19);
    expect(JSON.stringify(told)).not.toContain("secret");
  });

  test.each([1, 5, 50])("the same when %s ask at once", async (count) => {
    await watched();
    const told = await Promise.all(Array.from({ length: count }, () => ask()));
    expect(told.every(({ pid }) => pid === process.pid)).toBe(true);
  });
});

describe("its file", () => {
  test("is for the user of the process alone", async () => {
    await watched();
    expect(statSync(fileOf(1)).mode & 0o777).toBe(0o600);
  });

  test("is gone when the pool has ended, and not before", async () => {
    const pool = await watched();
    await pool.query("select 1");
    expect(existsSync(fileOf(1))).toBe(true);
    await pool.end();
    expect(readdirSync(directory)).toEqual([]);
  });

  test("is never there where a pool ends before it could be made", async () => {
    await local.pool({ statsSocket: directory }).end();
    const later = await watched();
    expect(readdirSync(directory)).toHaveLength(1);
    await later.end();
  });

  test.runIf(process.platform === "linux")("was nobody else's before it was that", async () => {
    await watched();
    const bound = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => line.includes(directory))
      .map((line) => line.slice(line.indexOf(directory) + directory.length));
    expect(bound).toHaveLength(1);
    expect(bound[0]).toMatch(/^\/\.stats-\w{6}\/s$/);
    expect(readdirSync(directory)).toEqual([basename(fileOf(1))]);
  });

  test("stands beside one of the same name, in case somebody is about to listen there", async () => {
    await leftBehind(fileOf(1));
    local.pool({ statsSocket: directory });
    await until("it answers", () => ask(fileOf(2)).then(Boolean, () => false));
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test("has what a dead process has left removed when that is older than a minute", async () => {
    const dead = await runProgramIn(
      { ...process.env, DATABASE_STATS_SOCKET: directory },
      "with-stats-socket",
      ...["with readers", local.cluster.writer.url, local.cluster.reader.url, "killed"],
    );
    expect(dead.status).toBeNull();
    const [left = ""] = readdirSync(directory);
    renameSync(join(directory, left), fileOf(1));
    mkdirSync(join(directory, ".stats-a1B2c3"));
    for (const name of readdirSync(directory)) age(join(directory, name));
    local.pool({ statsSocket: directory });
    await until("it answers", () => ask(fileOf(2)).then(Boolean, () => false));
    await until("it is alone", () => readdirSync(directory).length === 1);
  });

  test("of each pool has a number of its own", async () => {
    local.pool({ statsSocket: directory });
    local.pool({ statsSocket: directory });
    local.pool({ statsSocket: directory });
    await until("all are there", () => readdirSync(directory).length === 3);
    const told = await Promise.all([1, 2, 3].map((n) => ask(fileOf(n))));
    expect(told.map(({ version }) => version)).toEqual([1, 1, 1]);
  });

  test.each(["exit", "idle"])("is gone when the process ends by itself: %s", async (how) => {
    const ended = await runProgramIn(
      { ...process.env, DATABASE_STATS_SOCKET: directory },
      "with-stats-socket",
      ...["with readers", local.cluster.writer.url, local.cluster.reader.url, how],
    );
    expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("there is one for", () => {
  test("a read-only pool, which is named after its reader", async () => {
    const pool = await watched({ readOnly: true });
    await pool.query("select 1");
    const told = await ask();
    expect(told.pool).toContain(new URL(local.cluster.reader.url).host);
    expect(sampleIn(told, "pointsman_connections_max", { role: "writer" })).toBe(0);
  });

  test("one server", async () => {
    const pool = await watched({ reader: undefined });
    await pool.query("select 1");
    expect((await ask()).slowest[0]?.text).toBe("select ?");
  });

  test("a pool in shadow mode", async () => {
    const pool = await watched({ shadow: true });
    await pool.query("select 1");
    expect((await ask()).slowest).toHaveLength(1);
  });

  test("a pool of pointsman/pg, and the one that its Clients share", async () => {
    const { Client } = withOptions({
      writer: local.cluster.writer.url,
      reader: local.cluster.reader.url,
      statsSocket: directory,
    });
    const client = new Client();
    onTestFinished(() => client.end());
    await client.connect();
    await client.query("select 2");
    expect((await ask()).slowest.map(({ text }) => text)).toContain("select ?");
  });
});

test("there is none where nobody has asked for one", async () => {
  const pool = local.pool();
  await pool.query("select 1");
  const empty = local.pool({ statsSocket: "" });
  await empty.query("select 1");
  expect(readdirSync(directory)).toEqual([]);
});

describe("what others have left in its directory", () => {
  test("does not end it where links lead in a circle", async () => {
    const loop = join(directory, "pointsman-1-1.sock");
    symlinkSync(loop, loop);
    onTestFinished(() => rmSync(loop, { force: true }));
    lutimesSync(loop, longAgo(), longAgo());
    const codes = await warningsOf(async () => {
      const pool = await watched();
      await pool.query("select 1");
      expect((await ask()).pid).toBe(process.pid);
    });
    expect(codes).toEqual([]);
  });

  test("does not end it where this user may not remove it", async () => {
    const shared = await mkdtemp(join(tmpdir(), "shared-"));
    const left = join(shared, ".stats-a1B2c3");
    mkdirSync(left);
    writeFileSync(join(left, "s"), "");
    age(left);
    chmodSync(left, 0o500);
    // As /tmp is: whoever owns a file there may remove it, and nobody else.
    chmodSync(shared, 0o1777);
    onTestFinished(() => {
      chmodSync(left, 0o700);
      rmSync(shared, { recursive: true });
    });
    const ended = await runProgramIn(
      { ...asNobody, DATABASE_STATS_SOCKET: shared },
      "with-stats-socket",
      ...["with readers", local.cluster.writer.url, local.cluster.reader.url, "answered"],
    );
    expect(ended).toEqual({ status: 0, stdout: "told by itself", stderr: "" });
    expect(readdirSync(shared)).toEqual([basename(left)]);
  });

  test("is not removed where it is a link, nor is what that leads to", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    onTestFinished(() => rmSync(elsewhere, { recursive: true }));
    writeFileSync(join(elsewhere, "s"), "");
    const dead = join(elsewhere, "dead");
    await leftBehind(dead);
    for (const old of [dead, elsewhere]) age(old);
    const links = [
      [elsewhere, join(directory, ".stats-a1B2c3")],
      [dead, join(directory, "pointsman-1-1.sock")],
    ] as const;
    for (const [target, link] of links) {
      symlinkSync(target, link);
      onTestFinished(() => rmSync(link, { force: true }));
      lutimesSync(link, longAgo(), longAgo());
    }
    const stale = join(directory, "pointsman-2-1.sock");
    await leftBehind(stale);
    age(stale);
    const pool = local.pool({ statsSocket: directory });
    await until("it has looked", () => !existsSync(stale));
    await pool.query("select 1");
    for (const [, link] of links) expect(existsSync(link)).toBe(true);
    expect(readdirSync(elsewhere).sort()).toEqual(["dead", "s"]);
  });
});

describe("where it cannot be made the pool works, and a warning says what to do:", () => {
  test.each([
    ["there is no directory", "nowhere"],
    ["is no directory", "file"],
    ["is too long", "x".repeat(90)],
    ["too many symbolic links", "loop"],
  ])("%s", async (problem, name) => {
    const path = join(directory, name);
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    if (name === "file") writeFileSync(path, "");
    if (name === "loop") symlinkSync(path, path);
    if (problem === "is too long") mkdirSync(path);
    const warning = new Promise<Error & { code?: string }>((resolve) => {
      process.once("warning", resolve);
    });
    const pool = local.pool({ statsSocket: path });
    const told = await warning;
    expect(told.code).toBe("POINTSMAN_STATS_SOCKET_FAILED");
    expect(told.message).toContain(problem);
    expect(told.message).toContain("DATABASE_STATS_SOCKET");
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });

  test("this user may not go where it is", async () => {
    const closed = await mkdtemp(join(tmpdir(), "closed-"));
    const path = join(closed, "inside");
    mkdirSync(path);
    chmodSync(closed, 0o000);
    onTestFinished(() => {
      chmodSync(closed, 0o700);
      rmSync(closed, { recursive: true });
    });
    const ended = await runProgramIn(
      { ...asNobody, DATABASE_STATS_SOCKET: path },
      "with-stats-socket",
      ...["with readers", local.cluster.writer.url, local.cluster.reader.url, "idle"],
    );
    expect(ended).toMatchObject({ status: 0, stdout: "" });
    expect(ended.stderr).toContain("POINTSMAN_STATS_SOCKET_FAILED");
    expect(ended.stderr).toContain(`this process may not make a file in ${path} (EACCES)`);
  });
});
