import type { Client, Pool } from "pg";
import { describe, expect, it } from "vitest";
import { backendOf } from "../support/checkouts.ts";
import { subjectsOnCluster } from "../support/subjects.ts";

const { all, own, withReaders } = subjectsOnCluster();

const ended = "Client was closed and is not queryable";

/** The clients of a pool, as pg-pool keeps them. */
function clientsOf(pool: Pool): readonly Client[] {
  return (pool as unknown as { readonly _clients: readonly Client[] })._clients;
}

describe.each(all)("an idle client that somebody ends by hand $name", ({ open }) => {
  it("fails what its next user sends, and is replaced then", async () => {
    const pool = open({ max: 1 });
    const first = await pool.connect();
    await backendOf(first);
    first.release();
    await clientsOf(pool)[0]?.end();
    const next = await pool.connect();
    expect(next).toBe(first);
    await expect(backendOf(next)).rejects.toThrow(ended);
    next.release();
    const after = await pool.connect();
    expect(after).not.toBe(first);
    expect(await backendOf(after)).toBeGreaterThan(0);
    after.release();
    expect(clientsOf(pool)).toEqual([after]);
  });

  it("does not keep the pool from ending", async () => {
    const pool = open({ max: 2 });
    const client = await pool.connect();
    await backendOf(client);
    client.release();
    await clientsOf(pool)[0]?.end();
    await pool.end();
    expect(clientsOf(pool)).toEqual([]);
  });
});

describe.each(own)("an idle connection to the writer that somebody ends $name", ({ open }) => {
  it("fails no second statement through the pool", async () => {
    const pool = open({ max: 1 });
    const write = () => pool.query<{ one: number }>("select 1 as one for update");
    await write();
    await clientsOf(pool.writer)[0]?.end();
    await write().catch((error: Error) => expect(error.message).toBe(ended));
    expect((await write()).rows).toEqual([{ one: 1 }]);
    expect(pool.writer.totalCount).toBe(1);
  });
});

it("an idle connection to a reader that somebody ends is replaced, and no read fails", async () => {
  const pool = withReaders.open({ max: 1 });
  const text = "select current_setting('cluster_name') as place";
  const places: string[] = [];
  for (let round = 0; round < 3; round++) {
    places.push((await pool.query<{ place: string }>(text)).rows[0]?.place ?? "");
    if (round === 0) await clientsOf(pool.reader)[0]?.end();
  }
  expect(places).toEqual(["reader1", "reader1", "reader1"]);
});
