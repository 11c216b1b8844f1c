import { createPool, type TransactionOptions } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { ranDuring } from "../support/ran-during.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table notes (id serial primary key, tenant text, body text);
    alter table notes enable row level security;
    create policy own on notes using (tenant = current_setting('app.tenant', true));
    insert into notes (tenant, body) values ('north', 'of north'), ('south', 'of south');
    create role shopper login password 'shopping';
    grant select, insert on notes to shopper;
    grant usage on notes_id_seq to shopper;`,
});

function asShopper(address: string): string {
  const url = new URL(address);
  [url.username, url.password] = ["shopper", "shopping"];
  return url.href;
}

function shopperPool() {
  const { writer, reader } = local.cluster;
  return local.pool({ writer: asShopper(writer.url), reader: asShopper(reader.url), max: 1 });
}

const tenant = "current_setting('app.tenant', true) as tenant";

describe("transaction({ set })", () => {
  it("shows a tenant its own rows on a reader, and leaves nothing on the connection", async () => {
    const pool = shopperPool();
    const bodies = (name: string) =>
      pool.transaction(async () => (await pool.query("select body from notes")).rows, {
        readOnly: true,
        set: { "app.tenant": name },
      });
    const { result, ran } = await ranDuring(local.cluster, () =>
      Promise.all(["north", "south", "nobody"].map(bodies)),
    );
    expect(result).toEqual([[{ body: "of north" }], [{ body: "of south" }], []]);
    expect(ran.writer).toEqual([]);
    expect((await pool.query(`select ${tenant}`)).rows).toEqual([{ tenant: "" }]);
  });

  it("holds on the writer, and is gone when the transaction fails", async () => {
    const pool = shopperPool();
    const failed = pool.transaction(
      async (tx) => {
        const { rows } = await tx.query(
          "insert into notes (tenant) values ('north') returning tenant",
        );
        expect(rows).toEqual([{ tenant: "north" }]);
        throw new Error("not this");
      },
      { set: { "app.tenant": "north" } },
    );
    expect((await rejection(failed)).message).toBe("not this");
    const { rows } = await pool.query({ text: `select ${tenant}`, target: "writer" });
    expect(rows).toEqual([{ tenant: "" }]);
    const refused = pool.query("insert into notes (tenant) values ('north')");
    expect(await rejection(refused)).toMatchObject({ code: "42501" });
  });

  it("sets several at once, of every kind of value", async () => {
    const set = { "app.tenant": "o'brien", statement_timeout: 5000, enable_seqscan: false };
    const { rows } = await local.pool().transaction(
      (tx) =>
        tx.query(
          `select ${tenant}, current_setting('statement_timeout') as timeout,
             current_setting('enable_seqscan') as seqscan`,
        ),
      { set },
    );
    expect(rows).toEqual([{ tenant: "o'brien", timeout: "5s", seqscan: "off" }]);
  });

  it("sets them again when the transaction is repeated", async () => {
    const pool = local.pool();
    const seen: unknown[] = [];
    await pool.transaction(
      async (tx) => {
        seen.push((await tx.query(`select ${tenant}`)).rows[0].tenant);
        if (seen.length === 1) {
          await tx.query("do $$ begin raise serialization_failure; end $$");
        }
      },
      { set: { "app.tenant": "north" }, retries: 1 },
    );
    expect(seen).toEqual(["north", "north"]);
  });

  it("fails with PostgreSQL's own error for a setting that there is not, and goes on", async () => {
    const pool = local.pool({ max: 1 });
    let entered = false;
    const failed = pool.transaction(
      () => {
        entered = true;
      },
      { set: { no_such_setting: 1 } },
    );
    expect(await rejection(failed)).toMatchObject({ code: "42704" });
    expect(entered).toBe(false);
    expect((await pool.query("insert into notes (body) values ('after')")).rowCount).toBe(1);
  });

  it("is refused in a nested transaction, where it would hold on behind it", async () => {
    const pool = local.pool();
    const failed = pool.transaction(() =>
      pool.transaction(() => undefined, { set: { "app.tenant": "south" } }),
    );
    expect(await rejection(failed)).toMatchObject({ code: "TRANSACTION_OPTIONS_NESTED" });
    await pool.transaction(() => pool.transaction(() => undefined, { set: {} }));
  });

  it("works in a read-only pool", async () => {
    const { writer, reader } = local.cluster;
    const pool = createPool({
      writer: asShopper(writer.url),
      reader: asShopper(reader.url),
      readOnly: true,
      catalog: false,
    });
    onTestFinished(() => pool.end());
    const { rows } = await pool.transaction((tx) => tx.query("select body from notes"), {
      set: { "app.tenant": "south" },
    });
    expect(rows).toEqual([{ body: "of south" }]);
  });

  it.each<[string, unknown, string]>([
    ["no object", "north", 'set must be an object such as { "app.tenant": "north" }; got "north".'],
    ["a list", ["a"], 'set must be an object such as { "app.tenant": "north" }; got ["a"].'],
    [
      "a value that is missing",
      { "app.tenant": undefined },
      'set["app.tenant"] must be a string, a number, true or false; got undefined.',
    ],
    [
      "a value that is null",
      { "app.tenant": null },
      'set["app.tenant"] must be a string, a number, true or false; got null.',
    ],
    [
      "what has an option",
      { transaction_read_only: false },
      "The option readOnly says transaction_read_only: leave it out of set.",
    ],
  ])("refuses %s before anything is sent", async (_, set, message) => {
    const pool = local.pool();
    const failed = rejection(
      pool.transaction(() => undefined, { set } as unknown as TransactionOptions),
    );
    expect(await failed).toMatchObject({ code: "CONFIG_INVALID", message });
    expect(pool.totalCount).toBe(0);
  });
});
