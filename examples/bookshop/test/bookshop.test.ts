import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool, withWriter } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../src/app.ts";
import { createSchema } from "../src/database.ts";
import { listen, type Shop } from "../src/listen.ts";
import { type ShopSize, seed } from "../src/seed.ts";

let cluster: Cluster;
let pool: Pool;
let shop: Shop;
let size: ShopSize;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2, logStatements: true });
  pool = createPool({
    writer: cluster.writer.url,
    readers: cluster.readers.map((reader) => reader.url),
  });
  pool.on("error", () => {});
  await createSchema(pool);
  size = await seed(pool, { size: 0.02 });
  await cluster.waitForReplay();
  shop = await listen(createApp(pool), 0);
});

afterAll(async () => {
  await shop?.close();
  await pool?.end();
  await cluster?.stop();
});

/** All that any of the shop's answers has in it. */
interface Body {
  readonly error: string;
  readonly message: string;
  readonly title: string;
  readonly author: string;
  readonly reviews: number;
  readonly latestReviews: readonly object[];
  readonly status: string;
  readonly total: number;
  readonly entries: readonly {
    readonly id: number;
    readonly title: string;
    readonly author: string;
    readonly priceCents: number;
    readonly status: string;
  }[];
  readonly bestsellers: readonly { readonly sold: number }[];
  readonly categories: readonly { readonly books: number; readonly revenueCents: number }[];
  readonly months: readonly { readonly revenueCents: number }[];
  readonly lines: readonly { readonly quantity: number; readonly priceCents: number }[];
}

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly body: Body;
}

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(shop.url + path, { redirect: "manual", ...init });
  const text = await response.text();
  return {
    status: response.status,
    location: response.headers.get("location"),
    body: (text === "" ? {} : JSON.parse(text)) as Body,
  };
}

