import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { Logger, type Runner, run, runMigrations, type TaskList } from "graphile-worker";
import { createPool, type Pool } from "pointsman";
import { beforeAll, expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { here } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";
import { showingUses } from "./support/library.ts";
import { openShop } from "./support/shop.ts";

const shop = openShop();
const shows = showingUses({
  name: "graphile-worker",
  packageName: "graphile-worker",
  through: "createPool()",
});

const logger = new Logger(() => () => {});

function open(): { pool: Pool; application_name: string } {
  const application_name = randomUUID();
  const pool = createPool({ ...shop.options(), application_name });
  onTestFinished(async () => {
    if (!pool.ended) await pool.end();
  });
  return { pool, application_name };
}

/** A worker that listens. Polls come too late for these tests: it hears of jobs, or has none. */
async function work(pool: Pool, taskList: TaskList): Promise<Runner> {
  const events = new EventEmitter();
  const runner = await run({
    pgPool: pool,
    taskList,
    logger,
    events,
    noHandleSignals: true,
    pollInterval: 600_000,
  });
  onTestFinished(() => runner.stop().catch(() => {}));
  await listening(pool.options["application_name"]);
  return runner;
}

/** Waits until a connection to the writer listens. */
async function listening(application_name: unknown): Promise<void> {
  const admin = await shop.connect();
  await until("it listens", async () => {
    const { rowCount } = await admin.query(
      "select from pg_stat_activity where application_name = $1 and query like 'LISTEN%' and state = 'idle'",
      [application_name],
    );
    return rowCount === 1;
  });
}

/** What another process does before it queues a job. */
async function writeAndQueue(task: string): Promise<string> {
  const name = randomUUID();
  const elsewhere = await shop.connect();
  await elsewhere.query("insert into authors (name) values ($1)", [name]);
  await elsewhere.query("select graphile_worker.add_job($1, json_build_object('name', $2::text))", [
    task,
    name,
  ]);
  return name;
}

beforeAll(async () => {
  const pool = createPool(shop.options());
  await runMigrations({ pgPool: pool, logger });
  await pool.end();
});

shows("Jobs", "does each job once, however many work, and hears of it by LISTEN", async () => {
  const [first, second] = [open(), open()];
  const task = randomUUID();
  const done: unknown[] = [];
  const taskList: TaskList = { [task]: async (payload) => void done.push(payload) };
  const { ran } = await shop.watch(async () => {
    const [runner] = await Promise.all([work(first.pool, taskList), work(second.pool, taskList)]);
    await Promise.all(Array.from({ length: 20 }, (_, n) => runner.addJob(task, { n: n + 1 })));
    await until("all are done", () => done.length >= 20);
  });
  const all = Array.from({ length: 20 }, (_, n) => ({ n: n + 1 }));
  expect(done).toHaveLength(20);
  expect(done).toEqual(expect.arrayContaining(all));
  const notForReaders = /insert|update|delete|add_job|listen/i;
  expect(ran.writer.some((text) => /skip locked/i.test(text))).toBe(true);
  expect(ran.readers.filter((text) => notForReaders.test(text))).toEqual([]);
});

shows("Migrations", "migrates no second time what another has just migrated", async () => {
  const schema = `worker_${randomUUID().replaceAll("-", "")}`;
  const migrate = () => shop.watch(() => runMigrations({ pgPool: open().pool, logger, schema }));
  const [first, second] = [await migrate(), await migrate()];
  const migrations = (texts: string[]) => texts.filter((text) => /^insert .*migrations/.test(text));
  expect(migrations(first.ran.writer).length).toBeGreaterThan(10);
  expect(migrations(second.ran.writer)).toEqual([]);
  expect(second.ran.readers).toEqual([]);
});

shows("Reads of tasks", "have what another process wrote before it queued the job", async () => {
  const { pool } = open();
  const task = randomUUID();
  const found: unknown[] = [];
  await work(pool, {
    [task]: async (payload, { query }) => {
      const { name } = payload as { name: string };
      const text = "select name from authors where name = $1";
      for (const { rows } of [await pool.query(text, [name]), await query(text, [name])]) {
        found.push(rows[0]?.["name"]);
      }
    },
  });
  for (let turn = 1; turn <= 3; turn++) {
    const name = await writeAndQueue(task);
    await until("the job is done", () => found.length === 2 * turn);
    expect(found.slice(-2)).toEqual([name, name]);
  }
});

shows("Reads of tasks", "run on readers once they have caught up", async () => {
  const { pool } = open();
  const task = randomUUID();
  const servers: unknown[] = [];
  await work(pool, {
    [task]: async (_, { query }) => {
      await shop.cluster.waitForReplay();
      const { rows } = await query(`select ${here} as server from authors limit 1`);
      servers.push(rows[0]?.["server"]);
    },
  });
  await writeAndQueue(task);
  await until("the job is done", () => servers.length === 1);
  expect(servers[0]).toMatch(/^reader/);
});

shows(
  "Lost connections",
  "listens again when the writer has cut all of its connections",
  async () => {
    const { pool, application_name } = open();
    const task = randomUUID();
    const done: unknown[] = [];
    await work(pool, { [task]: async () => void done.push(1) });
    await writeAndQueue(task);
    await until("the first job is done", () => done.length === 1);
    const { rowCount } = await (await shop.connect()).query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
      [application_name],
    );
    expect(rowCount).toBeGreaterThan(0);
    await listening(application_name);
    await writeAndQueue(task);
    await until("the second job is done", () => done.length === 2);
  },
);

shows("Shutdown", "lets the job under way end, and leaves nothing", async () => {
  const { pool, application_name } = open();
  const task = randomUUID();
  const steps: string[] = [];
  const runner = await work(pool, {
    [task]: async (_, { query }) => {
      steps.push("begun");
      await query("select pg_sleep(0.3)");
      await query("insert into authors (name) values ($1)", [randomUUID()]);
      steps.push("ended");
    },
  });
  await writeAndQueue(task);
  await until("the job has begun", () => steps.length === 1);
  await runner.stop();
  await pool.end();
  expect(steps).toEqual(["begun", "ended"]);
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
