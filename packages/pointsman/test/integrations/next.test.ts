import { createServer, type IncomingMessage, type Server } from "node:http";
import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { sessionOf, sessionPerRequest } from "pointsman/next";
import { expect, expectTypeOf, test } from "vitest";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool } from "./support/fake-pool.ts";
import { listening, type Serve } from "./support/serving.ts";

const redirectError = new Error("NEXT_REDIRECT");

/** Cookies that handlers have set with `cookies()` of `next/headers`, as Next.js puts them on. */
class Cookies {
  readonly set = (name: string, value: string, options: object): void => {
    this.all.push({ name, value, ...options });
  };
  readonly all: { name: string; value: string; maxAge?: number }[] = [];
}

/** Serves a route handler as Next.js does: what it throws becomes a response. */
const serve: Serve = ({ pool, options, users, handlers, stream }) => {
  const listener = getRequestListener(async (request: Request) => {
    const jar = new Cookies();
    const loggedIn = new WeakMap<Request, string>();
    const withSession = sessionPerRequest(pool, {
      ...options,
      cookies: async () => jar,
      ...(users && {
        userId: (one) => one.headers.get("x-user") ?? loggedIn.get(one),
      }),
    });
    const handler = withSession(async (one) => {
      const { pathname, searchParams } = new URL(one.url);
      if (pathname === "/stream") {
        await pool.write();
        return new Response(Readable.toWeb(Readable.from(stream())) as ReadableStream);
      }
      const body = await handlers[pathname.slice(1)]?.(await one.text());
      const user = searchParams.get("as");
      if (user !== null) loggedIn.set(one, user);
      return Response.json(body);
    });
    try {
      return await handler(request);
    } catch {
      const headers = new Headers();
      for (const { name, value, maxAge } of jar.all) {
        headers.append("Set-Cookie", `${name}=${value}; Max-Age=${maxAge}`);
      }
      return new Response(null, { status: 500, headers });
    }
  });
  return listening(
    createServer((request: IncomingMessage, response) => {
      void listener(request, response);
    }) as Server,
  );
};

describeCarrying("Next.js", serve, { waitsForWrites: true });

const request = (): Request => new Request("http://shop.example.com/orders", { method: "POST" });

test("Next.js: a handler keeps its arguments and their types", async () => {
  const withSession = sessionPerRequest(new FakePool());
  const handler = withSession(async (_request, { params }: { params: Promise<{ id: string }> }) =>
    Response.json(await params),
  );
  const response = await handler(request(), { params: Promise.resolve({ id: "7" }) });
  expect(await response.json()).toEqual({ id: "7" });
  expectTypeOf(handler).parameter(1).toEqualTypeOf<{ params: Promise<{ id: string }> }>();
});

test("Next.js: a redirect whose headers cannot change carries the token", async () => {
  const pool = new FakePool();
  const handler = sessionPerRequest(pool)(async (one) => {
    await pool.write();
    return Response.redirect(new URL("/there", one.url), 303);
  });
  const { status, headers } = await handler(request());
  expect([status, headers.get("location")]).toEqual([303, "http://shop.example.com/there"]);
  expect(headers.getSetCookie()).toEqual([expect.stringContaining("=p.1; ")]);
});

test("Next.js: a response of an error stays as it is", async () => {
  const pool = new FakePool();
  const handler = sessionPerRequest(pool)(async () => {
    await pool.write();
    return Response.error();
  });
  expect((await handler(request())).type).toBe("error");
});

test("Next.js: a thrown redirect is thrown on, with the token in cookies()", async () => {
  const pool = new FakePool();
  const jar = new Cookies();
  const handler = sessionPerRequest(pool, { cookies: async () => jar })(async () => {
    await pool.write();
    throw redirectError;
  });
  await expect(handler(request())).rejects.toBe(redirectError);
  expect(jar.all).toEqual([
    {
      name: expect.stringMatching(/^__Host-pointsman\.[\w-]{8}$/),
      value: "p.1",
      path: "/",
      maxAge: 60,
      httpOnly: true,
      secure: true,
      sameSite: "lax",
    },
  ]);
});

test("Next.js: what cookies() throws does not hide the handler's error", async () => {
  const pool = new FakePool();
  const errors: unknown[] = [];
  const outside = new Error("outside of a request");
  const handler = sessionPerRequest(pool, {
    cookies: () => Promise.reject(outside),
    onError: (error) => errors.push(error),
  })(async () => {
    await pool.write();
    throw redirectError;
  });
  await expect(handler(request())).rejects.toBe(redirectError);
  expect(errors).toEqual([outside]);
});

test("Next.js: a handler finds the session of its request", async () => {
  const pool = new FakePool();
  const handler = sessionPerRequest(pool)(async (one) => {
    await pool.write();
    return Response.json({ token: sessionOf(one)?.token });
  });
  expect(await (await handler(request())).json()).toEqual({ token: "p.1" });
});
