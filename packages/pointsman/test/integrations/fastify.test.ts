import { Readable } from "node:stream";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { sessionOf, sessionPerRequest } from "pointsman/fastify";
import { expect, onTestFinished, test } from "vitest";
import { Browser } from "./support/browser.ts";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool } from "./support/fake-pool.ts";
import type { Serve, Serving } from "./support/serving.ts";

async function listening(app: FastifyInstance): Promise<Serving> {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { url, close: () => app.close() };
}

const newApp = (): FastifyInstance =>
  Fastify({ bodyLimit: 1_000_000, forceCloseConnections: true });

const serve: Serve = async ({ pool, options, users, handlers, stream }) => {
  const app = newApp();
  const loggedIn = new WeakMap<FastifyRequest, string>();
  const userId = (request: FastifyRequest): string | undefined =>
    request.headers["x-user"]?.toString() ?? loggedIn.get(request);
  await app.register(sessionPerRequest(pool, { ...options, ...(users && { userId }) }));
  app.all("/stream", async (_request, reply) => {
    await pool.write();
    return reply.send(Readable.from(stream()));
  });
  for (const [name, handle] of Object.entries(handlers)) {
    app.all<{ Querystring: { as?: string } }>(`/${name}`, async (request) => {
      const body = await handle(JSON.stringify(request.body));
      if (request.query.as !== undefined) {
        loggedIn.set(request as unknown as FastifyRequest, request.query.as);
      }
      return body;
    });
  }
  return listening(app);
};

describeCarrying("Fastify", serve, { waitsForWrites: true });

async function open(
  handler: (request: FastifyRequest, reply: FastifyReply, pool: FakePool) => Promise<unknown>,
) {
  const pool = new FakePool();
  const app = newApp();
  await app.register(sessionPerRequest(pool));
  app.all("/", (request, reply) => handler(request, reply, pool));
  const { url, close } = await listening(app);
  onTestFinished(close);
  return { browser: new Browser(url), app };
}

test("Fastify: redirect() and other cookies go with the token", async () => {
  const { browser } = await open(async (_request, reply, pool) => {
    await pool.write();
    return reply.header("set-cookie", "theme=dark").redirect("/there", 303);
  });
  const { status, cookies } = await browser.ask("/");
  expect([status, cookies]).toEqual([303, ["theme=dark", expect.stringContaining("=p.1; ")]]);
});

test("Fastify: a hijacked reply carries the token", async () => {
  const { browser } = await open(async (_request, reply, pool) => {
    await pool.write();
    reply.hijack();
    reply.raw.writeHead(200, ["set-cookie", "theme=dark"]);
    reply.raw.end("by hand");
  });
  const { body, cookies } = await browser.ask("/");
  expect([body, cookies.length]).toEqual(["by hand", 2]);
});

test("Fastify: inject() gets the token, too", async () => {
  const { app } = await open(async (_request, _reply, pool) => {
    await pool.write();
    return {};
  });
  const { headers } = await app.inject("/");
  expect(headers["set-cookie"]).toEqual([expect.stringContaining("=p.1; ")]);
});

test("Fastify: a handler finds the session of its request", async () => {
  const { browser } = await open(async (request, _reply, pool) => {
    await pool.write();
    return { token: sessionOf(request)?.token };
  });
  expect((await browser.ask("/")).body).toEqual({ token: "p.1" });
});
