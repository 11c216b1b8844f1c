import { randomUUID } from "node:crypto";
import type * as Slonik from "slonik";
import { beforeAll, expect, onTestFinished } from "vitest";
import { allConnectionsOf } from "../pg-module/clients.ts";
import { rejection } from "../support/waiting.ts";
import { withPgAliased } from "./support/aliased.ts";
import { showingUses } from "./support/library.ts";
import { type Endpoints, openShop } from "./support/shop.ts";

const shop = openShop();
const { onReaders, onWriter } = shop;
const shows = showingUses({ name: "Slonik", packageName: "slonik", through: "pointsman/pg" });

let slonik: typeof Slonik;
let sql: Slonik.SqlTag;

const aliased = ({ reader }: Endpoints) =>
  withPgAliased<typeof Slonik>("slonik", { reader, catalog: false });

beforeAll(async () => {
  slonik = await aliased(shop.options());
  sql = slonik.createSqlTag();
});

interface Author {
  readonly id: number;
  readonly name: string;
}

async function open(
  options: Slonik.ClientConfigurationInput = {},
  application_name: string = randomUUID(),
): Promise<Slonik.DatabasePool> {
  const uri = `${shop.options().writer}?application_name=${application_name}`;
  const pool = await slonik.createPool(uri, { resetConnection: noReset, ...options });
  onTestFinished(async () => {
    if (pool.state().state === "ACTIVE") await pool.end();
  });
  return pool;
}

/** By itself, Slonik sends DISCARD ALL behind each use of a connection. */
const noReset = async (): Promise<void> => {};

/** An author whom no other test has. */
const newAuthor = (on: Slonik.CommonQueryMethods): Promise<Author> =>
  on.one(
    sql.unsafe`insert into authors (name) values (${`Author ${randomUUID()}`}) returning id, name`,
  );

const named = (on: Slonik.CommonQueryMethods, name: string): Promise<Author | null> =>
  on.maybeOne(sql.unsafe`select id, name from authors where name = ${name}`);

shows("Create, read, update, delete", "creates, reads, updates and deletes", async () => {
  const pool = await open();
  const made = await onWriter(() => newAuthor(pool));
  expect(await onReaders(() => named(pool, made.name))).toEqual(made);
  const name = `${made.name} Jr.`;
  await onWriter(() =>
    pool.query(sql.unsafe`update authors set name = ${name} where id = ${made.id}`),
  );
  expect(await onReaders(() => named(pool, name))).toEqual({ id: made.id, name });
  const gone = await onWriter(() =>
    pool.query(sql.unsafe`delete from authors where id = ${made.id}`),
  );
  expect(gone.rowCount).toBe(1);
});

shows("Shapes of results", "checks how many rows there are, on readers", async () => {
  const pool = await open();
  const { id, name } = await newAuthor(pool);
  const ids = sql.unsafe`select id from authors where name = ${name}`;
  const none = sql.unsafe`select id from authors where name = 'nobody'`;
  await onReaders(async () => {
    expect(await pool.any(none)).toEqual([]);
    expect(await pool.many(ids)).toEqual([{ id }]);
    expect(await pool.oneFirst(ids)).toBe(id);
    expect(await pool.exists(ids)).toBe(true);
    expect(await rejection(pool.many(none))).toBeInstanceOf(slonik.NotFoundError);
  });
});

shows("Reads its own writes", "reads what it has just written, while readers lag", async () => {
  const pool = await open();
  for (let turn = 0; turn < 5; turn++) {
    const made = await newAuthor(pool);
    expect(await named(pool, made.name)).toEqual(made);
  }
});

shows("Transactions", "runs a transaction on the writer, and undoes one that fails", async () => {
  const pool = await open();
  let name = "";
  const failed = onWriter(() =>
    pool.transaction(async (tx) => {
      ({ name } = await newAuthor(tx));
      expect(await named(tx, name)).toMatchObject({ name });
      throw new Error("not this");
    }),
  );
  expect((await rejection(failed)).message).toBe("not this");
  expect(await named(pool, name)).toBeNull();
  const made = await onWriter(() => pool.transaction(newAuthor));
  expect(await onReaders(() => named(pool, made.name))).toEqual(made);
});

