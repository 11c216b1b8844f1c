import { Client, type QueryResultRow } from "pg";
import type { Address } from "./address.ts";

/**
 * The cluster's own line to one server, opened when first needed and again after it broke. It goes
 * to the server's own port and keeps out of its statement log, so that neither a relay's counts
 * nor the log show anything but the application.
 */
export class ControlConnection {
  readonly #credentials: { readonly user: string; readonly password: string };
  readonly #address: () => Address;
  #client: Promise<Client> | undefined;
  /** Resolves when the statement that was asked for last is over. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    address: () => Address,
    credentials: { readonly user: string; readonly password: string },
  ) {
    this.#address = address;
    this.#credentials = credentials;
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
      // Not the application's database: nobody could drop it, or copy it, under our connection.
      database: "postgres",
      application_name: "pointsman-local",
      options: "-c log_statement=none -c log_min_duration_statement=-1 -c statement_timeout=0",
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
