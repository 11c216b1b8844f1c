import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { backendOf } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";
import { until } from "../support/until.ts";

const { all, own, reference, cluster } = subjectsOnCluster();

const text = `
  select $1::int2 as two, 70000::int4 as four, 1.5::float4 as float, 2.25::float8 as double,
    true as yes, 'text' as text, '\\x0102'::bytea as bytes,
    timestamptz '2020-01-02 03:04:05.678Z' as at, null::int as nothing, 8::int8 as eight`;

/** Without values pg takes the simple protocol, which has no binary results. */
const asked = () => ({ text, values: [7], binary: true });

/** Waits until a statement with a mark runs on the writer, or the reader. */
async function running(mark: string): Promise<void> {
  const admins = [cluster().writer, cluster().reader].map(
    ({ url }) => new Client({ connectionString: url }),
  );
  await Promise.all(admins.map((admin) => admin.connect()));
  await until(`${mark} runs`, async () => {
    const found = await Promise.all(
      admins.map((admin) =>
        admin.query(
          "select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()",
          [`%${mark}%`],
        ),
      ),
    );
    return found.some(({ rowCount }) => rowCount === 1);
  });
  await Promise.all(admins.map((admin) => admin.end()));
}

describe.each(all)("a query with binary: true $name", ({ open }) => {
  it("has its results in the binary format, as with pg", async () => {
    const asPg = await reference.open().query(asked());
    for (const target of ["writer", "reader"]) {
      const { rows, fields } = await open().query({ ...asked(), target } as { text: string });
      expect(rows).toEqual(asPg.rows);
      expect(rows[0]).toMatchObject({ four: 70000, double: 2.25, yes: true, text: "text" });
      expect(new Set(fields.map(({ format }) => format))).toEqual(new Set(["binary"]));
    }
  });

  it("has them so on a checked-out client, with values", async () => {
    const client = await open().connect();
    const { rows, fields } = await client.query({
      text: "select $1::int4 + 1 as n",
      values: [41],
      binary: true,
    } as { text: string; values: unknown[] });
    client.release();
    expect({ rows, format: fields[0]?.format }).toEqual({ rows: [{ n: 42 }], format: "binary" });
  });

  it("has them so when the pool was made with it", async () => {
    const pool = open({ binary: true } as object);
    const { rows, fields } = await pool.query("select $1::int4 as n", [42]);
    expect({ rows, format: fields[0]?.format }).toEqual({ rows: [{ n: 42 }], format: "binary" });
  });

  it("has them so when its config is an object with a prototype", async () => {
    class Config {
      get text() {
        return "select $1::int4 as n";
      }
      get values() {
        return [42];
      }
      get binary() {
        return true;
      }
    }
    const { rows, fields } = await open().query(new Config());
    expect({ rows, format: fields[0]?.format }).toEqual({ rows: [{ n: 42 }], format: "binary" });
  });

  it("has them as text otherwise", async () => {
    const { fields } = await open().query({ text, values: [7] });
    expect(new Set(fields.map(({ format }) => format))).toEqual(new Set(["text"]));
  });
});

describe.each(own)("a query with query_timeout and signal $name", ({ open }) => {
  const config = (millis: number, signal: AbortSignal, mark = "") => ({
    text: `/* ${mark} */ select pg_sleep(20), 1 as one for update`,
    query_timeout: millis,
    signal,
  });

  it("times out through the pool, and an abort that comes later hits nobody", async () => {
    const pool = open({ max: 1 });
    const abort = new AbortController();
    await expect(pool.query(config(50, abort.signal))).rejects.toThrow("Query read timeout");
    const next = pool.query("select pg_sleep(0.1), 2 as two for update");
    abort.abort("late");
    expect((await next).rows[0].two).toBe(2);
  });

  it("is cancelled through the pool when the signal comes first, and its timeout hits nobody", async () => {
    const pool = open({ max: 1 });
    const before = await pool.query("select pg_backend_pid() as pid");
    const abort = new AbortController();
    const mark = randomUUID();
    const answer = pool.query(config(1500, abort.signal, mark)).then(() => "finished", String);
    await running(mark);
    abort.abort("first");
    expect(await answer).toBe("first");
    const next = await pool.query("select pg_sleep(1.6), pg_backend_pid() as pid");
    expect(next.rows[0].pid).toBe(before.rows[0].pid);
  });

  it("times out on a checked-out client, and an abort that comes later hits nobody", async () => {
    const client = await open({ max: 1 }).connect();
    await backendOf(client);
    const abort = new AbortController();
    const slow = { text: "select pg_sleep(0.2) for update", query_timeout: 50 };
    await expect(client.query({ ...slow, signal: abort.signal })).rejects.toThrow(
      "Query read timeout",
    );
    const next = client.query("select pg_sleep(0.1), 2 as two for update");
    abort.abort("late");
    expect((await next).rows[0].two).toBe(2);
    client.release();
  });

  it("is cancelled on a checked-out client when the signal comes first", async () => {
    const client = await open({ max: 1 }).connect();
    const pid = await backendOf(client);
    const abort = new AbortController();
    const mark = randomUUID();
    const answer = client.query(config(1500, abort.signal, mark)).then(() => "finished", String);
    await running(mark);
    abort.abort("first");
    expect(await answer).toBe("first");
    await client.query("select pg_sleep(1.6) for update");
    expect(await backendOf(client)).toBe(pid);
    client.release();
  });
});