shows("Nested transactions", "goes back to the savepoint of an inner one that fails", async () => {
  const pool = await open();
  const names: string[] = [];
  await onWriter(() =>
    pool.transaction(async (tx) => {
      names.push((await newAuthor(tx)).name);
      const failed = tx.transaction(async (within) => {
        names.push((await newAuthor(within)).name);
        throw new Error("not this");
      });
      await rejection(failed);
    }),
  );
  const [outer = "", inner = ""] = names;
  expect([await named(pool, outer), await named(pool, inner)]).toEqual([
    expect.objectContaining({ name: outer }),
    null,
  ]);
});

shows("Retries", "repeats a transaction that PostgreSQL could not serialize", async () => {
  const pool = await open();
  let attempts = 0;
  const made = await onWriter(() =>
    pool.transaction(async (tx) => {
      attempts += 1;
      if (attempts < 3) {
        await tx.query(sql.unsafe`do $$ begin raise serialization_failure; end $$`);
      }
      return newAuthor(tx);
    }),
  );
  expect([attempts, await named(pool, made.name)]).toEqual([3, made]);
});

shows("Streaming", "streams from a reader", async () => {
  const pool = await open();
  await pool.query(
    sql.unsafe`insert into authors (name) select 'streamed ' || n from generate_series(1, 250) n`,
  );
  const names: string[] = [];
  await onReaders(() =>
    pool.stream(
      sql.type({} as never)`select name from authors where name like 'streamed %' order by id`,
      (stream) => {
        stream.on("data", ({ data }: { data: { name: string } }) => names.push(data.name));
      },
    ),
  );
  expect(names).toEqual(Array.from({ length: 250 }, (_, n) => `streamed ${n + 1}`));
});

shows("Its own errors", "makes its own error of a unique violation", async () => {
  const pool = await open();
  const { name } = await newAuthor(pool);
  const failed = await rejection(
    pool.query(sql.unsafe`insert into authors (name) values (${name})`),
  );
  expect(failed).toBeInstanceOf(slonik.UniqueIntegrityConstraintViolationError);
  expect(failed).toMatchObject({ constraint: "authors_name_key" });
});

shows("Interceptors", "has its interceptors in the way of each query", async () => {
  const seen: string[] = [];
  const pool = await open({
    interceptors: [
      {
        transformQuery: (_context, query) => ({ ...query, sql: `${query.sql} /* told */` }),
        afterQueryExecution: (_context, query) => {
          seen.push(query.sql);
          return null;
        },
      },
    ],
  });
  await onReaders(() => named(pool, "nobody"));
  expect(seen).toEqual([expect.stringMatching(/^select .* \/\* told \*\/$/)]);
});

shows("Tenants (row-level security)", "shows a tenant its own rows, in a transaction", async () => {
  const { createPool } = await aliased(shop.shopperOptions());
  const pool = await createPool(shop.shopperOptions().writer, { resetConnection: noReset });
  onTestFinished(() => pool.end());
  const notesOf = (tenant: string) =>
    pool.transaction(async (tx) => {
      await tx.query(sql.unsafe`select set_config('app.tenant', ${tenant}, true)`);
      return tx.anyFirst(sql.unsafe`select body from notes`);
    });
  const found = await Promise.all(["north", "south", "nobody"].map(notesOf));
  expect(found).toEqual([["of north"], ["of south"], []]);
  await onReaders(async () => {
    expect(await pool.any(sql.unsafe`select body from notes`)).toEqual([]);
  });
});

shows("Resets", "resets a connection behind each use by itself, on the writer", async () => {
  const pool = await slonik.createPool(shop.options().writer);
  onTestFinished(() => pool.end());
  const { ran } = await shop.watch(async () => {
    await shop.cluster.waitForReplay();
    await named(pool, "nobody");
  });
  expect(ran.writer).toEqual(["DISCARD ALL"]);
  expect(ran.readers).toHaveLength(1);
});

shows("Shutdown", "ends the pool, with nothing left", async () => {
  const application_name = randomUUID();
  const pool = await open({}, application_name);
  await Promise.all([newAuthor(pool), named(pool, "nobody")]);
  await pool.end();
  expect(await allConnectionsOf(shop, { application_name })).toBe(0);
});
