import type { Pool } from "pointsman";
import { ConfigError } from "pointsman";
import { describe, expect, it } from "vitest";
import { sealToken } from "../../src/consistency/token.ts";
import { here, localCluster } from "../support/local-cluster.ts";
import { until } from "../support/until.ts";
import { paused } from "./paused.ts";

const local = localCluster({
  readers: 2,
  schema: "create table books (id serial primary key, title text)",
});

const insert = "insert into books (title) values ('a')";
const look = `select ${here} as server, (select count(*)::int from books) as books`;

async function seen(pool: Pool): Promise<{ server: string; books: number }> {
  return (await pool.query(look)).rows[0];
}

/** Waits until a reader has everything, and the pool knows. */
async function caughtUp(pool: Pool): Promise<void> {
  await local.cluster.waitForReplay();
  await until("a reader serves", async () => (await seen(pool)).server !== "writer");
}

describe("a session", () => {
  it("sees its own writes, and makes nobody else wait", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      const { books } = await seen(pool);
      await pool.session(async () => {
        await pool.query(insert);
        expect(await seen(pool)).toEqual({ server: "writer", books: books + 1 });
      });
      expect((await seen(pool)).server).not.toBe("writer");
      await pool.session(async () => {
        expect((await seen(pool)).server).not.toBe("writer");
      });
    });
  });

  it("does not wait for what the rest of the process writes", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await pool.query(insert);
      await pool.session(async () => {
        expect((await seen(pool)).server).not.toBe("writer");
      });
      expect((await seen(pool)).server).toBe("writer");
    });
  });

  it("inside another one shares its writes with it", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await pool.session(async () => {
        await pool.session(() => pool.query(insert));
        expect((await seen(pool)).server).toBe("writer");
      });
    });
  });

  it("R18: counts for another pool of the process on the same cluster", async () => {
    const [one, other] = [local.pool(), local.pool()];
    await Promise.all([caughtUp(one), caughtUp(other)]);
    await paused(local.cluster, async () => {
      await one.session(async () => {
        await one.query(insert);
        expect((await seen(other)).server).toBe("writer");
      });
    });
  });

  it("tells whether something was written in it", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    const changed = await pool.session(async (session) => {
      const before = session.changed;
      await seen(pool);
      const read = session.changed;
      await pool.query(insert);
      return [before, read, session.changed];
    });
    expect(changed).toEqual([false, false, true]);
  });

  it("refuses options that it does not have", () => {
    const pool = local.pool();
    expect(() => pool.session(() => 1, { before: "x" } as never)).toThrow(ConfigError);
    expect(() => pool.session(() => 1, { consistency: "perfect" } as never)).toThrow(
      /consistency must be one of/,
    );
  });
});

describe("R17: a session never goes back", () => {
  it("from a reader that is ahead to one that is behind", async () => {
    const pool = local.pool({ readers: local.cluster.readers.map(({ url }) => url) });
    const [first, second] = local.cluster.readers as [never, never] as unknown as {
      pauseReplay(): Promise<void>;
      resumeReplay(): Promise<void>;
      name: string;
    }[];
    await caughtUp(pool);
    await second?.pauseReplay();
    try {
      await (await local.connect()).query(insert); // by another process
      await until("the first reader has it", async () => {
        const client = await local.connect(local.cluster.readers[0]?.url);
        const { rows } = await client.query("select max(id) as id from books");
        return rows[0].id !== null && first !== undefined;
      });
      for (let n = 0; n < 20; n++) {
        const counts = await pool.session(async () => {
          const one = await seen(pool);
          const all = await Promise.all([seen(pool), seen(pool), seen(pool)]);
          return [one.books, Math.min(...all.map(({ books }) => books))];
        });
        expect(counts[1]).toBeGreaterThanOrEqual(counts[0] as number);
      }
    } finally {
      await second?.resumeReplay();
    }
  });

  it("from the writer to a reader that is behind", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      await (await local.connect()).query(insert);
      await pool.session(async () => {
        const { rows } = await pool.query({ text: look, target: "writer" });
        expect((await seen(pool)).books).toBeGreaterThanOrEqual(rows[0].books);
      });
    });
  });
});

describe("R19: a token", () => {
  it("carries what was written to another session", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    await paused(local.cluster, async () => {
      const token = await pool.session(async (session) => {
        await pool.query(insert);
        return session.token;
      });
      expect(token).toMatch(/^[\w.-]{10,129}$/);
      await pool.session(
        async () => {
          expect((await seen(pool)).server).toBe("writer");
        },
        { after: token },
      );
    });
  });

  it("that claims more than was ever written is dropped, and does not hold reads on the writer", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    const token = await pool.session(async (session) => {
      await pool.query(insert);
      return session.token as string;
    });
    await caughtUp(pool);
    const [head, system, timeline] = token.split(".");
    for (const forged of [`${head}.${system}.${timeline}.zzzzzzzzz`, `${head}.${system}.zz.1`]) {
      await pool.session(
        async () => {
          await seen(pool);
          expect((await seen(pool)).server).not.toBe("writer");
        },
        { after: forged },
      );
    }
  });

  it("of another cluster is replaced by what the writer has now", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    const position = { maker: "wal", system: "1234567890123456789", timeline: 1, at: 5 } as const;
    const foreign = sealToken({ kind: "position", position }, []);
    await paused(local.cluster, async () => {
      await (await local.connect()).query(insert);
      const { rows } = await (await local.connect()).query("select count(*)::int as n from books");
      await pool.session(
        async () => {
          expect((await seen(pool)).books).toBe(rows[0].n);
        },
        { after: foreign },
      );
    });
  });

  it("that says that nothing is known makes the writer be asked", async () => {
    const pool = local.pool();
    await caughtUp(pool);
    const unknown = sealToken({ kind: "unknown", system: "" }, []);
    await paused(local.cluster, async () => {
      await (await local.connect()).query(insert);
      const { rows } = await (await local.connect()).query("select count(*)::int as n from books");
      await pool.session(
        async () => {
          expect((await seen(pool)).books).toBe(rows[0].n);
        },
        { after: unknown },
      );
    });
  });

  it.each(["", "nonsense", "1w.x", null, undefined])("%j is as good as none", async (after) => {
    const pool = local.pool();
    await caughtUp(pool);
    await pool.session(
      async (session) => {
        expect(session.see(after)).toBe(false);
        expect((await seen(pool)).server).not.toBe("writer");
        expect(pool.stats().freshness.asked).toBe(0);
      },
      { after },
    );
  });

  it("is refused without a signature where there is a secret", async () => {
    const pool = local.pool({ freshness: { secret: "a secret of some length" } });
    const token = await pool.session(async (session) => {
      await pool.query(insert);
      return session.token as string;
    });
    pool.session((session) => {
      expect(session.see(token.split(".").slice(0, 4).join("."))).toBe(false);
      expect(session.see(token)).toBe(true);
    });
  });
});
