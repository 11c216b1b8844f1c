import { PointsmanError, type Pool, type TransactionClient } from "pointsman";
import { beforeEach, describe, expect, it } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  schema: `
    create table lines (id int generated always as identity, line text);
    create table accounts (id int primary key, balance int);`,
});

beforeEach(() =>
  local.setUp("truncate lines, accounts; insert into accounts values (1, 100), (2, 100)"),
);

const add = (on: Pick<Pool, "query">, line: string) =>
  on.query("insert into lines (line) values ($1)", [line]);

async function lines(): Promise<string[]> {
  const client = await local.connect();
  const { rows } = await client.query("select line from lines order by id");
  return rows.map(({ line }) => line);
}

describe("the outcome", () => {
  it("is committed when the callback returns", async () => {
    await local.pool().transaction((tx) => add(tx, "kept"));
    expect(await lines()).toEqual(["kept"]);
  });

  it("is what the callback returns", async () => {
    expect(await local.pool().transaction(async () => 42)).toBe(42);
  });

  it("may come from a callback that is not asynchronous", async () => {
    expect(await local.pool().transaction(() => 42)).toBe(42);
  });

  it("is rolled back when the callback throws", async () => {
    const thrown = rejection(
      local.pool().transaction(async (tx) => {
        await add(tx, "lost");
        throw new Error("no");
      }),
    );
    await thrown;
    expect(await lines()).toEqual([]);
  });

  it("is rolled back when the callback throws synchronously", async () => {
    const error = await rejection(
      local.pool().transaction(() => {
        throw new Error("at once");
      }),
    );
    expect(error.message).toBe("at once");
  });

  it("is the very error that the callback threw", async () => {
    const mine = new Error("mine");
    const error = await rejection(local.pool().transaction(() => Promise.reject(mine)));
    expect(error).toBe(mine);
  });

  it("may be an error that is no Error", async () => {
    const reason = await local
      .pool()
      .transaction(() => Promise.reject("just a text"))
      .catch((thrown: unknown) => thrown);
    expect(reason).toBe("just a text");
  });

  it("is PostgreSQL's own error when a statement failed", async () => {
    const error = await rejection(
      local.pool().transaction((tx) => tx.query("insert into accounts values (1, 0)")),
    );
    expect(error).toMatchObject({ code: "23505", constraint: "accounts_pkey" });
  });

  it("is an error of a constraint that is checked at COMMIT", async () => {
    await local.setUp(
      "create table once (id int unique deferrable initially deferred); insert into once values (1)",
    );
    const error = await rejection(
      local.pool().transaction((tx) => tx.query("insert into once values (1)")),
    );
    await local.setUp("drop table once");
    expect(error.code).toBe("23505");
  });

  it("is TRANSACTION_NOT_COMMITTED when a statement's error was swallowed", async () => {
    const error = await rejection(
      local.pool().transaction(async (tx) => {
        await add(tx, "before");
        await tx.query("select 1/0").catch(() => undefined);
      }),
    );
    expect({
      ours: error instanceof PointsmanError,
      code: error.code,
      lines: await lines(),
    }).toEqual({
      ours: true,
      code: "TRANSACTION_NOT_COMMITTED",
      lines: [],
    });
  });

  it("gives its connection back, whatever it is", async () => {
    const pool = local.pool({ max: 1, connectionTimeoutMillis: 5000 });
    await pool.transaction((tx) => add(tx, "kept"));
    await rejection(pool.transaction(() => Promise.reject(new Error("no"))));
    await rejection(pool.transaction((tx) => tx.query("select 1/0")));
    await rejection(
      pool.transaction(async (tx) => {
        await tx.query("select 1/0").catch(() => undefined);
      }),
    );
    expect(pool.stats().writer).toMatchObject({ total: 1, idle: 1 });
  });

  it("is the first error when the connection is lost", async () => {
    const pool = local.pool({ max: 1 });
    const admin = await local.connect();
    const error = await rejection(
      pool.transaction(async (tx) => {
        const { rows } = await tx.query("select pg_backend_pid() as pid");
        await Promise.all([
          admin.query("select pg_terminate_backend($1)", [rows[0].pid]),
          tx.query("select pg_sleep(60)"),
        ]);
      }),
    );
    const healed = await pool.transaction(() => "fine");
    expect({ code: error.code, healed }).toEqual({ code: "TRANSACTION_LOST", healed: "fine" });
  });
});

