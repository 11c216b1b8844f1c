import { createServer } from "node:http";
import express, { type Request } from "express";
import { Hono } from "hono";
import { mergeTokens, type Pool } from "pointsman";
import { sessionPerRequest } from "pointsman/express";
import { sessionPerRequest as honoSessionPerRequest } from "pointsman/hono";
import { tokenOf, withToken } from "pointsman/jobs";
import { redisTokenStore } from "pointsman/redis";
import { createClient } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { hasRedis, needsRedis, startRedis } from "../support/redis-server.ts";
import { Browser } from "./support/browser.ts";
import { listening } from "./support/serving.ts";

const local = localCluster({
  readers: 2,
  schema: "create table notes (id int generated always as identity primary key, text text)",
});

interface Answer {
  readonly notes: number;
  readonly server: string;
}

const add = (pool: Pool) => pool.query("insert into notes (text) values ('x')");
const count = (pool: Pool) =>
  pool
    .query<Answer>(`select count(*)::int as notes, ${here} as server from notes`)
    .then(({ rows }) => rows[0] as Answer);

async function serve(
  pool: Pool,
  options?: Parameters<typeof sessionPerRequest<Request>>[1],
): Promise<string> {
  const app = express();
  app.use(sessionPerRequest<Request>(pool, options));
  app.get("/notes", async (_request, response) => {
    response.json(await count(pool));
  });
  app.post("/notes", async (_request, response) => {
    await add(pool);
    response.redirect(303, "/notes");
  });
  app.post("/transaction", async (_request, response) => {
    await pool.transaction((tx) => tx.query("insert into notes (text) values ('x')"));
    response.json({});
  });
  app.post("/forget", (_request, response) => {
    void add(pool);
    response.json({});
  });
  const { url, close } = await listening(createServer(app));
  onTestFinished(close);
  return url;
}

/** Runs a test while no reader learns anything new. */
async function whileBehind(work: () => Promise<void>): Promise<void> {
  await local.cluster.waitForReplay();
  await local.cluster.pauseReplay();
  try {
    await work();
  } finally {
    await local.cluster.resumeReplay();
  }
}

const post: RequestInit = { method: "POST" };

describe("with a real pool", () => {
  test.each(["/notes", "/transaction"])(
    "who has written by %s finds it, though no reader has it",
    async (path) => {
      const browser = new Browser(await serve(local.pool()));
      const { notes } = (await browser.ask<Answer>("/notes")).body;
      await whileBehind(async () => {
        await browser.ask(path, post);
        const { body, cookies } = await browser.ask<Answer>("/notes");
        expect(body).toEqual({ notes: notes + 1, server: "writer" });
        expect(cookies).toEqual([]);
      });
    },
  );

  test("others go on reading from readers", async () => {
    const url = await serve(local.pool());
    const browser = new Browser(url);
    await whileBehind(async () => {
      await browser.ask("/notes", post);
      const { body } = await new Browser(url).ask<Answer>("/notes");
      expect(body.server).toMatch(/^reader/);
    });
  });

  test("who has written reads from readers again when they have it", async () => {
    const browser = new Browser(await serve(local.pool()));
    await browser.ask("/notes", post);
    await local.cluster.waitForReplay();
    expect((await browser.ask<Answer>("/notes")).body.server).toMatch(/^reader/);
  });

  test("another process sees it, by the cookie alone", async () => {
    const browser = new Browser(
      await serve(local.pool({ freshness: { secret: "known to the servers" } })),
    );
    const other = await serve(local.pool({ freshness: { secret: "known to the servers" } }));
    await whileBehind(async () => {
      await browser.ask("/notes", post);
      const cookie = [...browser.cookies].map((pair) => pair.join("=")).join("; ");
      const { body } = await new Browser(other).ask<Answer>("/notes", { headers: { cookie } });
      expect(body.server).toBe("writer");
    });
  });

  test("a forged cookie beside a genuine one takes nothing from it", async () => {
    const browser = new Browser(
      await serve(local.pool({ freshness: { secret: "known to the servers" } })),
    );
    await whileBehind(async () => {
      await browser.ask("/notes", post);
      const [genuine = ""] = [...browser.cookies].map((pair) => pair.join("="));
      const forged = genuine.replace(/\.[\w-]{8}=/, ".AAAAAAAA=").slice(0, -4);
      const cookie = `${genuine}; ${forged}xxxx`;
      const { body } = await browser.ask<Answer>("/notes", { headers: { cookie } });
      expect(body.server).toBe("writer");
      const alone = await browser.ask<Answer>("/notes", { headers: { cookie: `${forged}xxxx` } });
      expect(alone.body.server).toMatch(/^reader/);
    });
  });

  test("a write that is under way when the headers leave is not lost", async () => {
    const browser = new Browser(await serve(local.pool()));
    const { notes } = (await browser.ask<Answer>("/notes")).body;
    await whileBehind(async () => {
      await browser.ask("/forget", post);
      await expect
        .poll(async () => (await browser.ask<Answer>("/notes")).body)
        .toEqual({ notes: notes + 1, server: "writer" });
    });
  });

  test("Hono carries it, too", async () => {
    const pool = local.pool();
    const app = new Hono();
    app.use(honoSessionPerRequest(pool));
    app.post("/", async (c) => {
      await add(pool);
      return c.json(await count(pool));
    });
    await whileBehind(async () => {
      const response = await app.request("/", post);
      expect(((await response.json()) as Answer).server).toBe("writer");
      expect(response.headers.getSetCookie()).toHaveLength(1);
    });
  });

  test("a job sees what was written before it was queued", async () => {
    const pool = local.pool();
    await whileBehind(async () => {
      const payload = await pool.session(async (session) => {
        await add(pool);
        return withToken({}, session);
      });
      const { server } = await pool.session(() => count(pool), { after: tokenOf(payload) });
      expect(server).toBe("writer");
      expect(mergeTokens(tokenOf(payload), undefined)).toBe(tokenOf(payload));
    });
  });

  test.skipIf(!hasRedis)(
    `another device of the user sees it, by the store alone (${needsRedis})`,
    async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      const client = createClient({ url: redis.url });
      client.on("error", () => {});
      await client.connect();
      onTestFinished(() => client.destroy());
      const url = await serve(local.pool(), {
        store: redisTokenStore(client),
        userId: (request) => request.get("x-user"),
      });
      const as = (user: string): RequestInit => ({ headers: { "x-user": user } });
      await whileBehind(async () => {
        await new Browser(url).ask("/notes", { ...as("ada"), ...post });
        const phone = await new Browser(url).ask<Answer>("/notes", as("ada"));
        const stranger = await new Browser(url).ask<Answer>("/notes", as("bob"));
        expect(phone.body.server).toBe("writer");
        expect(stranger.body.server).toMatch(/^reader/);
      });
    },
  );
});
