import type { Client, ClientOptions } from "pointsman/pg";
import { expect, it } from "vitest";
import { Random } from "../consistency/random.ts";
import { localCluster } from "../support/local-cluster.ts";
import { connected, ofOneServer, ownOptions } from "./clients.ts";

const local = localCluster({
  readers: 1,
  schema:
    "create table marks (client int primary key, mark int); insert into marks select n, 0 from generate_series(1, 8) n",
});

const seed = Number(process.env["POINTSMAN_SEED"] ?? Date.now() % 1_000_000);
const steps = 60;

/** What a connection of its own would have of a client, and what the client shows. */
class Session {
  readonly #client: Client;
  readonly #random: Random;
  readonly #at: number;
  readonly surprises: string[] = [];
  #setting = "";
  #hasTable = false;
  #isPrepared = false;
  #mark = 0;

  constructor(client: Client, at: number) {
    this.#client = client;
    this.#random = new Random(seed + at);
    this.#at = at;
  }

  async run(): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const action = this.#random.weighted({
        look: 8,
        set: 2,
        reset: 1,
        table: 0.5,
        prepare: 0.5,
        write: 3,
        transaction: 2,
        discard: 0.5,
      });
      await this[action]();
      await this.look();
    }
  }

  #expect(what: string, expected: unknown, seen: unknown): void {
    if (seen !== expected) this.surprises.push(`${what}: ${seen} instead of ${expected}`);
  }

  async #works(text: string): Promise<boolean> {
    return this.#client.query(text).then(
      () => true,
      () => false,
    );
  }

  async look(): Promise<void> {
    const { rows } = await this.#client.query(
      `select coalesce(current_setting('app.own', true), '') as setting,
        (select mark from marks where client = $1) as mark`,
      [this.#at],
    );
    this.#expect("setting", this.#setting, rows[0].setting);
    this.#expect("mark", this.#mark, rows[0].mark);
    // What fails would abort a transaction.
    if (this.#client.getTransactionStatus() === "I" && this.#random.chance(0.1)) {
      this.#expect("table", this.#hasTable, await this.#works("select * from own_table"));
      this.#expect("prepared", this.#isPrepared, await this.#works("execute own_statement"));
    }
  }

  async set(): Promise<void> {
    this.#setting = `${this.#random.between(1, 3)}`;
    await this.#client.query(`set app.own to '${this.#setting}'`);
  }

  async reset(): Promise<void> {
    this.#setting = "";
    await this.#client.query("reset app.own");
  }

  async table(): Promise<void> {
    await this.#client.query("create temp table if not exists own_table (n int)");
    this.#hasTable = true;
  }

  async prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#client.query("prepare own_statement as select 1");
    this.#isPrepared = true;
  }

  async write(): Promise<void> {
    this.#mark += 1;
    await this.#client.query("update marks set mark = $1 where client = $2", [
      this.#mark,
      this.#at,
    ]);
  }

  async transaction(): Promise<void> {
    const before = this.#mark;
    await this.#client.query("begin");
    await this.write();
    await this.look();
    const isKept = this.#random.chance(0.5);
    await this.#client.query(isKept ? "commit" : "rollback");
    if (!isKept) this.#mark = before;
  }

  async discard(): Promise<void> {
    await this.#client.query("discard all");
    this.#setting = "";
    this.#hasTable = false;
    this.#isPrepared = false;
  }
}

it.each<[string, (options?: ClientOptions) => ClientOptions]>([
  ["with a reader", (options) => ownOptions(local, options)],
  ["with one server", (options) => ofOneServer(local, options)],
])(
  "each of many Clients is as if it were alone, whatever they do: %s",
  async (_name, make) => {
    const admin = await local.connect();
    await admin.query("update marks set mark = 0");
    await local.cluster.waitForReplay();
    const options = make({ idleTimeoutMillis: 50 });
    const clients = await Promise.all(Array.from({ length: 8 }, () => connected(options)));
    const sessions = clients.map((client, index) => new Session(client, index + 1));
    await Promise.all(sessions.map((session) => session.run()));
    expect(
      sessions.flatMap(({ surprises }) => surprises),
      `POINTSMAN_SEED=${seed}`,
    ).toEqual([]);
  },
  60_000,
);
