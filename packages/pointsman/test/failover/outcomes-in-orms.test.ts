import { type Cluster, startCluster } from "@pointsman/local";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable } from "drizzle-orm/pg-core";
import { Kysely, PostgresDialect } from "kysely";
import { createPool, type Pool, WriteOutcomeUnknown } from "pointsman";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { rejection } from "../support/waiting.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  const pool = createPool({ writer: cluster.writer.url });
  await pool.query("create table payments (id int primary key)");
  await pool.end();
  await cluster.waitForReplay();
});
afterAll(() => cluster.stop());

const payments = pgTable("payments", { id: integer().primaryKey() });

/** Each of them sends ROLLBACK behind a COMMIT that has failed, and fails as that does. */
const orms: Readonly<Record<string, (pool: Pool, id: number) => Promise<unknown>>> = {
  Drizzle: async (pool, id) =>
    drizzle(pool)
      .transaction((tx) => tx.insert(payments).values({ id }))
      .catch((error: Error) => {
        throw error.cause;
      }),
  Kysely: (pool, id) =>
    new Kysely<{ payments: { id: number } }>({ dialect: new PostgresDialect({ pool }) })
      .transaction()
      .execute((tx) => tx.insertInto("payments").values({ id }).execute()),
};

describe.each(Object.entries(orms))("%s", (_name, pay) => {
  it.each([
    { withReader: true, reaches: true, outcome: "committed" },
    { withReader: true, reaches: false, outcome: "aborted" },
    // With one server nobody has asked for the transaction's id.
    { withReader: false, reaches: true, outcome: "unknown" },
    { withReader: false, reaches: false, outcome: "unknown" },
  ])(
    "is told that nobody knows of its COMMIT (with a reader: $withReader, reached the server: $reaches)",
    async (given) => {
      const relay = new CuttableRelay(cluster.writer, "commit", given.reaches);
      await relay.open();
      const pool = createPool({
        writer: relay.url(cluster.writer.url),
        ...(given.withReader ? { reader: cluster.reader.url } : {}),
        failoverTimeout: "2s",
      });
      onTestFinished(async () => {
        await pool.end();
        await relay.close();
      });
      const error = await rejection(pay(pool, nextId()));
      expect(error).toBeInstanceOf(WriteOutcomeUnknown);
      expect(await pool.outcome(error)).toBe(given.outcome);
    },
  );
});

let lastId = 0;

function nextId(): number {
  lastId += 1;
  return lastId;
}
