import Cursor from "pg-cursor";
import type { RefusedText } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";

const schema = `
  create sequence tickets;
  create view next_ticket as select nextval('tickets') as ticket;
  create table notes (id serial primary key, body text);
  create function noted(what text) returns int language sql as
    $$ insert into notes (body) values ($1) returning id $$;
  create function noted_if(n int) returns int language plpgsql as
    $$ begin if n > 10 then insert into notes (body) values ('many'); end if; return n; end $$;`;
const local = localCluster({ readers: 1, schema });

describe("what a reader refuses", () => {
  it("is told once, with what the reader has said and what to do", async () => {
    const pool = local.pool();
    const heard: RefusedText[] = [];
    pool.on("refusal", (refused) => heard.push(refused));
    for (let n = 0; n < 3; n += 1) await pool.query("select ticket from next_ticket");
    await until("it is told", () => heard.length > 0);
    expect(heard).toEqual([
      {
        text: "select ticket from next_ticket",
        because: "cannot execute nextval() in a read-only transaction",
        advice: expect.stringContaining('tables: { "next_ticket": "writer" }'),
      },
    ]);
    const { refusals, refusedTexts, refused } = pool.stats();
    expect([refusals, refusedTexts]).toEqual([1, 1]);
    expect(refused).toEqual([{ ...heard[0], statements: 2 }]);
    expect(await pool.explain("select ticket from next_ticket")).toMatchObject({
      target: "writer",
      reason: "refused",
      refusal: "cannot execute nextval() in a read-only transaction",
    });
    expect(await pool.explain("select id from notes")).not.toHaveProperty("refusal");
  });

  it("names the functions that were said to read", async () => {
    const pool = local.pool({ functions: { noted: "read" } });
    const heard: RefusedText[] = [];
    pool.on("refusal", (refused) => heard.push(refused));
    await pool.query("select noted($1)", ["a"]);
    await until("it is told", () => heard.length > 0);
    expect(heard[0]?.advice).toContain('functions: { "noted": "write" }');
  });

  it("is remembered of texts that differ in their values only", async () => {
    const pool = local.pool();
    await pool.query("select ticket, 1 as one from next_ticket");
    await pool.query("select ticket, 2 as one from next_ticket");
    await pool.query("select ticket, 3 as one from next_ticket");
    const { refusals, reasons } = pool.stats();
    expect([refusals, reasons["after-refusal"], reasons.refused]).toEqual([1, 1, 2]);
  });

  it("is remembered though the verdicts of texts are forgotten", async () => {
    const pool = local.pool();
    await pool.query("select ticket from next_ticket");
    // More than the memory of verdicts holds.
    for (let n = 0; n < 10_100; n += 1) await pool.explain(`select id as "c${n}" from notes`);
    await pool.query("select ticket from next_ticket");
    expect(pool.stats().refusals).toBe(1);
  });

  it("is nothing when the writer refuses the statement as well", async () => {
    const pool = local.pool();
    const heard: RefusedText[] = [];
    pool.on("refusal", (refused) => heard.push(refused));
    const text = "select ticket / 0 from next_ticket";
    await expect(pool.query(text)).rejects.toMatchObject({ code: "22012" });
    expect(pool.stats()).toMatchObject({ refusals: 1, refusedTexts: 0, refused: [] });
    expect(await pool.explain(text)).toMatchObject({ target: "reader" });
    expect(heard).toEqual([]);
  });

  it("is told of a cursor, too", async () => {
    const pool = local.pool();
    const heard: RefusedText[] = [];
    pool.on("refusal", (refused) => heard.push(refused));
    const client = await pool.connect();
    const cursor = client.query(new Cursor("select ticket as of_cursor from next_ticket"));
    const rows = await cursor.read(1);
    await cursor.close();
    client.release();
    expect(rows).toHaveLength(1);
    await until("it is told", () => heard.length > 0);
    expect(heard[0]?.because).toContain("nextval");
  });

  it("throws nothing into the way of the answer when a listener throws", async () => {
    const pool = local.pool();
    const thrown: Error[] = [];
    const catches = (error: Error) => thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", catches);
    try {
      pool.on("refusal", () => {
        throw new Error("of the listener");
      });
      const { rows } = await pool.query("select ticket as thrown from next_ticket");
      expect(rows).toHaveLength(1);
      await until("it was thrown", () => thrown.length > 0);
      expect(thrown[0]?.message).toBe("of the listener");
    } finally {
      process.removeListener("uncaughtException", catches);
      for (const listener of others) process.on("uncaughtException", listener);
    }
  });
});
