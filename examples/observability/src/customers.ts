/** Customers who come to the shop, however long those before them wait. */
export interface Load {
  /** Requests that got what they asked for, and those that did not. */
  readonly counts: { readonly answered: number; readonly failed: number };
  /** Those that did not, by what was asked and the status of the answer, as `POST 503`. */
  readonly failures: ReadonlyMap<string, number>;
  /** The numbers of the orders that were taken, as customers were told. */
  readonly placed: readonly string[];
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
  const failures = new Map<string, number>();
  const placed: string[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;

  async function visit(turn: number): Promise<void> {
    const bookId = (turn % 4) + 1;
    if (turn % 10 === 0) {
      placed.push(await ask(`/orders/${bookId}`, "POST"));
    } else if (turn % 10 < 3 && placed.length > 0) {
      await ask(`/orders/${placed.at(-1)}`);
    } else {
      await ask(turn % 2 === 0 ? "/books" : `/books/${bookId}`);
    }
  }

  /** Returns the number of what was asked for, if it has one. */
  async function ask(path: string, method = "GET"): Promise<string> {
    const response = await fetch(url + path, { method });
    const body = (await response.json()) as { readonly number?: string };
    if (!response.ok) throw new Refused(`${method} ${response.status}`);
    return body.number ?? "";
  }

  function failed(error: unknown): void {
    const what = error instanceof Refused ? error.message : "no answer";
    failures.set(what, (failures.get(what) ?? 0) + 1);
    counts.failed++;
  }

  const timer = setInterval(() => {
    if (underWay.size >= mostAtOnce) return;
    const visiting = visit(sent++)
      .then(() => void counts.answered++, failed)
      .finally(() => underWay.delete(visiting));
    underWay.add(visiting);
  }, 1_000 / perSecond);

  return {
    counts,
    failures,
    placed,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

class Refused extends Error {}