const get = (path: string) => ask(path);
const post = (path: string, body: unknown) =>
  ask(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

/** The servers that were sent a statement with these words in it while `work` was done. */
async function serversOf(words: string, work: () => Promise<unknown>): Promise<string[]> {
  const before = cluster.servers.map((server) => server.log().length);
  await work();
  return cluster.servers
    .filter((server, i) => server.log().slice(before[i]).replace(/\s+/g, " ").includes(words))
    .map((server) => server.name);
}

/** One number, as the writer knows it. */
async function onWriter(sql: string, values: unknown[] = []): Promise<number> {
  const { rows } = await withWriter(() =>
    pool.query<{ n: number }>(`select (${sql})::int as n`, values),
  );
  return rows[0]?.n ?? Number.NaN;
}

const stockOf = (book: number) => onWriter("select quantity from stock where book_id = $1", [book]);

async function setStock(book: number, quantity: number): Promise<void> {
  await pool.query("update stock set quantity = $2 where book_id = $1", [book, quantity]);
}

describe("the catalogue", () => {
  it("shows a category page by page, from readers only", async () => {
    const pages: Answer[] = [];
    const servers = await serversOf("from catalogue where category_id", async () => {
      for (let page = 1; page <= 2; page += 1) {
        pages.push(await get(`/categories/railways?page=${page}`));
      }
    });
    expect(servers).not.toContain("writer");
    expect(servers.length).toBeGreaterThan(0);
    const [first, second] = pages.map(({ body }) => body) as [Body, Body];
    expect(first).toMatchObject({ category: "Railways", page: 1 });
    expect(first.total).toBeGreaterThan(20);
    expect(first.entries).toHaveLength(20);
    expect(second.entries.length).toBe(Math.min(20, first.total - 20));
    const titles = [...first.entries, ...second.entries].map(({ title }) => title);
    expect(titles).toEqual(titles.toSorted());
  });

  it("sorts by price when asked to", async () => {
    const { body } = await get("/categories/crime?sort=cheapest");
    const prices = body.entries.map((book) => book.priceCents);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
  });

  it("uses both readers", async () => {
    const servers = await serversOf("select", async () => {
      await Promise.all(Array.from({ length: 10 }, () => get("/books/1")));
    });
    expect(servers).toEqual(["reader1", "reader2"]);
  });

  it("finds books by a word of the title, and by their author", async () => {
    const { body: book } = await get("/books/3");
    const servers = await serversOf("websearch_to_tsquery", async () => {
      const byTitle = await get(`/search?q=${encodeURIComponent(book.title)}`);
      expect(byTitle.body.entries.map(({ id }) => id)).toContain(3);
      const byAuthor = await get(`/search?q=${encodeURIComponent(book.author)}`);
      expect(byAuthor.body.entries[0]?.author).toBe(book.author);
    });
    expect(servers).not.toContain("writer");
  });

  it("finds nothing where there is nothing", async () => {
    const { status, body } = await get("/search?q=xyzzy");
    expect(status).toBe(200);
    expect(body).toEqual({ page: 1, pages: 1, total: 0, entries: [] });
  });

  it("shows the categories and the bestsellers on the front page", async () => {
    const { body } = await get("/");
    const books = body.categories.reduce((sum, c) => sum + c.books, 0);
    expect(books).toBe(size.books);
    expect(body.bestsellers).toHaveLength(10);
    expect(body.bestsellers[0]?.sold).toBeGreaterThanOrEqual(body.bestsellers[9]?.sold ?? 0);
  });
});

describe("an order", () => {
  it("takes the books from the shelf, all on the writer", async () => {
    await setStock(5, 10);
    await setStock(6, 10);
    const ordersBefore = await onWriter("select count(*) from orders");
    let answer: Answer | undefined;
    const servers = await serversOf("for update", async () => {
      answer = await post("/orders", {
        customerId: 1,
        lines: [
          { bookId: 6, quantity: 1 },
          { bookId: 5, quantity: 2 },
          { bookId: 5, quantity: 1 },
        ],
      });
    });
    expect(answer?.status).toBe(303);
    expect(servers).toEqual(["writer"]);
    expect(await stockOf(5)).toBe(7);
    expect(await stockOf(6)).toBe(9);
    expect(await onWriter("select count(*) from orders")).toBe(ordersBefore + 1);

    const { body: order } = await get(answer?.location ?? "");
    expect(order.lines).toMatchObject([
      { bookId: 5, quantity: 3 },
      { bookId: 6, quantity: 1 },
    ]);
    const total = order.lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0);
    expect(order).toMatchObject({ customerId: 1, status: "placed", totalCents: total });
  });

  it("draws its number from the sequence on the writer", async () => {
    const servers = await serversOf("nextval", () =>
      post("/orders", { customerId: 1, lines: [{ bookId: 7, quantity: 1 }] }),
    );
    expect(servers).toEqual(["writer"]);
  });

  it("with too little stock changes nothing", async () => {
    await setStock(8, 2);
    await setStock(9, 50);
    const state = () =>
      Promise.all([
        onWriter("select count(*) from orders"),
        onWriter("select count(*) from order_lines"),
        onWriter("select sum(quantity) from stock"),
      ]);
    const before = await state();
    let answer: Answer | undefined;
    const rolledBack = await serversOf("ROLLBACK", async () => {
      answer = await post("/orders", {
        customerId: 1,
        lines: [
          { bookId: 9, quantity: 5 },
          { bookId: 8, quantity: 3 },
        ],
      });
    });
    expect(answer?.status).toBe(409);
    expect(answer?.body.error).toBe("out_of_stock");
    expect(answer?.body.message).toContain("has only 2 left");
    expect(rolledBack).toEqual(["writer"]);
    expect(await state()).toEqual(before);
  });

  it("of an unknown customer changes nothing", async () => {
    await setStock(8, 2);
    const answer = await post("/orders", {
      customerId: 999_999,
      lines: [{ bookId: 8, quantity: 1 }],
    });
    expect(answer.status).toBe(404);
    expect(await stockOf(8)).toBe(2);
  });

  it("never sells a copy twice", async () => {
    await setStock(10, 3);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        post("/orders", { customerId: i + 1, lines: [{ bookId: 10, quantity: 1 }] }),
      ),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    expect(await stockOf(10)).toBe(0);
  });

  it("is seen at once by the customer who placed it, however far behind the readers are", async () => {
    await setStock(11, 5);
    await cluster.waitForReplay();
    await cluster.pauseReplay();
    try {
      const { location } = await post("/orders", {
        customerId: 2,
        lines: [{ bookId: 11, quantity: 1 }],
      });
      const shown = await get(location ?? "");
      expect(shown.status).toBe(200);
      expect(shown.body).toMatchObject({ customerId: 2, lines: [{ bookId: 11 }] });
    } finally {
      await cluster.resumeReplay();
    }
  });

  it("is in the customer's history, which readers answer", async () => {
    await setStock(12, 5);
    await post("/orders", { customerId: 3, lines: [{ bookId: 12, quantity: 1 }] });
    await cluster.waitForReplay();
    let history: Answer | undefined;
    const servers = await serversOf("from orders where customer_id", async () => {
      history = await get("/customers/3/orders");
    });
    expect(servers).not.toContain("writer");
    expect(servers).toHaveLength(1);
    expect(history?.body.entries[0]?.status).toBe("placed");
    expect(history?.body.total).toBe(history?.body.entries.length);
  });

  it("can be cancelled by the function, on the writer, which puts the books back", async () => {
    await setStock(13, 5);
    const { location } = await post("/orders", {
      customerId: 1,
      lines: [{ bookId: 13, quantity: 2 }],
    });
    const number = /\d+/.exec(location ?? "")?.[0];
    expect(await stockOf(13)).toBe(3);
    let cancelled: Answer | undefined;
    const servers = await serversOf("cancel_order", async () => {
      cancelled = await post(`/orders/${number}/cancel`, {});
    });
    expect(servers).toEqual(["writer"]);
    expect((await get(cancelled?.location ?? "")).body.status).toBe("cancelled");
    expect(await stockOf(13)).toBe(5);
  });

  it("cannot be cancelled any more when it was shipped", async () => {
    const shipped = await onWriter("select min(number) from orders where status = 'shipped'");
    const answer = await post(`/orders/${shipped}/cancel`, {});
    expect(answer).toMatchObject({ status: 409, body: { error: "shipped_already" } });
  });
});

