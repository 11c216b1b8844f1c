import { describe, expect, onTestFinished, test } from "vitest";
import { gate } from "../../support/gate.ts";
import { until } from "../../support/until.ts";
import { Browser } from "./browser.ts";
import { FakePool, type MustSee } from "./fake-pool.ts";
import { MemoryStore } from "./memory-store.ts";
import type { AnyOptions, Serve, Stage } from "./serving.ts";

/** What a framework can do. */
export interface Abilities {
  /** The response waits for writes that are under way. */
  readonly waitsForWrites: boolean;
}

/** The framework served, with the handlers that all tests use. */
export async function open(serve: Serve, options: AnyOptions = {}, more: Partial<Stage> = {}) {
  const pool = more.pool ?? new FakePool();
  const { handlers, ...others } = more;
  const serving = await serve({
    pool,
    options,
    users: options.store !== undefined,
    stream: async function* () {},
    ...others,
    handlers: {
      read: async () => pool.mustSee(),
      write: async () => ({ position: await pool.write() }),
      fail: async () => {
        await pool.write();
        throw new Error("The handler has failed.");
      },
      ...handlers,
    },
  });
  onTestFinished(() => serving.close());
  return { pool, url: serving.url, browser: new Browser(serving.url) };
}

const post: RequestInit = { method: "POST" };
const by = (user: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { "x-user": user },
});

