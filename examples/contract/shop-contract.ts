import { setTimeout as pause } from "node:timers/promises";
import { type Cluster, startCluster } from "@pointsman/local";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** A shop that is open. */
export interface RunningShop {
  /** Where it listens, for example `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Answers what is under way, and leaves no connection behind. */
  close(): Promise<void>;
}

/** How the test gets at a shop. */
export interface ShopUnderTest {
  /** Makes the tables in an empty database, and fills the shelves, as the shop's `setup` does. */
  setUp(urls: Urls): Promise<void>;
  /** Opens the shop on a free port, as its `start` does. */
  open(urls: Urls): Promise<RunningShop>;
  /**
   * Whether the shop carries tokens of sessions in cookies, so that what was written through one
   * process is seen through another. Default: true.
   */
  readonly carriesTokens?: boolean;
}

export interface Urls {
  readonly writer: string;
  readonly reader: string;
}

/** All that any answer of a shop has in it. */
interface Body {
  readonly error: string;
  readonly message: string;
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly title: string;
  readonly author: string;
  readonly category: string;
  readonly priceCents: number;
  readonly inStock: boolean;
  readonly total: number;
  readonly totalCents: number;
  readonly entries: readonly Body[];
  readonly latestReviews: readonly {
    readonly rating: number;
    readonly body: string;
    readonly customer: string;
  }[];
  readonly lines: readonly {
    readonly bookId: number;
    readonly quantity: number;
    readonly priceCents: number;
  }[];
  readonly runningOut: readonly { readonly id: number; readonly quantity: number }[];
}

interface Answer {
  readonly status: number;
  readonly location: string;
  /** The cookies that it sets, as the next request sends them. */
  readonly cookie: string;
  readonly body: Body;
}

/** How far readers are behind the writer, in milliseconds. */
const lag = 300;

