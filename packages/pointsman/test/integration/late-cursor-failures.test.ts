import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { describe, expect, it } from "vitest";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id int primary key);
    create table reviews (book int references books deferrable initially deferred)`,
});

const insert = "insert into reviews values (404) returning book";

describe.each(kinds)("$kind", ({ options }) => {
  it("tells a stream and a cursor of what fails behind their last row", async () => {
    const pool = local.pool(options);
    const client = await pool.connect();
    const read = async () => {
      for await (const _row of client.query(new QueryStream(insert)));
    };
    await expect(read()).rejects.toMatchObject({ code: "23503" });
    const cursor = client.query(new Cursor(insert));
    await expect(cursor.read(10)).rejects.toMatchObject({ code: "23503" });
    // The connection has heard of each Sync once.
    const answers = await Promise.all(
      [1, 2, 3].map((n) => client.query("select $1::int as n", [n])),
    );
    expect(answers.map(({ rows }) => rows[0].n)).toEqual([1, 2, 3]);
    client.release();
    expect((await pool.query("select * from reviews")).rows).toEqual([]);
  });
});