/** What every framework's door does, asked over HTTP. */
export function describeCarrying(name: string, serve: Serve, { waitsForWrites }: Abilities): void {
  describe(`${name}: a cookie`, () => {
    test("is not set where nothing was written", async () => {
      const { browser } = await open(serve);
      const { status, cookies } = await browser.ask("/read");
      expect([status, cookies]).toEqual([200, []]);
    });

    test("is set by a response to a write, for this host, this site and HTTPS alone", async () => {
      const { browser } = await open(serve);
      const { status, cookies } = await browser.ask("/write", post);
      expect(status).toBe(200);
      expect(cookies).toEqual([
        expect.stringMatching(
          /^__Host-pointsman\.[\w-]{8}=p\.1; Path=\/; Max-Age=60; HttpOnly; Secure; SameSite=Lax$/,
        ),
      ]);
    });

    test("lets the next request see the write, and is not set again by it", async () => {
      const { browser } = await open(serve);
      await browser.ask("/write", post);
      const { body, cookies } = await browser.ask<MustSee>("/read");
      expect(body).toEqual({ position: 1, unknown: false });
      expect(cookies).toEqual([]);
    });

    test("is the business of one client, and none of another's", async () => {
      const { browser, url } = await open(serve);
      await browser.ask("/write", post);
      const { body } = await new Browser(url).ask<MustSee>("/read");
      expect(body.position).toBe(0);
    });

    test("takes the place of the one before it", async () => {
      const { browser } = await open(serve);
      await browser.ask("/write", post);
      const { cookies } = await browser.ask("/write", post);
      expect(cookies).toHaveLength(2);
      expect([...browser.cookies.values()]).toEqual(["p.2"]);
    });

    test("can be told name, age and site, and do without HTTPS", async () => {
      const { browser } = await open(serve, {
        secure: false,
        cookie: "seen",
        maxAgeSeconds: 5,
        sameSite: "strict",
      });
      const { cookies } = await browser.ask("/write", post);
      expect(cookies[0]).toMatch(
        /^seen\.[\w-]{8}=p\.1; Path=\/; Max-Age=5; HttpOnly; SameSite=Strict$/,
      );
    });

    test.each([
      ["in the order of the writes", [0, 1]],
      ["in the other order", [1, 0]],
    ])("of responses that overlap is not lost, arriving %s", async (_order, order) => {
      const gates = [gate(), gate()];
      const pool = new FakePool();
      const held = async (index: number) => {
        const position = await pool.write();
        await gates[index]?.opened;
        return { position };
      };
      const { browser } = await open(
        serve,
        {},
        { pool, handlers: { "held-0": () => held(0), "held-1": () => held(1) } },
      );
      const sent = [browser.send("/held-0", post), browser.send("/held-1", post)];
      for (const index of order) {
        gates[index]?.open();
        (await sent[index])?.take();
      }
      const { body } = await browser.ask<MustSee>("/read");
      expect(body.position).toBe(2);
      expect(browser.cookies.size).toBe(2);

      await browser.ask("/write", post);
      expect([...browser.cookies.values()]).toEqual(["p.3"]);
    });

    test.each([
      "nonsense",
      "%00%ff",
      "p.99999999999999999999",
      `p.${"9".repeat(500)}`,
      "p.1=p.1",
      "",
    ])("that is garbled (%j) is harmless", async (value) => {
      const { browser } = await open(serve);
      const cookie = `theme=dark; __Host-pointsman.AAAAAAAA=${value}; __Host-pointsman=p.9; __Host-pointsman.b=p.9`;
      const { status, body, cookies } = await browser.ask<MustSee>("/read", {
        headers: { cookie },
      });
      expect([status, body.position, cookies]).toEqual([200, 0, []]);
    });

    test("is one of at most sixteen that count, and a crowd of them is replaced by one", async () => {
      const { browser } = await open(serve);
      const crowd = Array.from({ length: 100 }, (_, index) => index + 1)
        .map((index) => `__Host-pointsman.${String(index).padStart(8, "0")}=p.${200 - index}`)
        .join("; ");
      const { status, body, cookies } = await browser.ask<MustSee>("/read", {
        headers: { cookie: crowd },
      });
      expect([status, body.position]).toEqual([200, 200 - 85]);
      expect(cookies).toHaveLength(1 + 16);
      expect([...browser.cookies.values()]).toEqual(["p.115"]);
    });

    test("is carried by the response to a handler that failed", async () => {
      const { browser } = await open(serve);
      const { status } = await browser.ask("/fail", post);
      expect(status).toBe(500);
      const { body } = await browser.ask<MustSee>("/read");
      expect(body.position).toBe(1);
    });

    test("is found by a handler that has read a body first", async () => {
      const pool = new FakePool();
      const handlers = { body: async (body: string) => ({ body, ...pool.mustSee() }) };
      const { browser } = await open(serve, {}, { pool, handlers });
      await browser.ask("/write", post);
      const { body } = await browser.ask("/body", {
        method: "POST",
        body: JSON.stringify({ title: "x".repeat(100_000) }),
        headers: { "content-type": "application/json" },
      });
      expect(body).toMatchObject({ position: 1, body: expect.stringContaining("xxx") });
    });
  });

  describe(`${name}: a write that is under way when the handler is done`, () => {
    async function openForgetful(options: AnyOptions = {}) {
      const pool = new FakePool();
      const written = gate();
      const opened = await open(serve, options, {
        pool,
        handlers: {
          forget: async () => {
            void pool.write(written.opened);
            return {};
          },
        },
      });
      return { ...opened, written };
    }

    if (waitsForWrites) {
      test("holds the response until it is done", async () => {
        const { browser, written } = await openForgetful();
        const sent = browser.ask("/forget", post);
        setImmediate(() => written.open());
        await sent;
        expect([...browser.cookies.values()]).toEqual(["p.1"]);
      });
    }

    test("is carried as unknown where it takes too long, and told of when it ends", async () => {
      const late: string[] = [];
      const { browser, written } = await openForgetful({
        timeoutMillis: 20,
        onLateWrite: ({ token }) => late.push(token),
      });
      await browser.ask("/forget", post);
      expect([...browser.cookies.values()]).toEqual(["u.0"]);
      expect((await browser.ask<MustSee>("/read")).body.unknown).toBe(true);
      expect(late).toEqual([]);
      written.open();
      await until("the late write is told", () => late.length > 0);
      expect(late).toEqual(["p.1"]);
    });
  });

  describe(`${name}: a streamed response`, () => {
    test("carries what was written before its headers left, and tells of what comes later", async () => {
      const late: string[] = [];
      const store = new MemoryStore();
      const pool = new FakePool();
      const headersArrived = gate();
      const { browser } = await open(
        serve,
        { store, onLateWrite: ({ token }) => late.push(token) },
        {
          pool,
          async *stream() {
            yield "first ";
            await headersArrived.opened;
            await pool.write();
            yield "second";
          },
        },
      );
      const { status, body } = await browser.ask("/stream", by("ada"), headersArrived.open);
      expect([status, body]).toEqual([200, "first second"]);
      expect([...browser.cookies.values()]).toEqual(["p.1"]);
      await until("the late write is told", () => late.length > 0);
      expect(late).toEqual(["p.2"]);
      expect(store.tokens.get("ada")).toEqual(["p.2"]);
    });
  });

  describe(`${name}: a header`, () => {
    const options = { header: "X-Pointsman-Token" };
    const having = (token: string): RequestInit => ({ headers: { "x-pointsman-token": token } });

    test("is sent in the place of a cookie, when there is something new", async () => {
      const { browser } = await open(serve, options);
      const { headers, cookies } = await browser.ask("/write", post);
      expect([headers.get("x-pointsman-token"), cookies]).toEqual(["p.1", []]);
      const read = await browser.ask<MustSee>("/read", having("p.1"));
      expect([read.body.position, read.headers.get("x-pointsman-token")]).toEqual([1, null]);
    });

    test("can bring several tokens, and nonsense", async () => {
      const { browser } = await open(serve, options);
      const { body } = await browser.ask<MustSee>("/read", having("p.3, p.8,nonsense, p.5"));
      expect(body.position).toBe(8);
    });

    test("goes together with a cookie where both are asked for", async () => {
      const { browser } = await open(serve, { ...options, cookie: "both", secure: false });
      const { headers, cookies } = await browser.ask("/write", post);
      expect(headers.get("x-pointsman-token")).toBe("p.1");
      expect(cookies).toHaveLength(1);
    });
  });

  describe(`${name}: a store`, () => {
    test("lets another device of the user see a write, and nobody else", async () => {
      const store = new MemoryStore();
      const { browser, url } = await open(serve, { store, maxAgeSeconds: 90 });
      await browser.ask("/write", by("ada", post));
      const phone = await new Browser(url).ask<MustSee>("/read", by("ada"));
      const other = await new Browser(url).ask<MustSee>("/read", by("bob"));
      expect([phone.body.position, other.body.position]).toEqual([1, 0]);
      expect([phone.cookies, store.maxAges]).toEqual([[], [90]]);
    });

    test("is merged with the cookie", async () => {
      const store = new MemoryStore();
      const { browser, url } = await open(serve, { store });
      await browser.ask("/write", by("ada", post));
      const phone = new Browser(url);
      await phone.ask("/write", post);
      expect((await phone.ask<MustSee>("/read", by("ada"))).body.position).toBe(2);
      expect((await browser.ask<MustSee>("/read", by("ada"))).body.position).toBe(1);
    });

    test("has the token before the client has the response", async () => {
      const order: string[] = [];
      const reached = gate();
      const kept = gate();
      const store = new MemoryStore();
      const slow = {
        get: (user: string) => store.get(user),
        async set(...args: Parameters<MemoryStore["set"]>) {
          reached.open();
          await kept.opened;
          await store.set(...args);
          order.push("kept");
        },
      };
      const { browser } = await open(serve, { store: slow, timeoutMillis: 10_000 });
      const sent = browser.ask("/write", by("ada", post)).then((got) => {
        order.push("answered");
        return got;
      });
      await reached.opened;
      kept.open();
      const { status, body, cookies } = await sent;
      expect([status, body, cookies.length]).toEqual([200, { position: 1 }, 1]);
      expect(order).toEqual(["kept", "answered"]);
    });

    test("is told of a user who has been logged in by the handler", async () => {
      const store = new MemoryStore();
      const pool = new FakePool();
      const { browser } = await open(
        serve,
        { store },
        {
          pool,
          handlers: {
            "log-in": async () => {
              await pool.write();
              return {};
            },
          },
        },
      );
      await browser.ask("/log-in?as=ada", post);
      expect(store.tokens.get("ada")).toEqual(["p.1"]);
    });

    test("that fails does not fail the request, and that is told", async () => {
      const errors: unknown[] = [];
      const broken = {
        get: () => Promise.reject(new Error("get is broken")),
        set: () => {
          throw new Error("set is broken");
        },
      };
      const { browser } = await open(serve, {
        store: broken,
        onError: (error) => errors.push((error as Error).message),
      });
      const { status, cookies } = await browser.ask("/write", by("ada", post));
      expect([status, cookies.length]).toEqual([200, 1]);
      expect(errors).toEqual(["get is broken", "set is broken"]);
    });

    test("that does not answer delays a request and its response no longer than that", async () => {
      const errors: string[] = [];
      const never = new Promise<never>(() => {});
      const { browser } = await open(serve, {
        store: { get: () => never, set: () => never },
        timeoutMillis: 20,
        onError: (error) => errors.push((error as Error).message),
      });
      const { status, cookies } = await browser.ask("/write", by("ada", post));
      expect([status, cookies.length]).toEqual([200, 1]);
      await until("both have been told", () => errors.length === 2);
      expect(errors[0]).toBe("Reading tokens from the store took longer than 20 ms.");
    });
  });
}
