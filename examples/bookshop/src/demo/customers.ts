import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../random.ts";
import type { ShopSize } from "../seed.ts";
import { adjectives, categories, lastNames, nouns, opinions } from "../words.ts";

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A visitor of the shop, who knows nothing of it but its HTTP interface. */
export class Visitor {
  readonly #url: string;
  readonly #random: Random;
  readonly #size: ShopSize;
  readonly #leave: AbortSignal;

  constructor(url: string, seed: number, size: ShopSize, leave: AbortSignal) {
    this.#url = url;
    this.#random = new Random(seed);
    this.#size = size;
    this.#leave = leave;
  }

  /** Looks around and buys, again and again, as another customer each time. */
  async shop(): Promise<void> {
    const random = this.#random;
    while (!this.#leave.aborted) {
      const customer = random.chance(0.15) ? await this.#signUp() : this.#someCustomer();
      if (random.chance(0.4)) await this.#get("/");
      const basket = new Set<number>();
      for (let looks = random.between(2, 5); looks > 0; looks -= 1) {
        const found = random.chance(0.4) ? await this.#search() : await this.#browse();
        const book = found ?? this.#someBook();
        await this.#get(`/books/${book}`);
        if (random.chance(0.4)) basket.add(book);
      }
      if (basket.size > 0) await this.#order(customer, [...basket]);
      if (random.chance(0.3)) await this.#review(customer, this.#someBook());
    }
  }

  /** Keeps an eye on the business. */
  async manage(): Promise<void> {
    while (!this.#leave.aborted) {
      await this.#get("/health");
      await this.#think(600);
      await this.#get("/back-office/report");
      await this.#think(1500);
      await this.#post("/back-office/bestsellers", {});
      await this.#think(1500);
    }
  }

  async #browse(): Promise<number | undefined> {
    const [slug] = this.#random.pick(categories);
    const page = this.#random.popular(5);
    const sort = this.#random.pick(["", "&sort=newest", "&sort=cheapest"]);
    return this.#pickFrom(await this.#get(`/categories/${slug}?page=${page}${sort}`));
  }

  async #search(): Promise<number | undefined> {
    const words = this.#random.pick([
      this.#random.pick(lastNames),
      `${this.#random.pick(adjectives)} ${this.#random.pick(nouns)}`,
    ]);
    return this.#pickFrom(await this.#get(`/search?q=${encodeURIComponent(words.toLowerCase())}`));
  }

  async #order(customerId: number, books: readonly number[]): Promise<void> {
    const lines = books.map((bookId) => ({
      bookId,
      // Now and then a school orders for everyone, and finds that the shelf is not that long.
      quantity: this.#random.chance(0.05) ? 300 : this.#random.between(1, 2),
    }));
    const { status, body } = await this.#post("/orders", { customerId, lines });
    if (status !== 200) return;
    if (this.#random.chance(0.5)) await this.#get(`/customers/${customerId}/orders`);
    if (this.#random.chance(0.15)) {
      await this.#post(`/orders/${(body as { number: number }).number}/cancel`, {});
    }
  }

  async #review(customerId: number, bookId: number): Promise<void> {
    const rating = this.#random.between(2, 5);
    const body = this.#random.pick(opinions);
    await this.#post(`/books/${bookId}/reviews`, { customerId, rating, body });
  }

  async #signUp(): Promise<number> {
    const name = `Robin ${this.#random.pick(lastNames)}`;
    const email = `robin.${Math.floor(this.#random.next() * 1e12)}@example.com`;
    const { body } = await this.#post("/customers", { name, email });
    return (body as { id?: number }).id ?? this.#someCustomer();
  }

  #someCustomer(): number {
    return this.#random.between(1, this.#size.customers);
  }

  #someBook(): number {
    return this.#random.popular(this.#size.books);
  }

  #pickFrom(answer: Answer): number | undefined {
    const { entries = [] } = answer.body as { entries?: { id: number }[] };
    return entries.length === 0 ? undefined : this.#random.pick(entries).id;
  }

  #get(path: string): Promise<Answer> {
    return this.#ask(path, {});
  }

  #post(path: string, body: object): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** Asks the shop, follows where it leads, and takes a moment to look at the answer. */
  async #ask(path: string, init: RequestInit): Promise<Answer> {
    if (this.#leave.aborted) return { status: 0, body: {} };
    const response = await fetch(this.#url + path, init);
    const text = await response.text();
    if (response.status >= 500) {
      throw new Error(`The shop answered ${init.method ?? "GET"} ${path} with ${response.status}.`);
    }
    await this.#think(150);
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  }

  /** About so many milliseconds, unless it is time to go. */
  async #think(milliseconds: number): Promise<void> {
    const time = milliseconds * (0.5 + this.#random.next());
    await pause(time, undefined, { signal: this.#leave }).catch(() => {});
  }
}
