import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Pool } from "pointsman";
import { bookPage, browse, frontPage, search, sortings } from "./catalogue.ts";
import { customerPage, signUp } from "./customers.ts";
import { health } from "./health.ts";
import { emailAddress, fields, integer, integerIn, list, oneOf, page, text } from "./input.ts";
import { cancelOrder, orderHistory, orderPage, placeOrder } from "./orders.ts";
import { badInput, isReadOnly, Problem } from "./problems.ts";
import { refreshBestsellers, salesReport } from "./reports.ts";
import { postReview } from "./reviews.ts";

/** The bookshop's HTTP interface over a pool. */
export function createApp(pool: Pool): Hono {
  const app = new Hono();

  app.use(
    bodyLimit({
      maxSize: 64 * 1024,
      onError: () => {
        throw new Problem(413, "too_large", "The body must not be larger than 64 KiB.");
      },
    }),
  );

  app.get("/", async (c) => c.json(await frontPage(pool)));

  app.get("/categories/:slug", async (c) => {
    const sorting = oneOf(c.req.query("sort"), "sort", sortings);
    return c.json(await browse(pool, c.req.param("slug"), sorting, page(c.req.query("page"))));
  });

  app.get("/search", async (c) => {
    const words = text(c.req.query("q"), "q", 100);
    return c.json(await search(pool, words, page(c.req.query("page"))));
  });

  app.get("/books/:id", async (c) =>
    c.json(await bookPage(pool, integerIn(c.req.param("id"), "id"))),
  );

  app.post("/books/:id/reviews", async (c) => {
    const bookId = integerIn(c.req.param("id"), "id");
    const { customerId, rating, body } = fields(await json(c.req));
    await postReview(pool, {
      bookId,
      customerId: integer(customerId, "customerId"),
      rating: integer(rating, "rating", 1, 5),
      body: text(body, "body", 5000),
    });
    return c.redirect(`/books/${bookId}`, 303);
  });

  app.post("/customers", async (c) => {
    const { name, email } = fields(await json(c.req));
    const id = await signUp(pool, text(name, "name", 200), emailAddress(email));
    return c.redirect(`/customers/${id}`, 303);
  });

  app.get("/customers/:id", async (c) =>
    c.json(await customerPage(pool, integerIn(c.req.param("id"), "id"))),
  );

  app.get("/customers/:id/orders", async (c) => {
    const id = integerIn(c.req.param("id"), "id");
    return c.json(await orderHistory(pool, id, page(c.req.query("page"))));
  });

  app.post("/orders", async (c) => {
    const { customerId, lines } = fields(await json(c.req));
    const number = await placeOrder(
      pool,
      integer(customerId, "customerId"),
      list(lines, "lines", 100, (line) => {
        const { bookId, quantity } = fields(line);
        return {
          bookId: integer(bookId, "bookId"),
          quantity: integer(quantity, "quantity", 1, 1000),
        };
      }),
    );
    return c.redirect(`/orders/${number}`, 303);
  });

  app.get("/orders/:number", async (c) =>
    c.json(await orderPage(pool, integerIn(c.req.param("number"), "number"))),
  );

  app.post("/orders/:number/cancel", async (c) => {
    const number = integerIn(c.req.param("number"), "number");
    await cancelOrder(pool, number);
    return c.redirect(`/orders/${number}`, 303);
  });

  app.get("/back-office/report", async (c) => c.json(await salesReport(pool)));

  app.post("/back-office/bestsellers", async (c) => {
    await refreshBestsellers(pool);
    return c.body(null, 204);
  });

  app.get("/health", async (c) => {
    const found = await health(pool);
    return c.json(found, found.ok ? 200 : 503);
  });

  app.notFound((c) => c.json({ error: "not_found", message: "There is no such page." }, 404));

  app.onError((error, c) => {
    if (error instanceof Problem) {
      return c.json({ error: error.code, message: error.message }, error.status);
    }
    if (isReadOnly(error)) {
      const message = "This is the shop window. Order in the shop itself.";
      return c.json({ error: "read_only", message }, 403);
    }
    console.error(error);
    return c.json({ error: "internal", message: "Something went wrong on our side." }, 500);
  });

  return app;
}

async function json(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw badInput("The body must be JSON.");
  }
}
