import { setTimeout as pause } from "node:timers/promises";
import { ConfigError, createPool, type Explanation, type Pool, type PoolOptions } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { runProgram } from "../support/run-program.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table notes (id serial primary key, what text);
    create schema billing;`,
});

let count = 0;
/** A function that only reads, under a name of its own, known to the readers. */
async function aFunction(body = "select count(*) from notes"): Promise<string> {
  count += 1;
  const name = `counted_${count}`;
  await local.setUp(define(name, body));
  return name;
}

const define = (name: string, body: string): string =>
  `create or replace function ${name}() returns bigint language sql as $$ ${body} $$`;
const writing = "insert into notes (what) values ('x') returning id::bigint";

const told = async (pool: Pool, text: string): Promise<string> => {
  const { target, reason } = await pool.explain(text);
  return `${target} ${reason}`;
};

/** A pool that looks at the catalog only when something says so. */
const quiet = (options: PoolOptions = {}): Pool =>
  local.pool({ catalog: { refreshMillis: 600_000 }, ...options });

describe("a change that this pool makes", () => {
  it("counts for the statement behind it", async () => {
    const name = await aFunction();
    const pool = quiet();
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
    await pool.query(define(name, writing));
    await pool.query(`select ${name}()`);
    const { reasons } = pool.stats();
    expect(reasons["after-refusal"]).toBe(0);
    expect(await told(pool, `select ${name}()`)).toBe("writer writing-function");
  });

  it("counts once its transaction is over", async () => {
    const name = await aFunction();
    const pool = quiet();
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
    await pool.transaction(async (tx) => {
      await tx.query(define(name, writing));
      await pause(200);
    });
    await pool.query(`select ${name}()`);
    expect(pool.stats().reasons["after-refusal"]).toBe(0);
    expect(await told(pool, `select ${name}()`)).toBe("writer writing-function");
  });

  it("counts when it is made on a client, and when it is made by hand", async () => {
    const pool = quiet();
    const [one, other] = [await aFunction(), await aFunction()];
    expect(await told(pool, `select ${one}(), ${other}()`)).toBe("reader plain-read");
    const client = await pool.connect();
    await client.query(define(one, writing));
    client.release();
    expect(await told(pool, `select ${one}()`)).toBe("writer writing-function");
    await pool.writer.query(define(other, writing));
    expect(await told(pool, `select ${other}()`)).toBe("writer writing-function");
  });

  it("is forgotten when it is rolled back", async () => {
    const name = await aFunction();
    const pool = quiet();
    await told(pool, "select 1");
    await expect(
      pool.transaction(async (tx) => {
        await tx.query(define(name, writing));
        throw new Error("back");
      }),
    ).rejects.toThrow("back");
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
  });

  it("makes a new function known", async () => {
    const pool = quiet();
    await told(pool, "select 1");
    await pool.query(define("made_here", "select 1::bigint"));
    expect(await told(pool, "select made_here()")).toBe("reader plain-read");
    // On a reader, which has it by then.
    const { rows } = await pool.query(`select made_here() as one, ${here} as server`);
    expect(rows).toEqual([{ one: "1", server: expect.any(String) }]);
  });
});

describe("a change by others", () => {
  it("is found at the next look", async () => {
    const name = await aFunction();
    const pool = local.pool({ catalog: { refreshMillis: 100 } });
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
    await local.setUp(define(name, writing));
    await until("the change is found", async () => {
      return (await told(pool, `select ${name}()`)) === "writer writing-function";
    });
  });

  it("fails nobody before that: the reader refuses it, and it is looked at soon", async () => {
    const name = await aFunction();
    const pool = quiet();
    const text = `select ${name}() as id`;
    expect(await told(pool, text)).toBe("reader plain-read");
    await local.setUp(define(name, writing));
    const { rows } = await pool.query(text);
    expect(Number(rows[0].id)).toBeGreaterThan(0);
    expect(pool.stats().reasons["after-refusal"]).toBe(1);
    // Another text with it, of which no reader has said anything.
    await until("the change is found", async () => {
      return (await told(pool, `select ${name}() + 1`)) === "writer writing-function";
    });
  });

  it("by a block of this pool's own is found soon", async () => {
    const name = await aFunction();
    const pool = quiet();
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
    await pool.query(`do $do$ begin execute $x$ ${define(name, writing)} $x$; end $do$`);
    await until("the change is found", async () => {
      return (await told(pool, `select ${name}()`)) === "writer writing-function";
    });
  });
});

describe("with one server", () => {
  it("it is read when somebody asks, and only then", async () => {
    const name = await aFunction();
    const pool = quiet({ reader: undefined, readers: undefined });
    await pool.query(`select ${name}()`);
    await pause(100);
    expect(pool.stats().catalog).toMatchObject({ reads: 0, failures: 0 });
    expect(await told(pool, `select ${name}()`)).toBe("reader plain-read");
    await local.setUp(define(name, writing));
    expect(await told(pool, `select ${name}()`)).toBe("writer writing-function");
    expect(pool.stats().catalog).toMatchObject({ reads: 2 });
  });
});

describe("catalog: false", () => {
  it("leaves functions to the writer, but for those that are said to read", async () => {
    const name = await aFunction();
    const pool = local.pool({ catalog: false });
    expect(await told(pool, `select ${name}()`)).toBe("writer unknown-function");
    expect(pool.stats().catalog).toBeUndefined();
    const knowing = local.pool({ catalog: false, functions: { [name]: "read" } });
    expect(await told(knowing, `select ${name}()`)).toBe("reader plain-read");
  });
});

it("stats tell which unknown functions keep how many statements from readers", async () => {
  await local.setUp(`
    create function billing.guess(t text) returns bigint language plpgsql as
      $$ declare n bigint; begin execute 'select count(*) from ' || t into n; return n; end $$;`);
  const pool = quiet();
  await told(pool, "select 1");
  for (let n = 0; n < 3; n++) await pool.query("select billing.guess('notes')");
  await pool.query("select guess_not_there()").catch(() => {});
  expect(pool.stats().unknownFunctions).toEqual([
    { name: "billing.guess", statements: 3 },
    { name: "guess_not_there", statements: 1 },
  ]);
});

describe("functions", () => {
  it("stand above what was found", async () => {
    await local.setUp(`
      create function billing.dynamic() returns bigint language plpgsql as
        $$ declare n bigint; begin execute 'select count(*) from notes' into n; return n; end $$;
      create function billing.through() returns bigint language sql as 'select billing.dynamic()';
      create view billing.counted as select billing.through() as n;`);
    const texts = [
      "select billing.dynamic()",
      "select billing.through()",
      "select * from billing.counted",
    ];
    const all = (pool: Pool): Promise<string[]> =>
      Promise.all(texts.map((text) => told(pool, text)));
    expect(await all(quiet())).toEqual([
      "writer unknown-function",
      "writer unknown-function",
      "writer unknown-object",
    ]);
    expect(await all(quiet({ functions: { "billing.dynamic": "read" } }))).toEqual(
      Array(3).fill("reader plain-read"),
    );
    expect(await all(quiet({ functions: { "billing.*": "read" } }))).toEqual(
      Array(3).fill("reader plain-read"),
    );
    expect(
      await all(quiet({ functions: { "billing.*": "read", "billing.through": "write" } })),
    ).toEqual(["reader plain-read", "writer writing-function", "writer writing-object"]);
  });

  it("keep what is said to write from readers, though a builtin has its name", async () => {
    await local.setUp(`
      create function charge(account int) returns bigint language plpgsql as
        $$ begin execute 'insert into notes default values'; return account; end $$;`);
    const text = "select charge(7)";
    const rule = { functions: { charge: "write" } } as const;
    expect(await told(local.pool({ catalog: false, ...rule }), text)).toBe(
      "writer writing-function",
    );
    expect(await told(quiet(rule), text)).toBe("writer writing-function");
    const all = local.pool({ catalog: false, functions: { "*": "write" } });
    expect(await told(all, "select count(*) from notes")).toBe("reader plain-read");
  });

  it.each([
    [{ "a.b.c": "read" }, "functions.a.b.c"],
    [{ f: "reader" }, "functions.f"],
    [{ nextval: "read" }, "functions.nextval"],
    [{ "pg_catalog.pg_advisory_lock": "read" }, "functions.pg_catalog.pg_advisory_lock"],
    [["f"], "functions"],
  ])("refuse what says nothing: %j", (functions, option) => {
    let thrown: unknown;
    try {
      createPool({ writer: "postgres://u@127.0.0.1/d", functions: functions as never });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as ConfigError).option).toBe(option);
  });
});

describe("explain", () => {
  it("tells what the database knows of each object, and what decides", async () => {
    await local.setUp(`
      create function chain_end() returns bigint language sql as $$ ${writing} $$;
      create function chain() returns bigint language sql as 'select chain_end()';
      create view chained as select chain() as n;`);
    const { causes }: Explanation = await quiet().explain("select n from chained");
    expect(causes).toEqual([
      {
        kind: "relation",
        name: "public.chained",
        because: "calls public.chain, which calls public.chain_end, which runs INSERT on notes",
        decides: true,
      },
    ]);
  });

  it("answers though no server can be reached", async () => {
    const pool = createPool({
      writer: "postgres://u@127.0.0.1:1/d",
      reader: "postgres://u@127.0.0.1:1/d",
    });
    expect(await told(pool, "select f()")).toBe("writer unknown-function");
    await pool.end();
  });
});

it("reading the catalog takes none of the pool's connections, and leaves none open", async () => {
  const pool = quiet({ max: 1, application_name: "only-one" });
  const client = await pool.writer.connect();
  try {
    expect(await told(pool, "select 1")).toBe("reader plain-read");
    expect(pool.stats().catalog).toMatchObject({ reads: 1, failures: 0, doubtful: false });
  } finally {
    client.release();
  }
  const looker = await local.connect(local.cluster.readers[0]?.direct.url);
  await until("its connection is closed", async () => {
    const { rows } = await looker.query(
      "select count(*)::int as n from pg_stat_activity where application_name = 'only-one' and query like '%pg_get_functiondef%'",
    );
    return rows[0].n === 0;
  });
});

it("is known in a process that does nothing else, however much there is", async () => {
  const { writer } = local.cluster;
  const made = Array.from({ length: 800 }, (_, n) => define(`one_of_many_${n}`, writing));
  await local.setUp(made.join(";"));
  const start = performance.now();
  const ended = await runProgram("explain-first", writer.url, "select one_of_many_799()");
  expect(ended).toEqual({ status: 0, stdout: "writer writing-function\n", stderr: "" });
  // Not only once the deadline of the look has come.
  expect(performance.now() - start).toBeLessThan(20_000);
});

it("keeps a process running that waits for it", async () => {
  const { writer } = local.cluster;
  const ended = await runProgram("explain-first", writer.url, "select setval('notes_id_seq', 1)");
  expect(ended).toEqual({ status: 0, stdout: "writer writing-function\n", stderr: "" });
});