describe("customers", () => {
  it("sign up once with an e-mail address, in whatever case", async () => {
    const answer = await post("/customers", { name: " Ada ", email: "ada@example.org" });
    expect(answer.status).toBe(303);
    const { body } = await get(answer.location ?? "");
    expect(body).toMatchObject({ name: "Ada", email: "ada@example.org", orders: 0, reviews: 0 });
    const again = await post("/customers", { name: "Ada", email: "ADA@example.org" });
    expect(again).toMatchObject({ status: 409, body: { error: "email_taken" } });
  });

  it("review a book once, and the trigger counts their stars", async () => {
    const signedUp = await post("/customers", { name: "Eve", email: "eve@example.org" });
    const customerId = Number(/\d+/.exec(signedUp.location ?? "")?.[0]);
    const { body: before } = await get("/books/2");
    const review = { customerId, rating: 5, body: "Simply beautiful." };
    const { status, location } = await post("/books/2/reviews", review);
    expect(status).toBe(303);
    const { body: after } = await get(location ?? "");
    expect(after.reviews).toBe(before.reviews + 1);
    expect(after.latestReviews[0]).toMatchObject({ customer: "Eve", rating: 5 });
    expect((await post("/books/2/reviews", review)).status).toBe(409);
  });
});

describe("the back office", () => {
  it("gets its report from one reader, in a READ ONLY transaction", async () => {
    let report: Answer | undefined;
    const work = async () => {
      report = await get("/back-office/report");
    };
    const servers = await serversOf("READ ONLY", () => work());
    expect(servers).toHaveLength(1);
    expect(servers).not.toContain("writer");
    expect(await serversOf("from sales_by_month", () => work())).not.toContain("writer");
    const revenue = (rows: readonly { revenueCents: number }[] = []) =>
      rows.reduce((sum, row) => sum + row.revenueCents, 0);
    expect(report?.body.months).toHaveLength(12);
    expect(revenue(report?.body.categories)).toBeGreaterThanOrEqual(revenue(report?.body.months));
  });

  it("has the bestsellers counted anew on the writer", async () => {
    const servers = await serversOf("refresh materialized view", async () => {
      expect((await post("/back-office/bestsellers", {})).status).toBe(204);
    });
    expect(servers).toEqual(["writer"]);
  });
});

