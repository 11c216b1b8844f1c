import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { PointsmanError, type Pool, withWriter } from "pointsman";
import { expectQueries } from "pointsman/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";

// One service in two deployments: one inside, which writes, and one for the public, which must not
// but for one table, whatever its code does.
const local = localCluster({
  readers: 1,
  schema: `
    create table articles (id int primary key, title text);
    insert into articles values (1, 'Points');
    create table editors (id int primary key, name text);
    create table settings (name text primary key, value text);
    create table renditions (id int primary key, article int);
    create schema audit;
    create table audit.log (id int primary key, what text)`,
});

const options = { tables: { settings: "writer" }, allowWritesTo: ["renditions"] } as const;

const inside = (): Pool => local.pool({ ...options });
const outside = (): Pool => local.pool({ ...options, readOnly: true });

const namesOf = async (pool: { query(text: string): Promise<{ rows: unknown[] }> }, from: string) =>
  (await pool.query(`select ${here} as name from (select 1) one left join ${from} on true limit 1`))
    .rows;

async function all(table: string): Promise<unknown[]> {
  const client = await local.connect();
  return (await client.query(`select * from ${table}`)).rows;
}

describe("the deployment inside", () => {
  it("reads from the reader outside of transactions, and from the writer inside", async () => {
    const pool = inside();
    expect(await namesOf(pool, "articles")).toEqual([{ name: "reader1" }]);
    await pool.transaction(async (tx) => {
      expect(await namesOf(tx as unknown as Pool, "articles")).toEqual([{ name: "writer" }]);
    });
    expect(await withWriter(() => namesOf(pool, "articles"))).toEqual([{ name: "writer" }]);
  });

  it("reads a table that is pinned to the writer there", async () => {
    const pool = inside();
    expect(await namesOf(pool, "settings")).toEqual([{ name: "writer" }]);
    expect(await namesOf(pool, "articles join settings on true")).toEqual([{ name: "writer" }]);
  });

  it("is asserted to send so many statements to each side", async () => {
    const pool = inside();
    await expectQueries(pool, { writer: 2, reader: 2 }, async () => {
      await pool.query("select * from articles");
      await pool.query("select * from settings");
      await pool.query("insert into editors values (1, 'Ada')");
      await pool.session(() => pool.query("select * from editors"));
    });
    await pool.query("delete from editors");
  });

  it("cannot write on the reader's connections, by whatever SQL", async () => {
    const pool = inside();
    const texts = [
      "insert into articles values (2, 'x')",
      "begin read write",
      "set transaction read write",
      "create table x (id int)",
      "select nextval('x')",
    ];
    for (const text of texts.slice(0, 4)) {
      const error = await rejection(pool.reader.query(text));
      expect(["25006", "0A000"], text).toContain((error as { code?: string }).code);
    }
    expect(await all("articles")).toEqual([{ id: 1, title: "Points" }]);
  });

  it("migrates without touching the reader", async () => {
    const mark = newMark();
    const folder = mkdtempSync(join(tmpdir(), "migrations-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "meta"));
    const entries = ["0000_one", "0001_two"].map((tag, idx) => ({
      idx,
      version: "7",
      when: 1_700_000_000_000 + idx,
      tag,
      breakpoints: true,
    }));
    writeFileSync(
      join(folder, "meta/_journal.json"),
      JSON.stringify({ version: "7", dialect: "postgresql", entries }),
    );
    writeFileSync(join(folder, "0000_one.sql"), `${mark} create table one (id int);`);
    writeFileSync(
      join(folder, "0001_two.sql"),
      `${mark} insert into one values (1);--> statement-breakpoint\n${mark} select * from one;`,
    );
    const [reader] = local.cluster.readers;
    const before = reader?.log().split("__drizzle_migrations").length;
    await migrate(drizzle(inside() as never), { migrationsFolder: folder });
    expect(await all("one")).toEqual([{ id: 1 }]);
    expect(local.reached(mark)).toEqual(["writer"]);
    expect(reader?.log().split("__drizzle_migrations").length).toBe(before);
    // And for the public nothing is migrated.
    const public_ = drizzle(outside() as never);
    const error = await rejection(migrate(public_, { migrationsFolder: folder }));
    expect(String((error as Error).cause ?? error)).toContain("read-only");
  });
});

describe("the deployment for the public", () => {
  it.each(["articles", "editors", "settings", "audit.log", "renditions"])(
    "allows or refuses writes to %s",
    async (table) => {
      const pool = outside();
      const before = await all(table);
      const write = async () => {
        await pool.query(`insert into ${table} values (7, null)`);
        await pool.query(`delete from ${table}`);
      };
      if (table === "renditions") await write();
      else {
        const error = await rejection(write());
        expect(error).toBeInstanceOf(PointsmanError);
        expect((error as PointsmanError).code).toBe("READ_ONLY_MODE");
        expect((error as Error).message).toContain(`INSERT of ${table} was not sent.`);
      }
      expect(await all(table)).toEqual(before);
    },
  );

  it("reads from the reader whatever asks for the writer, but in a transaction that writes", async () => {
    const pool = outside();
    expect(await namesOf(pool, "settings")).toEqual([{ name: "reader1" }]);
    expect(await withWriter(() => namesOf(pool, "articles"))).toEqual([{ name: "reader1" }]);
    await pool.transaction(async (tx) => {
      expect(await namesOf(tx as unknown as Pool, "articles")).toEqual([{ name: "reader1" }]);
    });
    await pool.transaction(async (tx) => {
      await tx.query("insert into renditions values (1, 1)");
      expect(await namesOf(tx as unknown as Pool, "articles")).toEqual([{ name: "writer" }]);
      await tx.query("delete from renditions");
    });
  });

  it("is asserted to send so many statements to each side", async () => {
    const pool = outside();
    await expectQueries(pool, { writer: 2, reader: 2 }, async () => {
      await pool.query("select * from settings");
      await pool.query("insert into renditions values (2, 1)");
      await pool.query("delete from renditions where id = 2");
      await pool.query("select * from renditions");
    });
  });
});
