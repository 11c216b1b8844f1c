import { createServer } from "node:http";
import { PassThrough } from "node:stream";
import Koa, { type Context } from "koa";
import { sessionOf, sessionPerRequest } from "pointsman/koa";
import { expect, expectTypeOf, onTestFinished, test } from "vitest";
import { Browser } from "./support/browser.ts";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool } from "./support/fake-pool.ts";
import { listening, type Serve, type Stage } from "./support/serving.ts";

function appOf({ pool, options, users, handlers, stream }: Stage): Koa {
  const app = new Koa();
  app.silent = true;
  app.use(
    sessionPerRequest<Context>(pool, {
      ...options,
      ...(users && { userId: (context) => context.get("x-user") || context.state["user"] }),
    }),
  );
  app.use(async (context) => {
    const name = context.path.slice(1);
    if (name === "stream") {
      await pool.write();
      const out = new PassThrough();
      context.body = out;
      void (async () => {
        for await (const piece of stream()) out.write(piece);
        out.end();
      })();
      return;
    }
    const body = await handlers[name]?.(await bodyOf(context));
    context.state["user"] = context.query["as"];
    context.body = body;
  });
  return app;
}

async function bodyOf(context: Context): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.req) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const serve: Serve = (stage) => listening(createServer(appOf(stage).callback()));

describeCarrying("Koa", serve, { waitsForWrites: true });

async function open(handler: (context: Context, pool: FakePool) => Promise<void>) {
  const pool = new FakePool();
  const app = new Koa();
  app.silent = true;
  app.use(sessionPerRequest(pool)).use((context) => handler(context, pool));
  const { url, close } = await listening(createServer(app.callback()));
  onTestFinished(close);
  return new Browser(url);
}

test("Koa: an error with a status of its own carries the token", async () => {
  const browser = await open(async (context, pool) => {
    await pool.write();
    context.throw(409, "taken");
  });
  const { status, body, cookies } = await browser.ask("/");
  expect([status, body, cookies.length]).toEqual([409, "taken", 1]);
});

test("Koa: a handler that answers past Koa carries the token", async () => {
  const browser = await open(async (context, pool) => {
    await pool.write();
    context.respond = false;
    context.res.writeHead(200, { "Set-Cookie": "theme=dark" }).end("by hand");
  });
  const { body, cookies } = await browser.ask("/");
  expect([body, cookies.length]).toEqual(["by hand", 2]);
});

test("Koa: a handler finds the session of its request", async () => {
  const browser = await open(async (context, pool) => {
    await pool.write();
    context.body = { token: sessionOf(context)?.token };
  });
  expect((await browser.ask("/")).body).toEqual({ token: "p.1" });
});

test("Koa: the types fit", () => {
  expectTypeOf(sessionPerRequest(new FakePool())).toExtend<Koa.Middleware>();
  expectTypeOf(sessionPerRequest<Context>).returns.toExtend<Koa.Middleware>();
});