/** Tests a shop: see README.md beside this file. */
export function shopContract(name: string, { setUp, open, carriesTokens = true }: ShopUnderTest) {
  describe(`${name}, as every bookshop`, () => {
    let cluster: Cluster;
    let urls: Urls;
    let shop: RunningShop;
    /** What a browser has been given, by name. */
    const jar = new Map<string, string>();

    beforeAll(async () => {
      cluster = await startCluster({ readers: 2, logStatements: true });
      urls = { writer: cluster.writer.url, reader: cluster.reader.url };
      await setUp(urls);
      await cluster.waitForReplay();
      await cluster.lag(lag);
      shop = await open(urls);
    });

    afterAll(async () => {
      await shop?.close();
      await cluster?.stop();
    });

    beforeEach(async () => {
      jar.clear();
      await cluster.waitForReplay();
      // For a moment the pool goes by what it was told of readers before that.
      await pause(50);
    });

    /** Asks as a browser does, which brings the cookies of the answers before. */
    async function ask(path: string, init: RequestInit = {}, of = shop): Promise<Answer> {
      const headers = new Headers(init.headers);
      const kept = [...jar].map((cookie) => cookie.join("=")).join("; ");
      if (kept !== "" && !headers.has("cookie")) headers.set("cookie", kept);
      const response = await fetch(of.url + path, { redirect: "manual", ...init, headers });
      const text = await response.text();
      const cookies = response.headers.getSetCookie();
      for (const cookie of cookies) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        if (/; max-age=0(;|$)/i.test(cookie)) jar.delete(name);
        else jar.set(name, value);
      }
      return {
        status: response.status,
        location: response.headers.get("location") ?? "",
        cookie: cookies.map((cookie) => cookie.split(";")[0]).join("; "),
        body: (text.startsWith("{") ? JSON.parse(text) : {}) as Body,
      };
    }

    const post = (path: string, body: unknown, of = shop): Promise<Answer> =>
      ask(
        path,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: typeof body === "string" ? body : JSON.stringify(body),
        },
        of,
      );

    let customers = 0;
    async function newCustomer(): Promise<number> {
      customers += 1;
      const email = `customer${customers}@example.com`;
      const { location } = await post("/customers", { name: `Customer ${customers}`, email });
      return Number(location.split("/").at(-1));
    }

    /** Some books of the shop. */
    async function books(): Promise<readonly Body[]> {
      return (await ask("/categories/railways")).body.entries;
    }

    /** The servers on which statements that match `what` ran while `work` was done. */
    async function serversOf(what: RegExp, work: () => Promise<unknown>): Promise<string[]> {
      const before = cluster.servers.map((server) => server.log().length);
      await work();
      return cluster.servers
        .filter((server, i) => what.test(server.log().slice(before[i])))
        .map((server) => server.name);
    }

    it("shows a category, from readers", async () => {
      let answer: Answer | undefined;
      const servers = await serversOf(/from "?\S*"?(books|catalogue)/i, async () => {
        answer = await ask("/categories/railways");
      });
      expect(answer).toMatchObject({ status: 200, body: { category: "Railways", page: 1 } });
      expect(answer?.body.total).toBeGreaterThanOrEqual(3);
      expect(answer?.body.entries[0]).toMatchObject({
        id: expect.any(Number),
        title: expect.any(String),
        author: expect.any(String),
        priceCents: expect.any(Number),
        inStock: expect.any(Boolean),
      });
      const titles = answer?.body.entries.map(({ title }) => title) ?? [];
      expect(titles).toEqual(titles.toSorted());
      expect(servers.length).toBeGreaterThan(0);
      expect(servers).not.toContain("writer");
    });

    it("shows a book with its author, from readers", async () => {
      const [entry] = await books();
      let answer: Answer | undefined;
      const servers = await serversOf(/from "?\S*"?(books|catalogue)/i, async () => {
        answer = await ask(`/books/${entry?.id}`);
      });
      expect(answer).toMatchObject({
        status: 200,
        body: { id: entry?.id, title: entry?.title, author: entry?.author },
      });
      expect(servers.length).toBeGreaterThan(0);
      expect(servers).not.toContain("writer");
    });

    it.each([
      ["/categories/nothing", 404, "not_found"],
      ["/books/2000000000", 404, "not_found"],
      ["/books/the-best", 400, "bad_input"],
      ["/books/99999999999", 400, "bad_input"],
      ["/orders/2000000000", 404, "not_found"],
      ["/no-such-page", 404, "not_found"],
    ])("answers %s with %i %s", async (path, status, error) => {
      expect(await ask(path)).toMatchObject({ status, body: { error } });
    });

    it("signs a customer up, and shows the new page at once", async () => {
      const email = "ada@example.com";
      const signedUp = await post("/customers", { name: "Ada", email });
      expect(signedUp.status).toBe(303);
      expect(await ask(signedUp.location)).toMatchObject({
        status: 200,
        body: { name: "Ada", email },
      });
      expect(await post("/customers", { name: "Ada again", email })).toMatchObject({
        status: 409,
        body: { error: "email_taken" },
      });
    });

    it.each([
      ["no JSON", "{"],
      ["no object", "7"],
      ["no name", { email: "nobody@example.com" }],
      ["no address", { name: "Nobody", email: "nobody" }],
    ])("refuses a customer with %s", async (_, body) => {
      expect(await post("/customers", body)).toMatchObject({
        status: 400,
        body: { error: "bad_input", message: expect.any(String) },
      });
    });

    it("shows a review at once, and takes one of each customer", async () => {
      const customerId = await newCustomer();
      const [, book] = await books();
      const review = { customerId, rating: 5, body: "Could not put it down." };
      const posted = await post(`/books/${book?.id}/reviews`, review);
      expect(posted.status).toBe(303);
      const { body } = await ask(posted.location);
      expect(body.latestReviews[0]).toMatchObject({
        rating: 5,
        body: review.body,
        customer: `Customer ${customers}`,
      });
      expect(await post(`/books/${book?.id}/reviews`, review)).toMatchObject({
        status: 409,
        body: { error: "reviewed_already" },
      });
      expect(await post("/books/2000000000/reviews", review)).toMatchObject({
        status: 404,
        body: { error: "not_found" },
      });
      expect(await post(`/books/${book?.id}/reviews`, { ...review, rating: 6 })).toMatchObject({
        status: 400,
        body: { error: "bad_input" },
      });
    });

    it("takes an order in one transaction on the writer, and shows it at once", async () => {
      const customerId = await newCustomer();
      const [one, two] = await books();
      const lines = [
        { bookId: Number(two?.id), quantity: 1 },
        { bookId: Number(one?.id), quantity: 2 },
      ];
      let ordered: Answer | undefined;
      const servers = await serversOf(/for update/i, async () => {
        ordered = await post("/orders", { customerId, lines });
      });
      expect([ordered?.status, servers]).toEqual([303, ["writer"]]);
      const { status, body } = await ask(ordered?.location ?? "");
      const prices = [2 * Number(one?.priceCents), Number(two?.priceCents)];
      expect([status, body.totalCents]).toEqual([200, (prices[0] ?? 0) + (prices[1] ?? 0)]);
      expect(body.lines.map(({ quantity }) => quantity).toSorted()).toEqual([1, 2]);
    });

    it("sells no book twice, however many want the last one", async () => {
      const customerId = await newCustomer();
      const [, , book] = await books();
      const order = (quantity: number) =>
        post("/orders", { customerId, lines: [{ bookId: book?.id, quantity }] });
      // All but one of whatever there is: a book is ordered until it is refused, one by one.
      const answers = await Promise.all(Array.from({ length: 24 }, () => order(1)));
      const refused = answers.filter(({ status }) => status === 409);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303, 409]));
      expect(refused[0]?.body.error).toBe("out_of_stock");
      expect((await ask(`/books/${book?.id}`)).body.inStock).toBe(false);
    });

    it("takes nothing of an order that cannot be filled as a whole", async () => {
      const customerId = await newCustomer();
      const [one, two] = await books();
      const refused = await post("/orders", {
        customerId,
        lines: [
          { bookId: one?.id, quantity: 1 },
          { bookId: two?.id, quantity: 1000 },
        ],
      });
      expect(refused).toMatchObject({ status: 409, body: { error: "out_of_stock" } });
      const unknown = { customerId: 2_000_000_000, lines: [{ bookId: one?.id, quantity: 1 }] };
      expect(await post("/orders", unknown)).toMatchObject({
        status: 404,
        body: { error: "not_found" },
      });
      expect(await post("/orders", { customerId, lines: [] })).toMatchObject({
        status: 400,
        body: { error: "bad_input" },
      });
    });

    it("reports from one reader, in one snapshot", async () => {
      let answer: Answer | undefined;
      const servers = await serversOf(/(begin|start transaction)[^\n]*read only/i, async () => {
        answer = await ask("/back-office/report");
      });
      expect(answer?.status).toBe(200);
      expect(answer?.body.runningOut).toEqual(
        expect.arrayContaining([expect.objectContaining({ quantity: 0 })]),
      );
      expect(servers).toHaveLength(1);
      expect(servers).not.toContain("writer");
    });

    if (carriesTokens) {
      it("shows through another process what one has written", async () => {
        const other = await open(urls);
        try {
          for (let turn = 0; turn < 3; turn++) {
            const email = `traveller${turn}@example.com`;
            const { location, cookie } = await post("/customers", { name: "Traveller", email });
            expect(cookie).not.toBe("");
            expect(await ask(location, { headers: { cookie } }, other)).toMatchObject({
              status: 200,
              body: { email },
            });
          }
        } finally {
          await other.close();
        }
      });
    }

    it("goes on while a reader is dead", async () => {
      const [first] = cluster.readers;
      if (first === undefined) throw new Error("There is no reader.");
      await cluster.crash(first);
      try {
        for (let turn = 0; turn < 10; turn++) expect((await ask("/books/1")).status).toBe(200);
      } finally {
        await cluster.restart(first);
      }
    });

    it("closes, and leaves no connection behind", async () => {
      const other = await open(urls);
      expect((await ask("/categories/railways", {}, other)).status).toBe(200);
      await other.close();
      await expect(fetch(other.url)).rejects.toThrow();
    });
  });
}
