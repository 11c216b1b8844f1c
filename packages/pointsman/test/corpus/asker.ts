import { createHash } from "node:crypto";
import type { EventEmitter } from "node:events";
import pg from "pg";
import type { Role } from "./statement.ts";

/** What came of a text on one server. */
export type Outcome =
  | {
      readonly accepted: true;
      /** Commands and rows, in short; rows in any order are the same answer. */
      readonly answer: string;
    }
  | { readonly accepted: false; readonly code: string; readonly message: string };

/** Whether two servers have said the same; how they refuse does not matter. */
export function isSame(one: Outcome, other: Outcome): boolean {
  if (!one.accepted || !other.accepted) return one.accepted === other.accepted;
  return one.answer === other.answer;
}

/** A locked key is told after this long; nothing else in a corpus waits for a lock. */
const lockTimeoutMs = 30;
const statementTimeoutMs = 4_000;

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

interface CopyIn {
  handleCopyInResponse: (connection: { endCopyFrom(): void }) => void;
}

/** One connection to one server, which runs texts as a simple client does. */
export class Asker {
  readonly #open: () => Promise<pg.Client>;
  #client: pg.Client | undefined;
  #copied: string[] = [];
  /** `I`: idle, `T`: in a transaction, `E`: in one that has failed. */
  status = "I";

  /** @param prelude - what it has done before the first text */
  constructor(url: string, role: Role, prelude = "") {
    this.#open = async () => {
      const address = new URL(url);
      const clerk = role === "clerk" ? { user: "clerk" } : {};
      const client = new pg.Client({
        host: address.hostname,
        port: Number(address.port),
        database: address.pathname.slice(1),
        user: decodeURIComponent(address.username),
        password: decodeURIComponent(address.password),
        ...clerk,
        application_name: "corpus",
        lock_timeout: lockTimeoutMs,
        statement_timeout: statementTimeoutMs,
      });
      client.on("error", () => {
        if (this.#client === client) this.#client = undefined;
      });
      await client.connect();
      const { connection } = client as unknown as { connection: EventEmitter };
      connection.on("readyForQuery", ({ status }: { status: string }) => {
        this.status = status;
      });
      connection.on("copyData", ({ chunk }: { chunk: Buffer }) => {
        this.#copied.push(chunk.toString("latin1"));
      });
      if (prelude !== "") await client.query(prelude);
      return client;
    };
  }

  async run(text: string): Promise<Outcome> {
    this.#client ??= await this.#open();
    const client = this.#client;
    this.#copied = [];
    try {
      const results = await send(client, text);
      const told = results.map(({ command, rows }) => [
        command,
        rows.map((row) => JSON.stringify(row)).sort(),
      ]);
      const whole = JSON.stringify([told, this.#copied.join("")]);
      return { accepted: true, answer: whole.length > 200 ? hash(whole) : whole };
    } catch (error) {
      const { code = "lost", message } = error as Error & { code?: string };
      if (code === "lost" || /^57P|^08/.test(code)) await this.close();
      return { accepted: false, code, message };
    }
  }

  /** The first row of a text that has to succeed. */
  async row<R extends object>(text: string): Promise<R> {
    this.#client ??= await this.#open();
    const { rows } = await this.#client.query(text);
    return rows[0] as R;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.status = "I";
    await client?.end().catch(() => {});
  }
}

interface Answer {
  readonly command: string;
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Sends it by the simple protocol; a COPY from the client gets no rows. */
function send(client: pg.Client, text: string): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const config = { text, rowMode: "array", types: asText } as unknown as pg.QueryConfig;
    const query = new pg.Query(config as never, (error: Error | undefined, result: unknown) => {
      if (error) reject(error);
      else resolve((Array.isArray(result) ? result : [result]) as Answer[]);
    });
    (query as unknown as CopyIn).handleCopyInResponse = (connection) => connection.endCopyFrom();
    client.query(query as never);
  });
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
