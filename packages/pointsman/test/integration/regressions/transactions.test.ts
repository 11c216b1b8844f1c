import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { outsideTransaction, type Pool, type StatementEvent } from "pointsman";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { gate } from "../../support/gate.ts";
import { kinds } from "../../support/kinds.ts";
import { localCluster, newMark } from "../../support/local-cluster.ts";
import { rejection, until } from "../../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create table lines (id int generated always as identity, line text)",
});

beforeEach(() => local.setUp("truncate lines"));

const add = (on: Pick<Pool, "query">, line: string) =>
  on.query("insert into lines (line) values ($1)", [line]);

async function lines(): Promise<string[]> {
  const client = await local.connect();
  const { rows } = await client.query("select line from lines order by id");
  return rows.map(({ line }) => line);
}

describe.each(kinds)("a nested transaction $kind", { timeout: 10_000 }, ({ options }) => {
  it.each([
    ["a write of it", (pool: Pool) => add(pool, "nested")],
    ["its end", () => undefined],
  ])("that outlives its rolled-back outer one sends nothing: %s", async (_what, finish) => {
    const pool = local.pool({ ...options, max: 1 });
    const nestedIsOpen = gate();
    const clientIsAnothers = gate();
    let nested: Promise<Error & { code?: string }> | undefined;
    await rejection(
      pool.transaction(async () => {
        nested = rejection(
          pool.transaction(async () => {
            nestedIsOpen.open();
            await clientIsAnothers.opened;
            await finish(pool);
          }),
        );
        await nestedIsOpen.opened;
        throw new Error("no");
      }),
    );
    const code = await pool.transaction(async (tx) => {
      await add(tx, "of another");
      clientIsAnothers.open();
      return (await nested)?.code;
    });
    expect({ code, lines: await lines() }).toEqual({
      code: "TRANSACTION_ENDED",
      lines: ["of another"],
    });
  });

  it("that waits for another one is not begun when their outer one was rolled back", async () => {
    const pool = local.pool({ ...options, max: 1 });
    let second: Promise<Error & { code?: string }> | undefined;
    await rejection(
      pool.transaction(async () => {
        const first = pool.transaction(() => pool.query("select 1/0"));
        second = rejection(pool.transaction(() => add(pool, "second")));
        await first;
      }),
    );
    const error = await second;
    expect({ code: error?.code, lines: await lines() }).toEqual({
      code: "TRANSACTION_ENDED",
      lines: [],
    });
  });

  it("that is not awaited is waited for before COMMIT", async () => {
    const pool = local.pool(options);
    let nested: Promise<unknown> | undefined;
    await pool.transaction(() => {
      nested = pool.transaction((inner) => add(inner, "nested")).catch((error: Error) => error);
    });
    expect({ failed: (await nested) instanceof Error, lines: await lines() }).toEqual({
      failed: false,
      lines: ["nested"],
    });
  });

  it("runs what it sends on the client of the outer one", async () => {
    const pool = local.pool(options);
    await pool.transaction((tx) => pool.transaction(() => add(tx, "by the outer client")));
    expect(await lines()).toEqual(["by the outer client"]);
  });

  it.each([
    ["tx.query", (tx: Pick<Pool, "query">, _pool: Pool) => tx],
    ["pool.query", (_tx: Pick<Pool, "query">, pool: Pool) => pool],
  ])("does not take with it what is written beside it: %s", async (_name, choose) => {
    const pool = local.pool(options);
    const nestedIsOpen = gate();
    const fail = gate();
    await pool.transaction(async (tx) => {
      const nested = rejection(
        pool.transaction(async () => {
          nestedIsOpen.open();
          await fail.opened;
          throw new Error("no");
        }),
      );
      await nestedIsOpen.opened;
      const beside = add(choose(tx as Pick<Pool, "query">, pool), "beside");
      fail.open();
      await Promise.all([nested, beside]);
    });
    expect(await lines()).toEqual(["beside"]);
  });

  it("may wait for a read of the outer one", async () => {
    const pool = local.pool(options);
    const nestedIsOpen = gate();
    const answer = await pool.transaction(async () => {
      const read = nestedIsOpen.opened.then(() => pool.query("select 42 as n"));
      return pool.transaction(async () => {
        nestedIsOpen.open();
        return (await read).rows;
      });
    });
    expect(answer).toEqual([{ n: 42 }]);
  });
});

describe.each(kinds)("a statement that outlives its transaction $kind", ({ options }) => {
  async function outlive(pool: Pool, statement: () => Promise<unknown>, fails: boolean) {
    const over = gate();
    let late: Promise<string> | undefined;
    const transaction = pool.transaction(() => {
      late = over.opened.then(statement).then(
        () => "answered",
        (error: { code: string }) => error.code,
      );
      if (fails) throw new Error("no");
    });
    await transaction.catch(() => undefined);
    over.open();
    return late;
  }

  it.each([
    ["a write is refused after a rollback", true, "TRANSACTION_ENDED", []],
    ["a write runs by itself after a commit", false, "answered", ["late"]],
  ])("%s", async (_name, fails, outcome, stored) => {
    const pool = local.pool(options);
    const found = await outlive(pool, () => add(pool, "late"), fails);
    expect({ outcome: found, lines: await lines() }).toEqual({ outcome, lines: stored });
  });

  it.each([
    ["a rollback", true],
    ["a commit", false],
  ])("a read runs by itself after %s", async (_name, fails) => {
    const pool = local.pool(options);
    expect(await outlive(pool, () => pool.query("select 1"), fails)).toBe("answered");
  });
});

