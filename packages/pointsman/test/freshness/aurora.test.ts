import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 2,
  aurora: true,
  schema: "create table books (id serial primary key, title text)",
});

const insert = "insert into books (title) values ('a')";
const seen = async (pool: Pool): Promise<{ server: string; books: number }> =>
  (await pool.query(`select ${here} as server, (select count(*)::int from books) as books`))
    .rows[0];

describe("where functions of the WAL are refused, as on Aurora", () => {
  it("a read sees what was written before it, by transaction ids", async () => {
    const pool = local.pool();
    await pool.query("select 1");
    await paused(local.cluster, async () => {
      await pool.query(insert);
      expect((await seen(pool)).server).toBe("writer");
    });
    await local.cluster.waitForReplay();
    await until("a reader serves", async () => (await seen(pool)).server !== "writer");
    const servers = pool.stats().freshness.servers.map(({ positions }) => positions);
    expect(servers).toContain("transaction-id");
    expect(new Set(servers).size).toBe(1);
  });

  it("the functions are not called blindly", async () => {
    const pool = local.pool();
    for (let n = 0; n < 5; n++) {
      await pool.query(insert);
      await seen(pool);
    }
    for (const server of local.cluster.servers) {
      expect(server.log()).not.toContain("not supported for Aurora");
      expect(server.log()).not.toContain("wal_level must be set");
    }
  });

  it("a session carries what it has written to another one", async () => {
    const pool = local.pool();
    await pool.query("select 1");
    await paused(local.cluster, async () => {
      const { token, books } = await pool.session(async (session) => {
        await pool.query(insert);
        return { token: session.token, books: (await seen(pool)).books };
      });
      await pool.session(
        async () => {
          expect((await seen(pool)).books).toBe(books);
        },
        { after: token },
      );
    });
  });
});

describe("where there are no positions at all", () => {
  it("reads go to the writer for a time after a write", async () => {
    const pool = local.pool({ freshness: { positions: "time-window", window: 300 } });
    await until("the reader serves", async () => (await seen(pool)).server !== "writer");
    await pool.query(insert);
    expect((await seen(pool)).server).toBe("writer");
    expect(pool.stats().reasons["time-window"]).toBeGreaterThan(0);
    await until("the window is over", async () => (await seen(pool)).server !== "writer");
  });
});
