import type { Pool, PoolOptions } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paused } from "../freshness/paused.ts";
import { here, localCluster, newMark } from "../support/local-cluster.ts";
import {
  hasPgBouncer,
  needsPgBouncer,
  type PgBouncer,
  startPgBouncer,
} from "../support/pgbouncer.ts";
import { until } from "../support/waiting.ts";

describe.skipIf(!hasPgBouncer)(
  `R31: behind PgBouncer in transaction mode${hasPgBouncer ? "" : ` (${needsPgBouncer})`}`,
  () => {
    const local = localCluster({
      readers: 2,
      schema: "create table books (id serial primary key, title text, copies int default 0)",
    });
    let front: { readonly writer: PgBouncer; readonly readers: PgBouncer };

    beforeAll(async () => {
      const { cluster } = local;
      // Far fewer connections to the servers than clients have: each statement gets any of them.
      const few = { default_pool_size: 3 };
      const [writer, readers] = await Promise.all([
        startPgBouncer(cluster.writer.url, few),
        startPgBouncer(cluster.reader.url, few),
      ]);
      front = { writer, readers };
    });
    afterAll(async () => {
      await front?.writer.stop();
      await front?.readers.stop();
    });

    /** A pool with a PgBouncer in front of either side. */
    const behind = (options: PoolOptions = {}): Pool =>
      local.pool({ writer: front.writer.url, reader: front.readers.url, ...options });

    /** The servers that so many reads at once were answered by, as often as each. */
    async function whoReads(pool: Pool, reads = 30): Promise<string[]> {
      const found = await Promise.all(
        Array.from({ length: reads }, async (_, n) => {
          const { rows } = await pool.query(`select ${here} as server, $1::int as n`, [n]);
          expect(rows[0].n).toBe(n);
          return rows[0].server as string;
        }),
      );
      return [...new Set(found)].sort();
    }

    // The first: a position that another pool of this process knows would count here, too.
    it("with a time window, reads behind a write are on the writer, and on readers again after it", async () => {
      const pool = behind({ freshness: { positions: "time-window", window: 400 } });
      expect((await whoReads(pool))[0]).toMatch(/^reader/);
      await pool.query("insert into books (title) values ('windowed')");
      expect(await whoReads(pool)).toEqual(["writer"]);
      await until("reads are on readers again", async () =>
        (await whoReads(pool, 1))[0]?.startsWith("reader"),
      );
    });

    it("reads go to readers and writes to the writer, with both readers behind one PgBouncer", async () => {
      const pool = behind({ consistency: "eventual" });
      expect(await whoReads(pool, 60)).toEqual(["reader1", "reader2"]);
      const { rows } = await pool.query(
        `insert into books (title) values ('first') returning ${here} as server`,
      );
      expect(rows[0].server).toBe("writer");
      expect(await whoReads(pool, 60)).toEqual(["reader1", "reader2"]);
    });

    it("a session sees its own writes while replay is paused, and so does who has its token", async () => {
      const [pool, other] = [behind(), behind()];
      await whoReads(pool);
      await whoReads(other);
      const titleOf = async (by: Pool, id: number) =>
        (await by.query("select title from books where id = $1", [id])).rows[0]?.title;
      await paused(local.cluster, async () => {
        const stale = await Promise.all(
          Array.from({ length: 40 }, async (_, n) => {
            const title = `book ${n}`;
            const { id, token, mine } = await pool.session(async (session) => {
              const { rows } = await pool.query(
                "insert into books (title) values ($1) returning id",
                [title],
              );
              const id = rows[0].id as number;
              return { id, mine: await titleOf(pool, id), token: session.token };
            });
            const theirs = await other.session(() => titleOf(other, id), { after: token });
            return mine === title && theirs === title ? [] : [{ n, mine, theirs }];
          }),
        );
        expect(stale.flat()).toEqual([]);
        expect((await whoReads(behind({ consistency: "eventual" })))[0]).toMatch(/^reader/);
      });
    });

    it("transactions are whole, many more at once than PgBouncer has connections", async () => {
      const pool = behind({ max: 20 });
      const { rows } = await pool.query(
        "insert into books (title, copies) values ('counted', 0) returning id",
      );
      const { id } = rows[0];
      const kept = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          pool
            .transaction(async (tx) => {
              const pid = () => tx.query("select pg_backend_pid() as pid, txid_current() as txid");
              const before = (await pid()).rows[0];
              await tx.query("update books set copies = copies + 1 where id = $1", [id]);
              const seen = await tx.query("select copies from books where id = $1", [id]);
              expect(seen.rows[0].copies).toBeGreaterThan(0);
              expect((await pid()).rows[0]).toEqual(before);
              if (n % 3 === 0) throw new Error("undone");
            })
            .then(
              () => 1,
              (error: Error) => {
                if (error.message !== "undone") throw error;
                return 0;
              },
            ),
        ),
      );
      const sum = kept.reduce<number>((total, one) => total + one, 0);
      const { rows: after } = await pool.query("select copies from books where id = $1", [id]);
      expect([sum, after[0].copies]).toEqual([40, 40]);
    });

    it("a READ ONLY transaction is on one reader from its beginning to its end", async () => {
      const pool = behind({ consistency: "eventual" });
      const servers = await Promise.all(
        Array.from({ length: 20 }, () =>
          pool.transaction(
            async (tx) => {
              const found = new Set<string>();
              for (let n = 0; n < 4; n++) {
                const { rows } = await tx.query(
                  `select ${here} || ' ' || pg_backend_pid()::text as server`,
                );
                found.add(rows[0].server);
              }
              return [...found];
            },
            { readOnly: true },
          ),
        ),
      );
      for (const found of servers) expect(found).toEqual([expect.stringMatching(/^reader\d \d+$/)]);
    });

    it("texts that would be prepared fail nowhere, whichever connection they meet", async () => {
      const pool = behind({ consistency: "eventual", max: 20, prepare: { after: 0 } });
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          pool.query(
            n % 5 === 0
              ? "insert into books (title, copies) values ('many', $1) returning copies as n"
              : "select $1::int as n",
            [n],
          ),
        ),
      );
      expect(answers.map(({ rows }) => rows[0].n)).toEqual(
        Array.from({ length: 300 }, (_, n) => n),
      );
    });

    it("what is set inside a transaction holds in it, and reaches nobody else", async () => {
      const pool = behind({ max: 20 });
      await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          pool.transaction(async (tx) => {
            await tx.query(`set local app.tenant = '${n}'`);
            await tx.query("select pg_advisory_xact_lock(7)");
            const { rows } = await tx.query("select current_setting('app.tenant') as tenant");
            expect(rows[0].tenant).toBe(String(n));
          }),
        ),
      );
      const left = await Promise.all(
        Array.from({ length: 30 }, () =>
          pool.writer.query("select current_setting('app.tenant', true) as tenant"),
        ),
      );
      expect(new Set(left.map(({ rows }) => rows[0].tenant || ""))).toEqual(new Set([""]));
    });

    it("a cancelled statement ends on its server, and its connection serves the next", async () => {
      const pool = behind({ consistency: "eventual" });
      const [mark, abort] = [newMark(), new AbortController()];
      const admin = await local.connect();
      const running = async () =>
        (
          await admin.query(
            "select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()",
            [`%${mark}%`],
          )
        ).rowCount === 1;
      await pool.query("select 1");
      const sleeping = pool.writer.query({
        text: `${mark} select pg_sleep(60)`,
        signal: abort.signal,
      } as never);
      const failed = expect(sleeping).rejects.toThrow("aborted");
      await until("it runs", running);
      abort.abort();
      await failed;
      await until("it runs no more", async () => !(await running()));
      expect((await pool.writer.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      expect(await front.writer.ask("show version")).toHaveLength(1);
    });

    it("end() closes all of its connections to PgBouncer", async () => {
      const pool = behind({ application_name: "ending" });
      await Promise.all(Array.from({ length: 20 }, () => pool.query("select 1")));
      await pool.query("insert into books (title) values ('last')");
      const clients = async () => {
        const shown = await Promise.all(
          [front.writer, front.readers].map((one) => one.ask("show clients")),
        );
        return shown.flat().filter((client) => client["application_name"] === "ending").length;
      };
      expect(await clients()).toBeGreaterThan(1);
      await pool.end();
      await until("nobody is left", async () => (await clients()) === 0);
    });

    it("all connections that PgBouncer closes are replaced with the next statement", async () => {
      const pool = behind({ consistency: "eventual" });
      await Promise.all([whoReads(pool), pool.writer.query("select 1")]);
      for (const one of [front.writer, front.readers]) {
        await one.ask("kill app");
        await one.ask("resume app");
      }
      expect((await whoReads(pool))[0]).toMatch(/^reader/);
      const { rows } = await pool.query(
        `insert into books (title) values ('again') returning ${here} as server`,
      );
      expect(rows[0].server).toBe("writer");
    });
  },
);
