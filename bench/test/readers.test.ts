import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { haveReaders, serversOf } from "../src/harness/servers.ts";
import { growingAccesses, waysToRead } from "../src/workloads/growing-accesses.ts";
import { makeKeyValueTable } from "../src/workloads/key-value-table.ts";
import { ormReaders } from "../src/workloads/orm-readers.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  await makeKeyValueTable(cluster);
});

afterAll(() => cluster.stop());

/** How often the key of the table was looked up on a server, by connections that are closed. */
async function lookUpsOn(url: string | undefined): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select idx_scan::int as count from pg_stat_user_tables where relname = 'kv'",
    );
    return rows[0].count;
  } finally {
    await client.end();
  }
}

describe("what is measured of an ORM", () => {
  it.each(Object.keys(ormReaders))("is one look-up on the reader: %s", async (name) => {
    const { writer, reader1 } = serversOf(cluster);
    const before = [await lookUpsOn(writer), await lookUpsOn(reader1)];
    const reader = await ormReaders[name]?.(serversOf(cluster));
    const found = await reader?.read(7);
    await reader?.close();
    expect([found].flat()).toEqual([{ id: 7, value: "value 7" }]);
    await expect
      .poll(async () => [await lookUpsOn(writer), await lookUpsOn(reader1)])
      .toEqual([before[0], (before[1] ?? 0) + 1]);
  });
});

describe("a cluster that is measured with several numbers of readers", () => {
  it("gets readers that have the tables, all of which are read from, and loses them again", async () => {
    await haveReaders(cluster, 2);
    const servers = serversOf(cluster);
    expect(Object.keys(servers)).toHaveLength(3);
    const lookUps = () => Promise.all(Object.values(servers).map(lookUpsOn));
    for (const way of waysToRead) {
      const before = await lookUps();
      const access = growingAccesses[way](servers);
      await Promise.all(
        Array.from({ length: 64 }, () => access.read("select * from kv where id = 7", [])),
      );
      await access.close();
      const more = async () => (await lookUps()).map((count, at) => count - (before[at] ?? 0));
      await expect.poll(async () => (await more()).reduce((sum, one) => sum + one)).toBe(64);
      const [onWriter, ...onReaders] = await more();
      expect(onWriter, way).toBe(0);
      expect(Math.min(...onReaders), way).toBeGreaterThan(0);
    }
    await haveReaders(cluster, 1);
    expect(Object.keys(serversOf(cluster))).toEqual(["writer", "reader1"]);
  });
});