describe.each(kinds)("a transaction $kind", ({ options }) => {
  it.each(["rollback", "commit"])("fails when its callback has sent %s itself", async (text) => {
    const error = await rejection(
      local.pool(options).transaction(async (tx) => {
        await add(tx as Pick<Pool, "query">, "inside");
        await tx.query(text);
        return "done";
      }),
    );
    expect(error.code).toBe("TRANSACTION_NOT_COMMITTED");
  });

  it("is not joined by what an acquire listener sends for somebody else", async () => {
    const caller = new AsyncLocalStorage<string>();
    const pool = local.pool({ ...options, max: 2, readerPool: { max: 1 } });
    let insert: Promise<unknown> | undefined;
    let listening = false;
    pool.on("acquire", () => {
      if (!listening) return;
      listening = false;
      insert = add(pool, `for ${caller.getStore()}`);
    });
    await rejection(
      caller.run("the transaction", () =>
        pool.transaction(async (tx) => {
          await add(tx as Pick<Pool, "query">, "rolled back");
          const only = await pool.reader.connect();
          const other = outsideTransaction(() =>
            caller.run("the other", () => pool.query("select 1")),
          );
          listening = true;
          only.release();
          await other;
          throw new Error("no");
        }),
      ),
    );
    await insert;
    expect(await lines()).toEqual(["for the other"]);
  });
});

describe.each(kinds)("listeners $kind", ({ options }) => {
  it.each([
    ["a query", (pool: Pool) => pool.query("select 1")],
    ["a client", async (pool: Pool) => (await pool.connect()).release()],
    [
      "a client that is given back with a query under way",
      async (pool: Pool) => {
        const client = await pool.connect();
        const answer = client.query("select 1");
        client.release();
        await answer;
      },
    ],
  ])("run in the context of whoever uses the connection: %s", async (_what, use) => {
    const caller = new AsyncLocalStorage<string>();
    // Each on its own: a lane is used by many at once, and taken once.
    const pool = local.pool({ ...options, max: 1, lanes: false });
    const heard: Record<string, (string | undefined)[]> = { acquire: [], release: [] };
    pool.on("acquire", () => heard["acquire"]?.push(caller.getStore()));
    pool.on("release", () => heard["release"]?.push(caller.getStore()));
    // One after another, for there is one connection.
    const callers = ["a", "b", "c"];
    await Promise.all(callers.map((name) => caller.run(name, () => use(pool))));
    await until("all is given back", () => heard["release"]?.length === callers.length);
    expect(heard).toEqual({ acquire: callers, release: callers });
  });
});

describe.each(kinds)("statement events $kind", ({ options }) => {
  it("are published in the context of whoever sent the statement", async () => {
    const caller = new AsyncLocalStorage<string>();
    const pool = local.pool({ ...options, max: 1 });
    const mark = newMark();
    const heard: string[] = [];
    const listener = (event: unknown) => {
      const { text } = event as StatementEvent;
      if (text.startsWith(mark)) heard.push(`${caller.getStore()}: ${text.slice(mark.length)}`);
    };
    subscribe("pointsman:statement:end", listener);
    onTestFinished(() => {
      unsubscribe("pointsman:statement:end", listener);
    });
    const use = async (name: string) => {
      await pool.query(`${mark}select '${name}'`);
      await pool.query(`${mark}select pg_backend_pid(), '${name}'`);
      const client = await pool.connect();
      await client.query(`${mark}select '${name}'`);
      client.release();
    };
    const callers = ["a", "b", "c"];
    await Promise.all(callers.map((name) => caller.run(name, () => use(name))));
    expect(heard.sort()).toEqual(
      callers
        .flatMap((name) => [
          `${name}: select '${name}'`,
          `${name}: select '${name}'`,
          `${name}: select pg_backend_pid(), '${name}'`,
        ])
        .sort(),
    );
  });
});

describe("options of a transaction", () => {
  it.each([
    [{ readOnly: "yes" }, "readOnly", 'readOnly must be true or false; got "yes".'],
    [{ deferrable: 1 }, "deferrable", "deferrable must be true or false; got 1."],
    [{ retries: -1 }, "retries", "retries must be a whole number of 0 or more; got -1."],
    [{ retries: "x" }, "retries", 'retries must be a whole number of 0 or more; got "x".'],
    [
      { isolationLvl: "serializable" },
      "isolationLvl",
      "There is no option isolationLvl of a transaction. Known are: isolationLevel, readOnly, deferrable, set, retries.",
    ],
    [null, "options", "options must be an object such as { readOnly: true }; got null."],
  ])("are checked before anything is sent: %o", async (options, option, message) => {
    const pool = local.pool();
    const error = await rejection(pool.transaction(async () => {}, options as never));
    expect(error).toMatchObject({ code: "CONFIG_INVALID", option, message });
    expect(pool.stats().clients.total).toBe(0);
  });
});
