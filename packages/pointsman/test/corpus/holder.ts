import pg from "pg";

/** Holds every advisory lock that the texts of a corpus take, so that taking one shows. */
export class Holder {
  readonly #client: pg.Client;

  constructor(url: string) {
    this.#client = new pg.Client({ connectionString: url });
  }

  async open(): Promise<void> {
    await this.#client.connect();
    await this.hold();
  }

  async hold(): Promise<void> {
    await this.#client.query(
      "select pg_advisory_lock(g), pg_advisory_lock(g, g) from generate_series(0, 20) g",
    );
  }

  async release(): Promise<void> {
    await this.#client.query("select pg_advisory_unlock_all()");
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}
