import { createServer, type IncomingMessage } from "node:http";
import express, { type NextFunction, type Request, type Response } from "express";
import { sessionOf, sessionPerRequest } from "pointsman/express";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { Browser } from "./support/browser.ts";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool, type MustSee } from "./support/fake-pool.ts";
import { MemoryStore } from "./support/memory-store.ts";
import { listening, type Serve, type Stage } from "./support/serving.ts";

function appOf({ pool, options, users, handlers, stream }: Stage): express.Express {
  const app = express();
  app.use(
    sessionPerRequest<Request>(pool, {
      ...options,
      ...(users && { userId: (request) => request.get("x-user") ?? request.app.locals["user"] }),
    }),
  );
  app.use(express.text({ type: () => true, limit: "1mb" }));
  app.use("/stream", async (_request, response) => {
    await pool.write();
    for await (const piece of stream()) response.write(piece);
    response.end();
  });
  for (const [name, handle] of Object.entries(handlers)) {
    app.use(`/${name}`, async (request: Request, response: Response) => {
      const body = await handle(request.body);
      app.locals["user"] = request.query["as"];
      response.json(body);
    });
  }
  app.use((_error: Error, _request: Request, response: Response, _next: NextFunction) => {
    response.status(500).send("failed");
  });
  return app;
}

const serve: Serve = (stage) => listening(createServer(appOf(stage)));

describeCarrying("Express", serve, { waitsForWrites: false });

/** An application that does what a test says. */
async function open(
  app: (app: express.Express, pool: FakePool) => void,
  options: Parameters<typeof sessionPerRequest<Request>>[1] = {},
) {
  const pool = new FakePool();
  const made = express();
  made.use(sessionPerRequest<Request>(pool, options));
  app(made, pool);
  const { url, close } = await listening(createServer(made));
  onTestFinished(close);
  return { browser: new Browser(url), pool };
}

describe("Express: the token is on the response", () => {
  test.each<[string, (response: Response) => void]>([
    ["json()", (response) => response.json({ a: 1 })],
    ["redirect()", (response) => response.redirect(303, "/there")],
    ["sendStatus()", (response) => response.sendStatus(204)],
    ["writeHead() with an object", (response) => response.writeHead(200, { "x-own": "1" }).end()],
    ["writeHead() with a list", (response) => response.writeHead(200, ["x-own", "1"]).end()],
    [
      "writeHead() with a message",
      (response) => response.writeHead(200, "Fine", { "x-own": "1" }).end(),
    ],
    [
      "flushHeaders()",
      (response) => {
        response.flushHeaders();
        response.end("x");
      },
    ],
  ])("of %s", async (_name, answer) => {
    const { browser } = await open((app, pool) => {
      app.use(async (_request, response) => {
        await pool.write();
        answer(response);
      });
    });
    const { cookies } = await browser.ask("/");
    expect(cookies).toEqual([expect.stringContaining("=p.1; ")]);
  });

  test.each<[string, (response: Response) => void]>([
    [
      "set before",
      (response) => {
        response.cookie("theme", "dark").cookie("size", "9").end();
      },
    ],
    [
      "given to writeHead() in an object",
      (response) => {
        response.writeHead(200, { "Set-Cookie": ["theme=dark", "size=9"] }).end();
      },
    ],
    [
      "given to writeHead() in a list",
      (response) => {
        response.writeHead(200, ["Set-Cookie", "theme=dark", "set-cookie", "size=9"]).end();
      },
    ],
  ])("beside other cookies %s", async (_name, answer) => {
    const { browser } = await open((app, pool) => {
      app.use(async (_request, response) => {
        await pool.write();
        answer(response);
      });
    });
    const { cookies } = await browser.ask("/");
    expect(cookies.map((cookie) => cookie.split(".")[0]?.split("=")[0])).toEqual([
      "theme",
      "size",
      "__Host-pointsman",
    ]);
  });
});

describe("Express: while the end of a response waits for the store", () => {
  async function answerOf(answer: (response: Response, next: NextFunction) => void) {
    const store = new MemoryStore();
    const { browser } = await open(
      (app, pool) => {
        app.use(async (_request, response, next) => {
          await pool.write();
          answer(response, next);
        });
      },
      { store, userId: () => "ada" },
    );
    const got = await browser.ask("/");
    expect(store.tokens.get("ada")).toEqual(["p.1"]);
    expect(got.cookies).toHaveLength(1);
    return got;
  }

  test("a handler that goes on to the next one does not change it", async () => {
    const { status, body, headers } = await answerOf((response, next) => {
      response.status(201).type("text/plain").send("made");
      next();
    });
    expect([status, body]).toEqual([201, "made"]);
    expect(headers.get("content-type")).toContain("text/plain");
    expect(headers.get("content-security-policy")).toBeNull();
  });

  test("an error after it does not change it", async () => {
    const { status, body } = await answerOf((response, next) => {
      response.send("made");
      next(new Error("too late"));
    });
    expect([status, body]).toEqual([200, "made"]);
  });

  test("a callback of end() is called when it has ended", async () => {
    let ended = 0;
    const { body } = await answerOf((response) => {
      response.end("made", () => {
        ended += 1;
      });
    });
    expect([body, ended]).toEqual(["made", 1]);
  });
});

test("Express: what was written for a client that has gone is in the store", async () => {
  const store = new MemoryStore();
  const gone = new AbortController();
  const { browser } = await open(
    (app, pool) => {
      app.use(async () => {
        await pool.write();
        gone.abort();
      });
    },
    { store, userId: () => "ada" },
  );
  await expect(browser.ask("/", { signal: gone.signal })).rejects.toThrow();
  await expect.poll(() => store.tokens.get("ada")).toEqual(["p.1"]);
});

test("Express: a handler finds the session of its request", async () => {
  const { browser } = await open((app, pool) => {
    app.use(async (request, response) => {
      await pool.write();
      response.json({ token: sessionOf(request)?.token });
    });
  });
  expect((await browser.ask<{ token: string }>("/")).body.token).toBe("p.1");
});

test("Express: a middleware before it that waits for headers still gets its turn", async () => {
  const pool = new FakePool();
  const app = express();
  app.use((_request, response, next) => {
    const { writeHead } = response;
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      response.setHeader("x-before", "1");
      return writeHead.apply(response, args);
    }) as typeof writeHead;
    next();
  });
  app.use(sessionPerRequest(pool));
  app.use((_request, response, next) => {
    const { writeHead } = response;
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      response.setHeader("x-after", "1");
      return writeHead.apply(response, args);
    }) as typeof writeHead;
    next();
  });
  app.get("/", async (_request, response) => {
    await pool.write();
    response.json({});
  });
  const { url, close } = await listening(createServer(app));
  onTestFinished(close);
  const { headers, cookies } = await new Browser(url).ask<MustSee>("/");
  expect([headers.get("x-before"), headers.get("x-after"), cookies.length]).toEqual(["1", "1", 1]);
});

test("Express: the types fit", () => {
  const middleware = sessionPerRequest(new FakePool());
  expectTypeOf(middleware).toExtend<express.RequestHandler>();
  expectTypeOf(sessionPerRequest<Request>).returns.toExtend<express.RequestHandler>();
  expectTypeOf(middleware).parameter(0).toEqualTypeOf<IncomingMessage>();
});
