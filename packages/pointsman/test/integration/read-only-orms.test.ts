import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { Kysely, PostgresDialect } from "kysely";
import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table articles (id int primary key, title text);
    insert into articles values (1, 'Points');
    create table renditions (id int primary key, title text);
    create function steal() returns int language sql as
      'update articles set title = null returning id'`,
});

const articles = pgTable("articles", { id: integer("id").primaryKey(), title: text("title") });
const renditions = pgTable("renditions", { id: integer("id").primaryKey(), title: text("title") });

interface Tables {
  articles: { id: number; title: string | null };
  renditions: { id: number; title: string | null };
}

/** What an application does with its ORM. */
interface Access {
  read(): Promise<unknown>;
  /** Each of them would change `articles`. */
  readonly attacks: Readonly<Record<string, () => Promise<unknown>>>;
  /** Writes `renditions` in a transaction, and tells which server it ran on. */
  render(id: number): Promise<unknown>;
}

const orms: Readonly<Record<string, (pool: Pool) => Access>> = {
  Drizzle: (pool) => {
    const db = drizzle(pool as never);
    return {
      read: () => db.select().from(articles),
      attacks: {
        insert: () => db.insert(articles).values({ id: 2, title: "x" }),
        upsert: () =>
          db
            .insert(articles)
            .values({ id: 1 })
            .onConflictDoUpdate({
              target: articles.id,
              set: { title: "x" },
            }),
        update: () => db.update(articles).set({ title: "x" }).where(eq(articles.id, 1)),
        delete: () => db.delete(articles),
        lock: () => db.transaction((tx) => tx.select().from(articles).for("update")),
        "a transaction": () => db.transaction((tx) => tx.delete(articles)),
        "a nested transaction": () =>
          db.transaction((tx) => tx.transaction((inner) => inner.delete(articles))),
        "a transaction that reads first": () =>
          db.transaction(async (tx) => {
            await tx.select().from(articles);
            await tx.delete(articles);
          }),
        "a function": () => db.execute(sql`select steal()`),
        SQL: () => db.execute(sql`truncate articles`),
      },
      render: (id) =>
        db.transaction(async (tx) => {
          await tx.insert(renditions).values({ id, title: "new" });
          await tx.update(renditions).set({ title: "done" }).where(eq(renditions.id, id));
          const { rows } = await tx.execute(sql.raw(`select ${here} as server`));
          return rows[0]?.["server"];
        }),
    };
  },
  Kysely: (pool) => {
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as never }) });
    return {
      read: () => db.selectFrom("articles").selectAll().execute(),
      attacks: {
        insert: () => db.insertInto("articles").values({ id: 2, title: "x" }).execute(),
        update: () => db.updateTable("articles").set({ title: "x" }).execute(),
        delete: () => db.deleteFrom("articles").execute(),
        lock: () => db.selectFrom("articles").selectAll().forUpdate().execute(),
        "a transaction": () =>
          db.transaction().execute((tx) => tx.deleteFrom("articles").execute()),
        "a transaction with a level": () =>
          db
            .transaction()
            .setIsolationLevel("repeatable read")
            .execute((tx) => tx.deleteFrom("articles").execute()),
        "a writing CTE": () =>
          db
            .with("gone", (cte) => cte.deleteFrom("articles").returning("id"))
            .selectFrom("gone")
            .selectAll()
            .execute(),
        "its schema": () => db.schema.createTable("other").addColumn("id", "integer").execute(),
      },
      render: (id) =>
        db
          .transaction()
          .setIsolationLevel("repeatable read")
          .execute(async (tx) => {
            await tx.insertInto("renditions").values({ id, title: "new" }).execute();
            await tx.updateTable("renditions").set({ title: "done" }).execute();
            const found = await tx
              .selectNoFrom((eb) =>
                eb.fn<string>("current_setting", [eb.val("cluster_name")]).as("server"),
              )
              .executeTakeFirst();
            return found?.server;
          }),
    };
  },
};

async function all(table: string): Promise<unknown[]> {
  return (await (await local.connect()).query(`select * from ${table} order by id`)).rows;
}

/** An ORM may put an error of its own around it. */
function causeOf(error: unknown): unknown {
  const { cause, code } = error as { cause?: unknown; code?: unknown };
  return code === undefined && cause !== undefined ? causeOf(cause) : error;
}

describe.each(Object.entries(orms))("%s on a read-only pool", (_orm, on) => {
  it.each([{ reader: undefined }, {}])("reads, and writes nothing (%o)", async (place) => {
    const pool = local.pool({ readOnly: true, ...place });
    const { read, attacks } = on(pool);
    expect(await read()).toEqual([{ id: 1, title: "Points" }]);
    for (const [name, attack] of Object.entries(attacks)) {
      const error = causeOf(await rejection(attack()));
      expect(error, name).toMatchObject({ code: "READ_ONLY_MODE" });
    }
    expect(await all("articles")).toEqual([{ id: 1, title: "Points" }]);
    expect(await read()).toEqual([{ id: 1, title: "Points" }]);
  });

  it("writes a table that it may write, in a transaction on the writer", async () => {
    const pool = local.pool({ readOnly: true, allowWritesTo: ["renditions"] });
    const { render, attacks } = on(pool);
    expect(await render(1)).toBe("writer");
    expect(await all("renditions")).toEqual([{ id: 1, title: "done" }]);
    for (const [name, attack] of Object.entries(attacks)) {
      const error = causeOf(await rejection(attack()));
      expect(error, name).toMatchObject({ code: "READ_ONLY_MODE" });
    }
    expect(await all("articles")).toEqual([{ id: 1, title: "Points" }]);
    await pool.query("delete from renditions");
  });
});
