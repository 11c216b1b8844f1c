import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { streamText } from "hono/streaming";
import { sessionOf, sessionPerRequest } from "pointsman/hono";
import { expect, expectTypeOf, onTestFinished, test } from "vitest";
import { Browser } from "./support/browser.ts";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool } from "./support/fake-pool.ts";
import { listening, type Serve, type Stage } from "./support/serving.ts";

function appOf({ pool, options, users, handlers, stream }: Stage): Hono {
  const app = new Hono();
  app.use(
    sessionPerRequest<Context>(pool, {
      ...options,
      ...(users && { userId: (c) => c.req.header("x-user") ?? c.get("user") }),
    }),
  );
  app.all("/stream", async (c) => {
    await pool.write();
    return streamText(c, async (out) => {
      for await (const piece of stream()) await out.write(piece);
    });
  });
  app.all("/:name", async (c) => {
    const body = await handlers[c.req.param("name")]?.(await c.req.text());
    c.set("user" as never, c.req.query("as") as never);
    return c.json(body);
  });
  app.onError((_error, c) => c.text("failed", 500));
  return app;
}

const serving = (app: Hono) => listening(createAdaptorServer({ fetch: app.fetch }) as Server);
const serve: Serve = (stage) => serving(appOf(stage));

describeCarrying("Hono", serve, { waitsForWrites: true });

async function open(handler: (c: Context, pool: FakePool) => Promise<Response>) {
  const pool = new FakePool();
  const app = new Hono();
  app.use(sessionPerRequest(pool));
  app.all("/", (c) => handler(c, pool));
  const { url, close } = await serving(app);
  onTestFinished(close);
  return new Browser(url);
}

test.each<[string, (c: Context) => Response]>([
  ["redirect()", (c) => c.redirect("/there", 303)],
  [
    "a response of its own, whose headers cannot change",
    () => Response.redirect("http://a.b/", 303),
  ],
  [
    "other cookies",
    (c) => {
      c.header("Set-Cookie", "theme=dark");
      return c.body(null, 303);
    },
  ],
  [
    "an HTTPException",
    () => {
      throw new HTTPException(303, { message: "see there" });
    },
  ],
])("Hono: %s carries the token", async (_name, answer) => {
  const browser = await open(async (c, pool) => {
    await pool.write();
    return answer(c);
  });
  const { status, cookies } = await browser.ask("/");
  expect([status, cookies.at(-1)]).toEqual([303, expect.stringContaining("=p.1; ")]);
});

test("Hono: a handler finds the session of its request", async () => {
  const browser = await open(async (c, pool) => {
    await pool.write();
    return c.json({ token: sessionOf(c)?.token });
  });
  expect((await browser.ask("/")).body).toEqual({ token: "p.1" });
});

test("Hono: the types fit", () => {
  expectTypeOf(sessionPerRequest(new FakePool())).toExtend<MiddlewareHandler>();
  expectTypeOf(sessionPerRequest<Context>).returns.toExtend<MiddlewareHandler>();
});
