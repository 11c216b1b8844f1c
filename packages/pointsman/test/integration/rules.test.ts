import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Client, type Notification, type PoolClient } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { classify, outsideTransaction, type Pool, withWriter } from "pointsman";
import { build } from "tsdown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  schema: `
    create table books (id int primary key, title text);
    insert into books values (1, 'Dune');
    create table log (line text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets') as ticket;
    create view broken_ticket as select 1 / (nextval('tickets') * 0) as ticket;
    create function guess() returns text language sql as 'select current_setting(''cluster_name'')';
    create procedure commit_and_refuse() language plpgsql as $$
      begin
        insert into log values ('committed');
        commit;
        raise exception using errcode = '25006';
      end $$;
    create schema alpha;
    create table alpha.which as select 'alpha' as name;
    create table which as select 'public' as name;
    create role clerk;
    grant all on books, log to clerk;`,
});

const server = `select ${here} as server`;

/** The server that ran it. */
async function whereRan(
  connection: Pick<Pool, "query">,
  text: string = server,
  hints: { target?: "writer" | "reader" } = {},
): Promise<string> {
  const { rows } = await connection.query<{ server: string }>({ text, ...hints });
  return rows[0]?.server ?? "nowhere";
}

/** Closes a cursor with a callback, which its types do not know of. */
function closing(cursor: object, callback: () => void): void {
  (cursor as { close(callback: () => void): void }).close(callback);
}

async function linesOfLog(line: string): Promise<number> {
  const client = await local.connect();
  const { rows } = await client.query("select from log where line = $1", [line]);
  return rows.length;
}

describe("R1: precedence", () => {
  const hinted = (target: string) => `/* pointsman:${target} */ ${server}`;

  it("R1: an open transaction beats a target and a hint to the reader", async () => {
    const pool = local.pool();
    const places = await pool.transaction(async () => [
      await whereRan(pool, hinted("reader"), { target: "reader" }),
    ]);
    expect(places).toEqual(["writer"]);
  });

  it("R1: an open READ ONLY transaction beats withWriter, a target and a hint", async () => {
    const client = await local.pool().connect();
    await client.query("begin read only");
    const place = await withWriter(() => whereRan(client, hinted("writer"), { target: "writer" }));
    await client.query("commit");
    client.release();
    expect(place).toBe("reader1");
  });

  it.each([
    ["a write", "insert into books values (100, '') on conflict do nothing"],
    ["a row lock", "select * from books for update"],
    ["nextval", "select nextval('tickets')"],
    ["an advisory lock", "select pg_advisory_xact_lock(1)"],
    ["a function that nobody knows", "select guess()"],
  ])("R1: %s goes to the writer whatever is asked", async (_name, sql) => {
    const mark = newMark();
    const text = `/* pointsman:reader */ ${mark} ${sql}`;
    await local.pool().query({ text, target: "reader" });
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("R1: withWriter beats a target to the reader", async () => {
    const pool = local.pool();
    const place = await withWriter(() => whereRan(pool, server, { target: "reader" }));
    expect(place).toBe("writer");
  });

  it("R1: withWriter beats a hint to the reader", async () => {
    const pool = local.pool();
    expect(await withWriter(() => whereRan(pool, hinted("reader")))).toBe("writer");
  });

  it("R1: of a target and a hint that disagree the writer's wins", async () => {
    const pool = local.pool();
    const places = [
      await whereRan(pool, hinted("reader"), { target: "writer" }),
      await whereRan(pool, hinted("writer"), { target: "reader" }),
    ];
    expect(places).toEqual(["writer", "writer"]);
  });

  it("R1: a target to the writer is obeyed", async () => {
    expect(await whereRan(local.pool(), server, { target: "writer" })).toBe("writer");
  });

  it.each([
    ["a block comment", `/* pointsman:writer */ ${server}`],
    ["a line comment", `-- pointsman:writer\n${server}`],
    ["a comment behind another one", `/* trace: 7 */ /*pointsman:writer*/ ${server}`],
  ])("R1: a hint to the writer is obeyed as %s", async (_name, text) => {
    expect(await whereRan(local.pool(), text)).toBe("writer");
  });

  it.each([
    ["has more in its comment", `/* pointsman:writer please */ ${server}`],
    ["stands behind the first word", `select /* pointsman:writer */ ${here} as server`],
    ["stands at the end", `${server} /* pointsman:writer */`],
    ["stands in a string", `select ${here} as server, '/* pointsman:writer */' as text`],
    ["stands in a comment of a comment", `/* /* pointsman:writer */ */ ${server}`],
  ])("R1: a hint is none when it %s", async (_name, text) => {
    expect(await whereRan(local.pool(), text)).toBe("reader1");
  });

  it("R1: a look at one server's state goes to a reader when that is asked for", async () => {
    const text = `select ${here} as server from pg_stat_activity limit 1`;
    expect(await whereRan(local.pool(), text, { target: "reader" })).toBe("reader1");
  });
});

describe("R2: the ambient transaction", () => {
  it("R2: pool.query() joins the transaction around it and sees its rows", async () => {
    const pool = local.pool();
    const rows = await pool.transaction(async (tx) => {
      await tx.query("insert into log values ('joined')");
      return (await pool.query("select from log where line = 'joined'")).rows.length;
    });
    expect(rows).toBe(1);
  });

  it("R2: what pool.query() wrote is rolled back with the transaction", async () => {
    const pool = local.pool();
    await rejection(
      pool.transaction(async () => {
        await pool.query("insert into log values ('rolled back')");
        throw new Error("no");
      }),
    );
    expect(await linesOfLog("rolled back")).toBe(0);
  });

  it("R2: functions that know nothing of the transaction join it", async () => {
    const pool = local.pool();
    const repository = { add: (line: string) => pool.query("insert into log values ($1)", [line]) };
    const service = async () => {
      await Promise.resolve();
      await repository.add("deep down");
    };
    await rejection(
      pool.transaction(async () => {
        await service();
        throw new Error("no");
      }),
    );
    expect(await linesOfLog("deep down")).toBe(0);
  });

  it("R2: the callback's form of pool.query() joins too", async () => {
    const pool = local.pool();
    const place = await pool.transaction(
      () =>
        new Promise((resolve, reject) => {
          pool.query(server, (error, result) => {
            if (error) reject(error);
            else resolve(result.rows[0].server);
          });
        }),
    );
    expect(place).toBe("writer");
  });

  it("R2: a stream through the pool joins too", async () => {
    const pool = local.pool();
    const lines = await pool.transaction(async () => {
      await pool.query("insert into log values ('streamed')");
      const stream = new QueryStream("select line from log where line = 'streamed'");
      pool.query(stream);
      return (await stream.toArray()).length;
    });
    expect(lines).toBe(1);
  });

  it("R2: with max: 1 it does not deadlock", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 5000 });
    const place = await pool.transaction(async () => {
      await pool.query("select 1");
      return pool.transaction(() => whereRan(pool));
    });
    expect(place).toBe("writer");
  });

  it("R2: with max: 1 and one server it does not deadlock", async () => {
    const pool = local.pool({ reader: undefined, max: 1, connectionTimeoutMillis: 5000 });
    const place = await pool.transaction(() => pool.transaction(() => whereRan(pool)));
    expect(place).toBe("writer");
  });

  it("R2: what runs outsideTransaction() stays when the transaction is rolled back", async () => {
    const pool = local.pool();
    await rejection(
      pool.transaction(async () => {
        await outsideTransaction(() => pool.query("insert into log values ('outside')"));
        throw new Error("no");
      }),
    );
    expect(await linesOfLog("outside")).toBe(1);
  });

  it("R2: a read outsideTransaction() goes to a reader", async () => {
    const pool = local.pool();
    const place = await pool.transaction(() => outsideTransaction(() => whereRan(pool)));
    expect(place).toBe("reader1");
  });

  it("R2: nested transactions side by side are each kept or undone as a whole", async () => {
    const pool = local.pool();
    const add = (name: string, fails: boolean) =>
      pool.transaction(async () => {
        await pool.query("insert into log values ($1)", [`side ${name} 1`]);
        await pool.query("insert into log values ($1)", [`side ${name} 2`]);
        if (fails) throw new Error(name);
      });
    await pool.transaction(() =>
      Promise.allSettled([add("a", false), add("b", true), add("c", false), add("d", true)]),
    );
    const { rows } = await (await local.connect()).query(
      "select line from log where line like 'side %' order by line",
    );
    expect(rows.map(({ line }) => line)).toEqual(["side a 1", "side a 2", "side c 1", "side c 2"]);
  });

  it("R2: a statement of the outer level beside a nested transaction is not lost with it", async () => {
    const pool = local.pool();
    await pool.transaction(() =>
      Promise.allSettled([
        pool.transaction(async () => {
          await pool.query("insert into log values ('inner')");
          throw new Error("no");
        }),
        pool.query("insert into log values ('beside')"),
      ]),
    );
    expect([await linesOfLog("inner"), await linesOfLog("beside")]).toEqual([0, 1]);
  });

  it("R2: code that outlives the transaction is outside of it", async () => {
    const pool = local.pool();
    let later: () => Promise<string> = () => Promise.reject(new Error("never set"));
    await pool.transaction(async () => {
      later = AsyncResource.bind(() => whereRan(pool));
    });
    expect(await later()).toBe("reader1");
  });

  it("R2: the next statement behind the transaction is outside of it", async () => {
    const pool = local.pool();
    await pool.transaction(() => pool.query("select 1"));
    expect(await whereRan(pool)).toBe("reader1");
  });

  it("R2: another pool does not join", async () => {
    const pool = local.pool();
    const other = local.pool();
    expect(await pool.transaction(() => whereRan(other))).toBe("reader1");
  });

  it("R2: a pool joins its own transaction through another pool's", async () => {
    const pool = local.pool();
    const other = local.pool();
    const place = await pool.transaction(() => other.transaction(() => whereRan(pool)));
    expect(place).toBe("writer");
  });
});

describe("R3: one scope storage", () => {
  let folder: string;
  let file: string;
  let copy: typeof import("pointsman");

  beforeAll(async () => {
    const root = join(import.meta.dirname, "../..");
    // Inside the package, so that `pg` is found from there.
    const modules = join(root, "node_modules");
    await mkdir(modules, { recursive: true });
    folder = await mkdtemp(join(modules, ".second-copy-"));
    await build({
      cwd: root,
      config: false,
      entry: ["src/index.ts"],
      format: "cjs",
      platform: "node",
      dts: false,
      outDir: folder,
      logLevel: "silent",
    });
    file = join(folder, "index.cjs");
    copy = createRequire(import.meta.url)(file);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("R3: a CommonJS copy of the library is another copy", () => {
    expect(copy.withWriter).not.toBe(withWriter);
  });

  it("R3: withWriter of one copy holds for the pools of another", async () => {
    const pool = local.pool();
    expect(await copy.withWriter(() => whereRan(pool))).toBe("writer");
  });

  it("R3: a transaction of one copy is kept through a scope of another", async () => {
    const pool = local.pool();
    const place = await pool.transaction(() =>
      copy.withWriter(
        async () => (await pool.query("select now() = statement_timestamp()")).rowCount,
      ),
    );
    expect(place).toBe(1);
  });

  it("R3: a statement joins its transaction through one of another copy's pool", async () => {
    const pool = local.pool();
    const other = copy.createPool({
      writer: local.cluster.writer.url,
      reader: local.cluster.reader.url,
    });
    const place = await pool.transaction(() => other.transaction(() => whereRan(pool)));
    await other.end();
    expect(place).toBe("writer");
  });

  it("R3: outsideTransaction of one copy leads out of another's transaction", async () => {
    const pool = local.pool();
    const place = await pool.transaction(() => copy.outsideTransaction(() => whereRan(pool)));
    expect(place).toBe("reader1");
  });

  it("R4: classify works synchronously from the first call in a process", () => {
    const program = `process.stdout.write(String(require(${JSON.stringify(file)}).classify("select 1").reader))`;
    expect(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" })).toBe("true");
  });

  it("R3: the scope is read at the call, not when the statement is sent", async () => {
    const pool = local.pool({ max: 1 });
    const ahead = pool.query("select pg_sleep(0.05)");
    const asked = withWriter(() => whereRan(pool));
    const after = whereRan(pool);
    expect([await asked, await after]).toEqual(["writer", "reader1"]);
    await ahead;
  });

  it("R3: the scope of a checked-out client's statement is read at the call", async () => {
    const client = await local.pool().connect();
    const ahead = client.query("select pg_sleep(0.05)");
    const places = await Promise.all([withWriter(() => whereRan(client)), whereRan(client)]);
    await ahead;
    client.release();
    expect(places[0]).toBe("writer");
  });

  describe("callbacks and events run in the context of their caller", () => {
    const request = new AsyncLocalStorage<string>();
    const waited = (use: (done: () => void) => void): Promise<string | undefined> =>
      new Promise((resolve) => {
        request.run("mine", () => use(() => resolve(request.getStore())));
      });
    /** Takes the only connection, in another request's context, and gives it back a little later. */
    const occupy = async (pool: Pool): Promise<void> => {
      const taken = await Promise.all([pool.writer.connect(), pool.reader.connect()]);
      request.run("another's", () => {
        setImmediate(() => {
          for (const client of taken) client.release();
        });
      });
    };

    it("R3: pool.query with a callback, after waiting for a connection", async () => {
      const pool = local.pool({ max: 1 });
      await occupy(pool);
      expect(await waited((done) => pool.query("select 1", done))).toBe("mine");
    });

    it("R3: pool.connect with a callback, after waiting for a place", async () => {
      const pool = local.pool({ max: 1 });
      const holder = await pool.connect();
      const answer = waited((done) =>
        pool.connect((_error, _client, release) => {
          release();
          done();
        }),
      );
      request.run("another's", () => holder.release());
      expect(await answer).toBe("mine");
    });

    it("R3: a checked-out client's callback, after waiting for a connection", async () => {
      const pool = local.pool({ max: 1 });
      await occupy(pool);
      const client = await pool.connect();
      const store = await waited((done) => client.query("select 1", done));
      client.release();
      expect(store).toBe("mine");
    });

    it("R3: what a cursor reads, after waiting for a connection", async () => {
      const pool = local.pool({ max: 1 });
      await occupy(pool);
      const client = await pool.connect();
      const store = await waited((done) => {
        const cursor = client.query(new Cursor("select 1"));
        cursor.read(1, () => {
          done();
          closing(cursor, () => client.release());
        });
      });
      expect(store).toBe("mine");
    });

    it("R3: the close of a cursor", async () => {
      const pool = local.pool({ max: 1 });
      await occupy(pool);
      const client = await pool.connect();
      const store = await waited((done) => {
        const cursor = client.query(new Cursor("select 1"));
        cursor.read(1, () => {
          closing(cursor, () => {
            done();
            client.release();
          });
        });
      });
      expect(store).toBe("mine");
    });

    it("R3: a stream's events, after waiting for a connection", async () => {
      const pool = local.pool({ max: 1 });
      await occupy(pool);
      const store = await waited((done) => {
        const stream = new QueryStream("select 1");
        stream.once("data", done);
        pool.query(stream);
      });
      expect(store).toBe("mine");
    });

    it("R3: the scope that a transaction opened reaches a callback inside it", async () => {
      const pool = local.pool();
      const place = await pool.transaction(
        () =>
          new Promise<string>((resolve, reject) => {
            pool.query("select 1", () => whereRan(pool).then(resolve, reject));
          }),
      );
      expect(place).toBe("writer");
    });
  });
});

describe("R4: the parser", () => {
  it("R4: a text of 64 KB is parsed, and one byte more is not", () => {
    const filled = (bytes: number) => `select '${"x".repeat(bytes - 9)}'`;
    expect([classify(filled(65_536)).verdict, classify(filled(65_537)).verdict]).toEqual([
      "plain-read",
      "too-long",
    ]);
  });

  it("R4: the limit is in bytes, not in characters", () => {
    expect(classify(`select '${"é".repeat(40_000)}'`).verdict).toBe("too-long");
  });

  it("R4: a text that is too long goes to the writer with a reason of its own", async () => {
    const pool = local.pool();
    expect(await pool.explain(`select '${"x".repeat(70_000)}'`)).toMatchObject({
      target: "writer",
      reason: "too-long",
    });
  });

  it.each([
    ["rows", "insert into t values ", "(1,'abc',2.5),", "(1,'',0)"],
    ["short rows", "insert into t values ", "(1,'x'),", "(1,'x')"],
    ["conditions", "select * from t where ", "a=1 or ", "a=1"],
    ["numbers", "select * from t where id in (", "12345,", "1)"],
    ["parameters", "insert into t values ", "($1,$2,$3),", "(1,2,3)"],
  ])("R4: a text of many %s does not block the loop for more than 50 ms", (_, start, unit, end) => {
    const times = [1, 2, 3].map((round) => {
      const text = `${start}${unit.repeat(Math.floor(65_000 / unit.length))}${end} -- ${round}`;
      const before = process.cpuUsage();
      classify(text);
      return process.cpuUsage(before).user / 1000;
    });
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it("R4: ten megabytes are judged at once", () => {
    const text = `insert into t values ${"(1),".repeat(2_500_000)}(1)`;
    const start = performance.now();
    classify(text);
    expect(performance.now() - start).toBeLessThan(50);
  });
});

describe("R5: answers that belong to one server", () => {
  it.each([
    "select setseed(0.5)",
    "select pg_stat_reset()",
    "select pg_stat_reset_shared('bgwriter')",
    "select pg_stat_reset_single_table_counters('books'::regclass)",
    "select * from pg_locks",
    "select * from pg_stat_activity",
    "select * from pg_stat_replication",
    "select * from pg_stat_wal_receiver",
    "select * from pg_prepared_xacts",
    "select * from pg_sequences",
    "select * from pg_replication_slots",
    "select * from pg_catalog.pg_settings",
    "show in_hot_standby",
    "show transaction_read_only",
    "show TRANSACTION_READ_ONLY",
    "select current_setting('in_hot_standby')",
    "select current_setting('transaction_read_only')",
    "select current_setting('in_hot' || '_standby')",
    "select current_setting(name) from (values ('in_hot_standby')) as s (name)",
    "select pg_is_in_recovery()",
    "select pg_catalog.pg_is_in_recovery()",
  ])("R5: the writer answers %s", async (sql) => {
    const mark = newMark();
    await local.pool().query(`${mark} ${sql}`);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it.each([
    "select pg_relation_size('books')",
    "select pg_table_size('books')",
    "select pg_indexes_size('books')",
    "select pg_database_size('app')",
    "select pg_column_size(title) from books",
    "select * from pg_stat_user_tables",
    "select * from pg_stats",
    "select current_setting('work_mem')",
    "show server_version",
  ])("R5: a reader may answer %s", async (sql) => {
    const mark = newMark();
    await local.pool().query(`${mark} ${sql}`);
    expect(local.reached(mark)).toEqual(["reader1"]);
  });
});

describe("R7: repeating", () => {
  it("R7: a refused read is repeated on the writer", async () => {
    const mark = newMark();
    const { rows } = await local
      .pool()
      .query(`${mark} select ticket::int > 0 as ok from next_ticket`);
    expect({ rows, runs: local.runs(mark) }).toEqual({
      rows: [{ ok: true }],
      runs: { reader1: 1, writer: 1 },
    });
  });

  it("R7: a refused text of several statements is not repeated", async () => {
    const mark = newMark();
    const error = await rejection(
      local.pool().query(`${mark} select ticket from next_ticket; select 1`),
    );
    expect({ code: error.code, runs: local.runs(mark) }).toEqual({
      code: "25006",
      runs: { reader1: 1 },
    });
  });

  it("R7: a statement refused inside a READ ONLY transaction is not repeated", async () => {
    const mark = newMark();
    const client = await local.pool().connect();
    await client.query("begin read only");
    const error = await rejection(client.query(`${mark} select ticket from next_ticket`));
    await client.query("rollback");
    client.release();
    expect({ code: error.code, runs: local.runs(mark) }).toEqual({
      code: "25006",
      runs: { reader1: 1 },
    });
  });

  it("R7: a procedure that committed and then raised 25006 is not run twice", async () => {
    const pool = local.pool();
    const error = await rejection(pool.query("call commit_and_refuse()"));
    expect({ code: error.code, rows: await linesOfLog("committed") }).toEqual({
      code: "25006",
      rows: 1,
    });
  });

  it("R7: a block that raises 25006 is not run twice", async () => {
    const mark = newMark();
    await rejection(
      local.pool().query(`${mark} do $$ begin raise exception using errcode = '25006'; end $$`),
    );
    expect(local.runs(mark)).toEqual({ writer: 1 });
  });

  it("R7: a text with COMMIT is not run twice", async () => {
    const mark = newMark();
    await rejection(
      local.pool().query(`${mark} begin; insert into log values ('twice'); commit; select 1/0`),
    );
    expect({ runs: local.runs(mark), rows: await linesOfLog("twice") }).toEqual({
      runs: { writer: 1 },
      rows: 1,
    });
  });

  it.each(["select guess()", "select pg_cancel_backend(0)", "select public.dblink('', '')"])(
    "R7: no reader ever sees %s",
    async (sql) => {
      const mark = newMark();
      await local
        .pool()
        .query({ text: `${mark} ${sql}`, target: "reader" })
        .catch(() => undefined);
      expect(local.reached(mark)).toEqual(["writer"]);
    },
  );

  it("R7: classify says of each that it may not be repeated", () => {
    const texts = [
      "call p()",
      "do 'begin end'",
      "select 1; select 2",
      "begin; select 1; commit",
      "vacuum",
      "create index concurrently on books (title)",
      "create database d",
      "select guess()",
      "select pg_cancel_backend(1)",
      "select dblink('', '')",
      "copy books from stdin",
      "copy (select 1) to '/tmp/x'",
    ];
    expect(texts.filter((text) => classify(text).repeatable)).toEqual([]);
  });
});

describe("P5: what was judged wrongly is put right", () => {
  it("P5: a refused text goes straight to the writer from then on", async () => {
    const mark = newMark();
    const pool = local.pool({ catalog: false });
    await pool.query(`${mark} select * from next_ticket`);
    await pool.query(`${mark} select * from next_ticket`);
    expect(local.runs(mark)).toEqual({ reader1: 1, writer: 2 });
  });

  it("P5: stats() count refusals and the texts that were learned", async () => {
    const pool = local.pool({ catalog: false });
    await pool.query("select * from next_ticket");
    await pool.query("select * from next_ticket");
    const { refusals, refusedTexts, reasons } = pool.stats();
    expect({
      refusals,
      refusedTexts,
      after: reasons["after-refusal"],
      known: reasons.refused,
    }).toEqual({ refusals: 1, refusedTexts: 1, after: 1, known: 1 });
  });

  it("P5: a checked-out client puts it right too", async () => {
    const client = await local.pool({ catalog: false }).connect();
    const { rowCount } = await client.query("select * from next_ticket");
    client.release();
    expect(rowCount).toBe(1);
  });

  it("P5: a refused text that fails on the writer too is not learned", async () => {
    const pool = local.pool({ catalog: false });
    const error = await rejection(pool.query("select * from broken_ticket"));
    expect({ code: error.code, refusedTexts: pool.stats().refusedTexts }).toEqual({
      code: "22012",
      refusedTexts: 0,
    });
  });

  it("P5: an error that is no refusal is not repeated", async () => {
    const mark = newMark();
    const error = await rejection(local.pool({ catalog: false }).query(`${mark} select 1/0`));
    expect({ code: error.code, runs: local.runs(mark) }).toEqual({
      code: "22012",
      runs: { reader1: 1 },
    });
  });
});

describe("R8: release", () => {
  const outcomes = (pool: Pool): string[] => {
    const seen: string[] = [];
    pool.on(
      "abandoned" as "release",
      ((event: { outcome: string }) => {
        seen.push(event.outcome);
      }) as never,
    );
    return seen;
  };
  const subjects: [string, () => Pool][] = [
    ["with readers", () => local.pool({ max: 1 })],
    ["with one server", () => local.pool({ reader: undefined, max: 1 })],
  ];

  describe.each(subjects)("%s", (_name, open) => {
    it("R8: a transaction that is open at release is rolled back, with an event", async () => {
      const pool = open();
      const seen = outcomes(pool);
      const client = await pool.connect();
      await client.query("begin");
      await client.query("insert into log values ('abandoned')");
      client.release();
      await pool.query({ text: "select 1", target: "writer" });
      expect({ seen, rows: await linesOfLog("abandoned") }).toEqual({
        seen: ["rolled back"],
        rows: 0,
      });
    });

    it("R8: a transaction that has failed is rolled back, with an event", async () => {
      const pool = open();
      const seen = outcomes(pool);
      const client = await pool.connect();
      await client.query("begin");
      await rejection(client.query("select 1/0"));
      client.release();
      const { rowCount } = await pool.query({ text: "select 1", target: "writer" });
      expect({ seen, rowCount }).toEqual({ seen: ["rolled back"], rowCount: 1 });
    });

    it("R8: it is judged after the queue has drained", async () => {
      const pool = open();
      const seen = outcomes(pool);
      const client = await pool.connect();
      const queued = [client.query("begin"), client.query("insert into log values ('queued')")];
      client.release();
      await Promise.all(queued);
      await pool.query({ text: "select 1", target: "writer" });
      expect({ seen, rows: await linesOfLog("queued") }).toEqual({
        seen: ["rolled back"],
        rows: 0,
      });
    });

    it("R8: what was queued and is complete is kept", async () => {
      const pool = open();
      const client = await pool.connect();
      const line = `complete ${_name}`;
      const queued = [
        client.query("begin"),
        client.query("insert into log values ($1)", [line]),
        client.query("commit"),
      ];
      client.release();
      await Promise.all(queued);
      expect(await linesOfLog(line)).toBe(1);
    });

    it("R8: pool.query('BEGIN') leaves no transaction for the next statement", async () => {
      const pool = open();
      const seen = outcomes(pool);
      const line = `after begin ${_name}`;
      await pool.query("begin");
      await pool.query("insert into log values ($1)", [line]);
      expect({ seen, rows: await linesOfLog(line) }).toEqual({ seen: ["rolled back"], rows: 1 });
    });

    it("R8: a client that was released with an error emits nothing", async () => {
      const pool = open();
      const seen = outcomes(pool);
      const client = await pool.connect();
      await client.query("begin");
      client.release(true);
      await pool.query("select 1");
      expect(seen).toEqual([]);
    });
  });

  it("R8: a READ ONLY transaction that is open at release is rolled back on its reader", async () => {
    const pool = local.pool({ max: 1 });
    const seen = outcomes(pool);
    const client = await pool.connect();
    await client.query("begin read only");
    client.release();
    await pool.query("select 1");
    const reader = await pool.reader.connect();
    const status = reader.getTransactionStatus();
    reader.release();
    expect({ seen, status }).toEqual({ seen: ["rolled back"], status: "I" });
  });

  it.each([
    "select pg_advisory_lock(11)",
    "select pg_advisory_xact_lock(11)",
    "select pg_try_advisory_lock(11)",
    "with l as (select pg_advisory_lock(11)) select * from l",
    "select set_config('work_mem', '5MB', false)",
    "set work_mem = '5MB'",
    "set role clerk",
    "select pg_export_snapshot()",
    "prepare p as select 1",
  ])("R8: inside a READ ONLY transaction on a reader we refuse %s", async (sql) => {
    const mark = newMark();
    const client = await local.pool().connect();
    await client.query("begin read only");
    const error = await rejection(client.query(`${mark} ${sql}`));
    await client.query("rollback");
    client.release();
    expect({ code: error.code, reached: local.reached(mark) }).toEqual({
      code: "MEANINGLESS_ON_READER",
      reached: [],
    });
  });

  it("R8: the READ ONLY transaction goes on after such a refusal", async () => {
    const client = await local.pool().connect();
    await client.query("begin read only");
    await rejection(client.query("select pg_advisory_lock(12)"));
    const place = await whereRan(client);
    await client.query("commit");
    client.release();
    expect(place).toBe("reader1");
  });

  it("R8: SET LOCAL inside a READ ONLY transaction on a reader is allowed", async () => {
    const client = await local.pool().connect();
    await client.query("begin read only");
    await client.query("set local work_mem = '6MB'");
    const { rows } = await client.query("show work_mem");
    await client.query("commit");
    client.release();
    expect(rows).toEqual([{ work_mem: "6MB" }]);
  });
});

describe("R9: set-up runs everywhere", () => {
  const both = async (pool: Pool): Promise<string[]> => {
    const names: string[] = [];
    for (const target of ["writer", "reader"] as const) {
      const { rows } = await pool.query({
        text: `select name || ' on ' || ${here} as found from which`,
        target,
      });
      names.push(rows[0].found);
    }
    return names;
  };
  const everywhere = ["alpha on writer", "alpha on reader1"];

  it("R9: what a connect listener sends holds on both sides", async () => {
    const pool = local.pool();
    pool.on("connect", (client) => {
      client.query("set search_path to alpha");
    });
    expect(await both(pool)).toEqual(everywhere);
  });

  it("R9: what onConnect does holds on both sides", async () => {
    const pool = local.pool({
      onConnect: async (client) => {
        await client.query("set search_path to alpha");
      },
    });
    expect(await both(pool)).toEqual(everywhere);
  });

  it("R9: what verify does holds on both sides", async () => {
    const pool = local.pool({
      verify: ((client: Client, done: (error?: Error) => void) => {
        client.query("set search_path to alpha", (error) => done(error));
      }) as never,
    });
    expect(await both(pool)).toEqual(everywhere);
  });

  it("R9: it holds for the first statement of a checked-out client, on either track", async () => {
    const pool = local.pool();
    pool.on("connect", (client) => {
      client.query("set search_path to alpha");
    });
    const client = await pool.connect();
    const read = await client.query(`select name || ' on ' || ${here} as found from which`);
    const locked = await client.query(
      `select name || ' on ' || ${here} as found from which for update`,
    );
    client.release();
    expect([read.rows[0].found, locked.rows[0].found]).toEqual([
      "alpha on reader1",
      "alpha on writer",
    ]);
  });

  it("R9: it holds on pool.writer and pool.reader", async () => {
    const pool = local.pool();
    pool.on("connect", (client) => {
      client.query("set search_path to alpha");
    });
    const answers = [
      await pool.writer.query("select name from which"),
      await pool.reader.query("select name from which"),
    ];
    expect(answers.map(({ rows }) => rows[0].name)).toEqual(["alpha", "alpha"]);
  });

  it("R9: onConnect runs once for each physical connection", async () => {
    const places: string[] = [];
    const pool = local.pool({
      max: 2,
      onConnect: async (client) => {
        places.push(await whereRan(client as never));
      },
    });
    const sleep = "select pg_sleep(0.05)";
    await Promise.all([
      pool.query(sleep),
      pool.query(sleep),
      pool.query({ text: sleep, target: "writer" }),
      pool.query({ text: sleep, target: "writer" }),
    ]);
    await Promise.all([pool.query(sleep), pool.query(sleep)]);
    expect(places.sort()).toEqual(["reader1", "reader1", "writer", "writer"]);
  });
});

describe("R10: conversations with a reader", () => {
  it("R10: no more than max are out at once", async () => {
    const pool = local.pool({ max: 2 });
    const clients = [await pool.connect(), await pool.connect()];
    let third: PoolClient | undefined;
    const asked = pool.connect().then((client) => {
      third = client;
    });
    await pool.query("select 1");
    const before = third;
    clients[0]?.release();
    await asked;
    clients[1]?.release();
    third?.release();
    expect(before).toBeUndefined();
  });

  it("R10: the client that was released last is handed out first", async () => {
    const pool = local.pool({ max: 3 });
    const [a, b, c] = [await pool.connect(), await pool.connect(), await pool.connect()];
    a.release();
    c.release();
    b.release();
    const next = await pool.connect();
    next.release();
    expect(next).toBe(b);
  });

  it("R10: connect announces each client that is handed out once", async () => {
    const pool = local.pool({ max: 2 });
    const announced: unknown[] = [];
    pool.on("connect", (client) => announced.push(client));
    const seen = new Set<unknown>();
    for (let round = 0; round < 4; round++) {
      const [a, b] = [await pool.connect(), await pool.connect()];
      await Promise.all([a.query("select 1"), b.query("select 1")]);
      seen.add(a).add(b);
      a.release();
      b.release();
    }
    expect([...seen].map((client) => announced.filter((one) => one === client).length)).toEqual([
      1, 1,
    ]);
  });

  it("R10: connectionTimeoutMillis covers the wait for a place", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 100 });
    const holder = await pool.connect();
    const error = await rejection(pool.connect());
    holder.release();
    expect(error.message).toBe("timeout exceeded when trying to connect");
  });

  it("R10: connectionTimeoutMillis covers the wait for a connection behind the place", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 1000 });
    const holder = await pool.writer.connect();
    const client = await pool.connect();
    const error = await rejection(client.query("select * from books for update"));
    client.release();
    holder.release();
    expect(error.message).toBe("timeout exceeded when trying to connect");
  });

  it("R10: connectionTimeoutMillis covers place and connection together", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 1000 });
    const holder = await pool.writer.connect();
    const first = await pool.connect();
    const start = performance.now();
    const asked = pool.connect();
    setTimeout(() => first.release(), 600);
    const client = await asked;
    await rejection(client.query("select * from books for update"));
    const took = performance.now() - start;
    client.release();
    holder.release();
    expect(took).toBeLessThan(1500);
  });

  it("R10: with one server connect() hands out a real client", async () => {
    const pool = local.pool({ reader: undefined });
    const client = await pool.connect();
    client.release();
    expect(client).toBeInstanceOf(Client);
  });

  it("R10: max holds for each side by itself", async () => {
    const pool = local.pool({ max: 2 });
    const text = "select pg_sleep(0.1), pg_backend_pid() as pid";
    const mark = newMark();
    const running = [1, 2, 3].flatMap(() => [
      pool.query(`${mark} select pg_sleep(0.1)`),
      pool.query(`${mark} ${text}`),
    ]);
    await until("both sides are in use", () => pool.stats().reader?.total === 2);
    await Promise.all(running);
    const { writer, reader } = pool.stats();
    expect([writer.total, reader?.total]).toEqual([2, 2]);
  });

  it("R10: totalCount and its sisters count the writer's side", async () => {
    const pool = local.pool({ max: 2 });
    await pool.query("select 1");
    const readOnly = [pool.totalCount, pool.idleCount, pool.waitingCount];
    await pool.query("select 1 for update");
    const written = [pool.totalCount, pool.idleCount, pool.waitingCount];
    expect([readOnly, written]).toEqual([
      [0, 0, 0],
      [1, 1, 0],
    ]);
  });

  it("R10: stats() count both sides", async () => {
    const pool = local.pool({ max: 2, readerPool: { max: 5 } });
    await pool.query("select 1");
    const { writer, reader, targets } = pool.stats();
    expect({ writer, reader, targets }).toMatchObject({
      writer: { total: 0, idle: 0, waiting: 0, max: 2 },
      reader: { total: 1, idle: 1, waiting: 0, max: 5, endpoints: [{ connections: 1 }] },
      targets: { reader: 1, writer: 0 },
    });
  });
});

describe("R11: shared connections are clean", () => {
  const subjects: [string, () => Pool][] = [["with readers", () => local.pool({ max: 1 })]];
  const state: [string, string, string, unknown][] = [
    ["SET ROLE", "set role clerk", "select current_user as seen", "app"],
    ["SET", "set work_mem = '7MB'", "select current_setting('work_mem') as seen", "4MB"],
    [
      "set_config",
      "select set_config('work_mem', '7MB', false)",
      "select current_setting('work_mem') as seen",
      "4MB",
    ],
    ["search_path", "set search_path to alpha", "select name as seen from which", "public"],
    [
      "a temporary table",
      "create temp table which as select 'temporary' as name",
      "select name as seen from which",
      "public",
    ],
    ["LISTEN", "listen news", "select count(*)::int as seen from pg_listening_channels()", 0],
    [
      "PREPARE",
      "prepare mine as select 1",
      "select count(*)::int as seen from pg_prepared_statements where name = 'mine'",
      0,
    ],
  ];

  describe.each(subjects)("%s", (_name, open) => {
    it.each(state)("R11: %s on a checked-out client is not seen by the next", async (...row) => {
      const [, change, look, expected] = row;
      const pool = open();
      const first = await pool.connect();
      await first.query(change);
      first.release();
      const { rows } = await pool.query({ text: look, target: "writer" });
      expect(rows).toEqual([{ seen: expected }]);
    });

    it.each(state)("R11: %s through pool.query is not seen by the next", async (...row) => {
      const [, change, look, expected] = row;
      const pool = open();
      await pool.query(change);
      const { rows } = await pool.query({ text: look, target: "writer" });
      expect(rows).toEqual([{ seen: expected }]);
    });
  });

  it("R11: an advisory lock is free again after its client was released", async () => {
    const pool = local.pool({ max: 1 });
    const holder = await pool.connect();
    await holder.query("select pg_advisory_lock(77)");
    holder.release();
    await pool.query({ text: "select 1", target: "writer" });
    const other = await local.connect();
    const { rows } = await other.query("select pg_try_advisory_lock(77) as free");
    expect(rows).toEqual([{ free: true }]);
  });

  it("R11: a checked-out client keeps its own state until it is released", async () => {
    const client = await local.pool().connect();
    await client.query("set role clerk");
    const { rows } = await client.query("select current_user as seen");
    client.release();
    expect(rows).toEqual([{ seen: "clerk" }]);
  });

  it("R11: the settings of the set-up survive the reset", async () => {
    const pool = local.pool({ max: 1 });
    pool.on("connect", (client) => {
      client.query("set search_path to alpha");
    });
    const client = await pool.connect();
    await client.query("set search_path to public");
    await client.query("set work_mem = '7MB'");
    client.release();
    const { rows } = await pool.query({
      text: "select name, current_setting('work_mem') as work_mem from which",
      target: "writer",
    });
    expect(rows).toEqual([{ name: "alpha", work_mem: "4MB" }]);
  });

  it("R11: a named statement can be used again after a reset", async () => {
    const pool = local.pool({ max: 1 });
    const named = { name: "by-name", text: "select 1 as one", target: "writer" } as const;
    await pool.query(named);
    await pool.query("set work_mem = '7MB'");
    const { rows } = await pool.query(named);
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("R11: state never reaches a reader's connection", async () => {
    const pool = local.pool({ max: 1 });
    await pool.query("set work_mem = '7MB'");
    const { rows } = await pool.query(
      `select ${here} as server, current_setting('work_mem') as mem`,
    );
    expect(rows).toEqual([{ server: "reader1", mem: "4MB" }]);
  });

  it("R11: state set by hand on pool.reader is not seen by the next read", async () => {
    const pool = local.pool({ max: 1 });
    const reader = await pool.reader.connect();
    await reader.query("set work_mem = '7MB'");
    reader.release();
    const { rows } = await pool.query(
      `select ${here} as server, current_setting('work_mem') as mem`,
    );
    expect(rows).toEqual([{ server: "reader1", mem: "4MB" }]);
  });

  it("R11: two conversations share one connection of a reader between statements", async () => {
    const pool = local.pool({ max: 2, readerPool: { max: 1 }, connectionTimeoutMillis: 5000 });
    const [a, b] = [await pool.connect(), await pool.connect()];
    const places = [await whereRan(a), await whereRan(b), await whereRan(a), await whereRan(b)];
    a.release();
    b.release();
    expect({ places, connections: pool.stats().reader?.total }).toEqual({
      places: ["reader1", "reader1", "reader1", "reader1"],
      connections: 1,
    });
  });

  it("R11: a conversation that only reads does not keep the writer's one connection", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 5000 });
    const client = await pool.connect();
    const places = [
      await whereRan(client, server, { target: "writer" }),
      await whereRan(pool, server, { target: "writer" }),
      await whereRan(client, server, { target: "writer" }),
    ];
    client.release();
    expect(places).toEqual(["writer", "writer", "writer"]);
  });

  it("R11: the connection of an ended LISTEN hears nothing more", async () => {
    const pool = local.pool({ max: 1 });
    const heard: Notification[] = [];
    const listener = await pool.connect();
    listener.on("notification", (message) => heard.push(message));
    await listener.query("listen gone");
    listener.release();
    await pool.query("select pg_notify('gone', 'x')");
    await pool.query({ text: "select 1", target: "writer" });
    expect(heard).toEqual([]);
  });
});
