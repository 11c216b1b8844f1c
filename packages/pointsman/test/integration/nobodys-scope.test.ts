import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  outsideTransaction,
  type Pool,
  type PoolOptions,
  type StatementEvent,
  withWriter,
} from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { kinds } from "../support/kinds.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({ readers: 1, schema: "create table lines (line text)" });

/** The reasons of the statements with a mark, as they are answered. */
function reasonsOf(mark: string): string[] {
  const seen: string[] = [];
  const note = (event: unknown): void => {
    const { text, reason } = event as StatementEvent;
    if (text.includes(mark)) seen.push(reason);
  };
  subscribe("pointsman:statement:end", note);
  onTestFinished(() => {
    unsubscribe("pointsman:statement:end", note);
  });
  return seen;
}

/** Ways in which a caller makes the pool open a connection. */
const openings: readonly [string, (pool: Pool) => Promise<unknown>][] = [
  ["pool.query", (pool) => pool.query({ text: "select 1", target: "writer" })],
  [
    "a checked-out client",
    async (pool) => {
      const client = await pool.connect();
      await client.query("select 1 for update");
      client.release();
    },
  ],
  ["pool.transaction", (pool) => pool.transaction((tx) => tx.query("select 1"))],
  ["pool.writer", (pool) => pool.writer.query("select 1")],
];

describe.each(kinds)("a connection that is opened inside withWriter ($kind)", ({ options }) => {
  it.each(openings)("R3: is announced in nobody's scope: %s", async (_way, open) => {
    const mark = newMark();
    const seen = reasonsOf(mark);
    const pool = local.pool(options);
    const other = local.pool();
    const answers: Promise<unknown>[] = [];
    pool.on("connect", () => {
      answers.push(other.query(`${mark} select 1`));
    });
    await withWriter(() => open(pool));
    await Promise.all(answers);
    expect(new Set(seen)).toEqual(new Set(["plain-read"]));
    expect(local.reached(mark)).toEqual(["reader1"]);
  });

  it.each<[string, (use: () => void) => PoolOptions]>([
    ["onConnect", (use) => ({ onConnect: use })],
    [
      "verify",
      (use) => ({
        verify: ((_client: unknown, done: () => void) => {
          use();
          done();
        }) as never,
      }),
    ],
  ])("R3: runs its hooks in nobody's scope: %s", async (_hook, hooked) => {
    const mark = newMark();
    const other = local.pool();
    const answers: Promise<unknown>[] = [];
    const hook = (): void => {
      answers.push(other.query(`${mark} select 1`));
    };
    const pool = local.pool({ ...options, ...hooked(hook) });
    await withWriter(() => pool.query({ text: "select 1", target: "writer" }));
    await Promise.all(answers);
    expect(answers.length).toBeGreaterThan(0);
    expect(local.reached(mark)).toEqual(["reader1"]);
  });

  it("R3: carries nothing of it to a later user's notifications", async () => {
    const pool = local.pool({ ...options, max: 1 });
    // A notification makes its listener's reads wait for what was written before it.
    const other = local.pool({ consistency: "eventual" });
    await withWriter(() => pool.query({ text: "select 1", target: "writer" }));
    const mark = newMark();
    const seen = reasonsOf(mark);
    const client = await pool.connect();
    onTestFinished(() => client.release());
    const places: string[] = [];
    client.on("notification", () => {
      other.query(`${mark} select ${here} as place`).then(({ rows }) => places.push(rows[0].place));
    });
    await client.query("listen news");
    await (await local.connect()).query("notify news");
    await until("the notification is answered", () => places.length > 0);
    expect({ places, seen }).toEqual({ places: ["reader1"], seen: ["plain-read"] });
  });

  it("R3: carries nothing of it to the pool's own events", async () => {
    const pool = local.pool({ ...options, max: 1 });
    const other = local.pool();
    await withWriter(() => pool.query({ text: "select 1", target: "writer" }));
    const mark = newMark();
    const answers: Promise<unknown>[] = [];
    pool.on("error", () => {});
    pool.on("remove", () => {
      answers.push(other.query(`${mark} select 1`));
    });
    await (await local.connect()).query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query = 'select 1' and state = 'idle'",
    );
    await until("the connection is removed", () => answers.length > 0);
    await Promise.all(answers);
    expect(local.reached(mark)).toEqual(["reader1"]);
  });
});

describe.each(kinds)("a connection that is opened inside a transaction ($kind)", ({ options }) => {
  it("R3: has listeners whose statements are no part of the transaction", async () => {
    const line = newMark();
    const pool = local.pool(options);
    const other = local.pool({ ...options, max: 1 });
    const written: Promise<unknown>[] = [];
    other.on("connect", () => {
      written.push(pool.query("insert into lines values ($1)", [line]));
    });
    const undone = pool.transaction(async () => {
      await other.query({ text: "select 1", target: "writer" });
      await Promise.all(written);
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    expect(written.length).toBeGreaterThan(0);
    const { rows } = await (await local.connect()).query(
      "select count(*)::int as n from lines where line = $1",
      [line],
    );
    expect(rows).toEqual([{ n: written.length }]);
  });
});

describe("a scope", () => {
  it("of withWriter is kept by outsideTransaction", async () => {
    const pool = local.pool();
    const mark = newMark();
    const reasons = reasonsOf(mark);
    const read = () => pool.query(`${mark} select 1`);
    await withWriter(() => pool.transaction(() => outsideTransaction(read)));
    await pool.transaction(() => withWriter(() => outsideTransaction(read)));
    await withWriter(() => outsideTransaction(read));
    expect(reasons).toEqual(["scope", "scope", "scope"]);
    expect(local.reached(mark)).toEqual(["writer"]);
  });

  it("of withWriter is not made by outsideTransaction", async () => {
    const pool = local.pool();
    const mark = newMark();
    await pool.transaction(() => outsideTransaction(() => pool.query(`${mark} select 1`)));
    expect(local.reached(mark)).toEqual([expect.stringMatching(/^reader/)]);
  });
});