describe("nesting", () => {
  it("undoes a nested transaction alone when its error is caught", async () => {
    const pool = local.pool();
    await pool.transaction(async (tx) => {
      await add(tx, "outer");
      await pool
        .transaction(async (inner) => {
          await add(inner, "inner");
          throw new Error("no");
        })
        .catch(() => undefined);
      await add(tx, "after");
    });
    expect(await lines()).toEqual(["outer", "after"]);
  });

  it("goes on after a statement of a nested transaction failed", async () => {
    const pool = local.pool();
    await pool.transaction(async (tx) => {
      await pool.transaction((inner) => inner.query("select 1/0")).catch(() => undefined);
      await add(tx, "after");
    });
    expect(await lines()).toEqual(["after"]);
  });

  it("keeps a nested transaction with the outer one", async () => {
    const pool = local.pool();
    await pool.transaction(() => pool.transaction((inner) => add(inner, "inner")));
    expect(await lines()).toEqual(["inner"]);
  });

  it("undoes a nested transaction with the outer one", async () => {
    const pool = local.pool();
    await rejection(
      pool.transaction(async () => {
        await pool.transaction((inner) => add(inner, "inner"));
        throw new Error("no");
      }),
    );
    expect(await lines()).toEqual([]);
  });

  it("works three levels deep", async () => {
    const pool = local.pool();
    await pool.transaction(async () => {
      await add(pool, "1");
      await pool.transaction(async () => {
        await add(pool, "2");
        await pool
          .transaction(async () => {
            await add(pool, "3");
            throw new Error("no");
          })
          .catch(() => undefined);
        await add(pool, "2 again");
      });
    });
    expect(await lines()).toEqual(["1", "2", "2 again"]);
  });

  it("is one transaction on the server", async () => {
    const pool = local.pool();
    const id = async (tx: TransactionClient) =>
      (await tx.query("select pg_current_xact_id()::text as id")).rows[0].id;
    const ids = await pool.transaction(async (tx) => [
      await id(tx),
      await pool.transaction((inner) => id(inner)),
    ]);
    expect(ids[0]).toBe(ids[1]);
  });

  it.each([
    ["isolationLevel", { isolationLevel: "serializable" }],
    ["readOnly", { readOnly: true }],
    ["deferrable", { deferrable: true }],
  ] as const)("refuses %s of a nested transaction", async (_name, options) => {
    const pool = local.pool();
    const error = await rejection(
      pool.transaction(() => pool.transaction(() => undefined, options)),
    );
    expect(error).toMatchObject({ name: "PointsmanError", code: "TRANSACTION_OPTIONS_NESTED" });
  });

  it("allows options in a separate transaction outside of it", async () => {
    const { outsideTransaction } = await import("pointsman");
    const pool = local.pool();
    const level = await pool.transaction(() =>
      outsideTransaction(() =>
        pool.transaction(async (tx) => (await tx.query("show transaction_isolation")).rows[0], {
          isolationLevel: "serializable",
        }),
      ),
    );
    expect(level).toEqual({ transaction_isolation: "serializable" });
  });
});

describe("options", () => {
  it.each(["read uncommitted", "read committed", "repeatable read", "serializable"] as const)(
    "opens it with the isolation level %s",
    async (isolationLevel) => {
      const { rows } = await local
        .pool()
        .transaction((tx) => tx.query("show transaction_isolation"), { isolationLevel });
      expect(rows).toEqual([{ transaction_isolation: isolationLevel }]);
    },
  );

  it("refuses an isolation level that does not exist", async () => {
    const error = await rejection(
      local.pool().transaction(() => undefined, { isolationLevel: "snapshot; drop" as never }),
    );
    expect(error).toMatchObject({ code: "CONFIG_INVALID", option: "isolationLevel" });
  });

  it("runs on a reader when it is declared readOnly", async () => {
    const pool = local.pool();
    const { rows } = await pool.transaction((tx) => tx.query(`select ${here} as server`), {
      readOnly: true,
    });
    expect(rows).toEqual([{ server: "reader1" }]);
  });

  it("lets pool.query() join on the reader", async () => {
    const pool = local.pool();
    const { rows } = await pool.transaction(() => pool.query(`select ${here} as server`), {
      readOnly: true,
      isolationLevel: "repeatable read",
    });
    expect(rows).toEqual([{ server: "reader1" }]);
  });

  it("shows one snapshot in a REPEATABLE READ transaction on a reader", async () => {
    const pool = local.pool();
    const counts = await pool.transaction(
      async (tx) => {
        const count = async () => (await tx.query("select count(*)::int from lines")).rows[0].count;
        const before = await count();
        await local.setUp("insert into lines (line) values ('meanwhile')");
        return [before, await count()];
      },
      { readOnly: true, isolationLevel: "repeatable read" },
    );
    expect(counts).toEqual([0, 0]);
  });

  it("runs on the writer when it is declared readOnly and serializable", async () => {
    const { rows } = await local.pool().transaction((tx) => tx.query(`select ${here} as server`), {
      readOnly: true,
      isolationLevel: "serializable",
      deferrable: true,
    });
    expect(rows).toEqual([{ server: "writer" }]);
  });

  it("explain() tells where a readOnly transaction stands", async () => {
    const pool = local.pool();
    const { target } = await pool.transaction(() => pool.explain("select 1"), { readOnly: true });
    expect(target).toBe("reader");
  });

  it("fails a write in a readOnly transaction with PostgreSQL's own error", async () => {
    const error = await rejection(
      local.pool().transaction((tx) => add(tx, "no"), { readOnly: true }),
    );
    expect(error.code).toBe("25006");
  });
});

