/** Customers who come to the shop, however long those before them wait. */
export interface Load {
  /** Requests that got what they asked for, and those that did not. */
  readonly counts: { readonly answered: number; readonly failed: number };
  /** Sends no more, and resolves when the last one is answered. */
  stop(): Promise<void>;
}

/** Requests that are under way at the most: a shop that does not answer is not asked without end. */
const mostAtOnce = 200;

/**
 * Sends requests to the shop: of ten customers seven look at books, two at the order that was placed
 * last, and one places another.
 *
 * @param url - where the shop is
 * @param perSecond - how many requests
 */
export function startLoad(url: string, perSecond: number): Load {
  const counts = { answered: 0, failed: 0 };
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let lastOrder: string | undefined;

  async function visit(turn: number): Promise<void> {
    const bookId = (turn % 4) + 1;
    if (turn % 10 === 0) {
      const response = await ask(`/orders/${bookId}`, "POST");
      lastOrder = response.headers.get("location") ?? lastOrder;
    } else if (turn % 10 < 3 && lastOrder !== undefined) {
      await ask(lastOrder);
    } else {
      await ask(turn % 2 === 0 ? "/books" : `/books/${bookId}`);
    }
  }

  async function ask(path: string, method = "GET"): Promise<Response> {
    const response = await fetch(url + path, { method });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    return response;
  }

  const timer = setInterval(() => {
    if (underWay.size >= mostAtOnce) return;
    const visiting = visit(sent++)
      .then(
        () => void counts.answered++,
        () => void counts.failed++,
      )
      .finally(() => underWay.delete(visiting));
    underWay.add(visiting);
  }, 1_000 / perSecond);

  return {
    counts,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