describe("what the shop cannot do", () => {
  it.each([
    ["a body that is no JSON", () => post("/orders", "{")],
    ["a body that is no object", () => post("/orders", [])],
    ["an order without lines", () => post("/orders", { customerId: 1, lines: [] })],
    [
      "half a book",
      () => post("/orders", { customerId: 1, lines: [{ bookId: 1, quantity: 0.5 }] }),
    ],
    ["six stars", () => post("/books/1/reviews", { customerId: 1, rating: 6, body: "!" })],
    ["an empty review", () => post("/books/1/reviews", { customerId: 1, rating: 5, body: " " })],
    ["an address without @", () => post("/customers", { name: "Ada", email: "ada" })],
    ["a book id that is none", () => get("/books/one")],
    ["a book id beyond integer", () => get("/books/2147483648")],
    ["page 0", () => get("/categories/crime?page=0")],
    ["an unknown sorting", () => get("/categories/crime?sort=colour")],
    ["a search for nothing", () => get("/search")],
    ["a search for NUL", () => get("/search?q=%00")],
  ])("refuses %s with a sentence", async (_, request) => {
    const { status, body } = await request();
    expect(status).toBe(400);
    expect(body.error).toBe("bad_input");
    expect(body.message).toMatch(/^\w.*\.$/);
  });

  it.each([
    "/nowhere",
    "/categories/nowhere",
    "/books/999999",
    "/customers/999999",
    "/orders/999999",
  ])("says that there is no %s", async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body.error).toBe("not_found");
  });

  it("refuses a body that is too large", async () => {
    const { status, body } = await post("/customers", { name: "a".repeat(70_000) });
    expect({ status, error: body.error }).toEqual({ status: 413, error: "too_large" });
  });
});

it("is healthy while both sides answer", async () => {
  expect(await get("/health")).toMatchObject({
    status: 200,
    body: { ok: true, reader: "ok", writer: "ok" },
  });
});

it("makes the same books for the same seed", async () => {
  const { rows } = await pool.query(
    "select b.isbn, b.title, a.name from books b join authors a on a.id = b.author_id where b.id = 1",
  );
  expect(rows).toMatchInlineSnapshot(`
    [
      {
        "isbn": "9780000000002",
        "name": "Clara Nakamura",
        "title": "The Bridge of Andersen",
      },
    ]
  `);
});

/** The shop as a process of its own, which knows what its environment says. */
async function withServer(
  environment: Readonly<Record<string, string>>,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const server = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", "examples/bookshop/src/server.ts"],
    {
      cwd: root,
      env: {
        ...process.env,
        PORT: "0",
        DATABASE_URL: cluster.writer.url,
        DATABASE_READER_URL: cluster.reader.url,
        ...environment,
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exit = once(server, "exit");
  try {
    let output = "";
    let url: string | undefined;
    for await (const chunk of server.stdout
      .setEncoding("utf8")
      .iterator({ destroyOnReturn: false })) {
      output += chunk;
      url = /http:\S+/.exec(output)?.[0];
      if (url) break;
    }
    await use(url ?? "");
    server.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  } finally {
    server.kill("SIGKILL");
  }
}

it("runs from the environment alone, and shuts down when it is told to", async () => {
  await withServer({}, async (url) => {
    const response = await fetch(`${url}/books/1`);
    expect(response.status).toBe(200);
  });
});

it("is a shop window in the read-only environment, with the same code", async () => {
  const send = (path: string, body: object) => ({
    path,
    init: {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual" as const,
    },
  });
  const placed = await post("/orders", { customerId: 1, lines: [{ bookId: 3, quantity: 1 }] });
  const counts = "select (select count(*) from orders) as orders, (select count(*) from customers)";
  const before = await pool.query({ text: counts, target: "writer" });
  await withServer({ DATABASE_READ_ONLY: "1" }, async (url) => {
    expect((await fetch(`${url}/categories/railways`)).status).toBe(200);
    expect((await fetch(`${url}/back-office/report`)).status).toBe(200);
    for (const { path, init } of [
      send("/orders", { customerId: 1, lines: [{ bookId: 1, quantity: 1 }] }),
      send("/customers", { name: "Mallory", email: "mallory@example.org" }),
      send(`${placed.location}/cancel`, {}),
      send("/back-office/bestsellers", {}),
    ]) {
      const response = await fetch(url + path, init);
      expect([path, response.status, ((await response.json()) as Body).error]).toEqual([
        path,
        403,
        "read_only",
      ]);
    }
    const { path, init } = send("/books/4/reviews", { customerId: 2, rating: 4, body: "Good." });
    const posted = await fetch(url + path, init);
    expect(posted.status).toBe(303);
    const page = (await (await fetch(`${url}/books/4`)).json()) as Body;
    expect(page.latestReviews[0]).toMatchObject({ rating: 4, body: "Good." });
    // What it must not do needs no writer, and its health needs none.
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
  expect((await pool.query({ text: counts, target: "writer" })).rows).toEqual(before.rows);
  expect((await get("/books/4")).body.latestReviews[0]).toMatchObject({ body: "Good." });
});