describe("retries", () => {
  /** Two transactions that read what the other writes, and meet before they do. */
  async function writeSkew(pool: Pool, retries?: number) {
    const meeting = meetingOf(2);
    let calls = 0;
    const withdraw = (from: number) =>
      pool.transaction(
        async (tx) => {
          calls += 1;
          await tx.query("select sum(balance) from accounts");
          await meeting();
          await tx.query("update accounts set balance = balance - 150 where id = $1", [from]);
        },
        { isolationLevel: "serializable", ...(retries === undefined ? {} : { retries }) },
      );
    const outcomes = await Promise.allSettled([withdraw(1), withdraw(2)]);
    return { calls, errors: codesOf(outcomes) };
  }

  /** Two transactions that lock the same two rows in opposite order. */
  async function deadlock(pool: Pool, retries?: number) {
    const meeting = meetingOf(2);
    let calls = 0;
    const move = (from: number, to: number) =>
      pool.transaction(
        async (tx) => {
          calls += 1;
          await tx.query("set local deadlock_timeout = '20ms'");
          await tx.query("update accounts set balance = balance - 1 where id = $1", [from]);
          await meeting();
          await tx.query("update accounts set balance = balance + 1 where id = $1", [to]);
        },
        retries === undefined ? {} : { retries },
      );
    const outcomes = await Promise.allSettled([move(1, 2), move(2, 1)]);
    return { calls, errors: codesOf(outcomes) };
  }

  it("repeats the callback after a serialisation failure", async () => {
    const { calls, errors } = await writeSkew(local.pool(), 5);
    expect({ repeated: calls > 2, errors }).toEqual({ repeated: true, errors: [] });
  });

  it("repeats the callback after a deadlock", async () => {
    const { calls, errors } = await deadlock(local.pool(), 5);
    expect({ repeated: calls > 2, errors }).toEqual({ repeated: true, errors: [] });
  });

  it("does not repeat a serialisation failure by default", async () => {
    expect(await writeSkew(local.pool())).toEqual({ calls: 2, errors: ["40001"] });
  });

  it("does not repeat a deadlock by default", async () => {
    expect(await deadlock(local.pool())).toEqual({ calls: 2, errors: ["40P01"] });
  });

  it("gives up after as many retries as were given, with the last error", async () => {
    let calls = 0;
    const error = await rejection(
      local.pool().transaction(
        async (tx) => {
          calls += 1;
          await tx.query(
            `do $$ begin raise exception 'attempt ${calls}' using errcode = '40001'; end $$`,
          );
        },
        { retries: 2 },
      ),
    );
    expect({ calls, message: error.message }).toEqual({ calls: 3, message: "attempt 3" });
  });

  it("does not repeat other errors", async () => {
    let calls = 0;
    await rejection(
      local.pool().transaction(
        async (tx) => {
          calls += 1;
          await tx.query("select 1/0");
        },
        { retries: 5 },
      ),
    );
    expect(calls).toBe(1);
  });

  it("leaves the repeating of a nested transaction's failure to the outermost", async () => {
    const pool = local.pool();
    let outer = 0;
    let inner = 0;
    await rejection(
      pool.transaction(
        async () => {
          outer += 1;
          await pool.transaction(
            async (tx) => {
              inner += 1;
              await tx.query("do $$ begin raise exception using errcode = '40001'; end $$");
            },
            { retries: 5 },
          );
        },
        { retries: 1 },
      ),
    );
    expect([outer, inner]).toEqual([2, 2]);
  });

  it("opens a new transaction for each attempt", async () => {
    const pool = local.pool();
    const ids = new Set<string>();
    await pool.transaction(
      async (tx) => {
        ids.add((await tx.query("select pg_current_xact_id()::text as id")).rows[0].id);
        if (ids.size < 3) throw Object.assign(new Error("again"), { code: "40001" });
      },
      { retries: 5 },
    );
    expect(ids.size).toBe(3);
  });
});

describe("the statements that frame it", () => {
  it("are all on the writer, and the reads inside too", async () => {
    const mark = newMark();
    const pool = local.pool();
    await pool.transaction(async (tx) => {
      await tx.query(`${mark} select 1`);
      await pool.query(`${mark} select 2`);
      await pool.transaction((inner) => inner.query(`${mark} select 3`));
    });
    await until("the log has it", () => local.reached(mark).length > 0);
    expect(local.runs(mark)).toEqual({ writer: 3 });
  });
});

/** A function that holds its first callers back until all of them are there. */
function meetingOf(parties: number): () => Promise<void> {
  let arrived = 0;
  let open: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    arrived += 1;
    if (arrived === parties) open();
    return all;
  };
}

function codesOf(outcomes: PromiseSettledResult<unknown>[]): unknown[] {
  return outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [(outcome.reason as { code?: string }).code] : [],
  );
}
