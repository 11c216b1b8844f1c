import { Client, type QueryResultRow } from "pg";
import type { Address } from "./address.ts";
import { HIDDEN_SCHEMA } from "./hidden-schema.ts";

const OPTIONS = [
  "log_statement=none",
  "log_min_duration_statement=-1",
  "statement_timeout=0",
  // What an imitation of Aurora refuses to clients is in here, under its own name.
  `search_path=${HIDDEN_SCHEMA},pg_catalog`,
]
  .map((setting) => `-c ${setting}`)
  .join(" ");

/**
 * The cluster's own line to one server, opened when first needed and again after it broke. It goes
 * to the server's own port and keeps out of its statement log, so that neither a relay's counts
 * nor the log show anything but the application.
 */
export class ControlConnection {
  readonly #credentials: { readonly user: string; readonly password: string };
  readonly #address: () => Address;
  readonly #database: string;
  #client: Promise<Client> | undefined;
  /** Resolves when the statement that was asked for last is over. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    address: () => Address,
    credentials: { readonly user: string; readonly password: string },
    // Not the application's database: nobody could drop it, or copy it, under our connection.
    database = "postgres",
  ) {
    this.#address = address;
    this.#credentials = credentials;
    this.#database = database;
  }

  /** A line to another database of the same server. */
  to(database: string): ControlConnection {
    return new ControlConnection(this.#address, this.#credentials, database);
  }

  /** Runs a statement, after those before it. Rejects with the error of PostgreSQL, or of the connection. */
  query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const run = async () => {
      this.#client ??= this.#open();
      const client = await this.#client;
      return (await client.query<Row>(text, [...values])).rows;
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Closes the connection if there is one. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  #open(): Promise<Client> {
    const client = new Client({
      ...this.#address(),
      user: this.#credentials.user,
      password: this.#credentials.password,
      database: this.#database,
      application_name: "pointsman-local",
      options: OPTIONS,
      ssl: false,
      keepAlive: true,
    });
    const forget = () => {
      if (this.#client === opening) this.#client = undefined;
    };
    client.on("error", forget);
    client.on("end", forget);
    const opening = client.connect().then(() => client);
    opening.catch(forget);
    return opening;
  }
}
