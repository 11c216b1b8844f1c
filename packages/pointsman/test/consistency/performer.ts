import type { PoolClient } from "pg";
import Cursor from "pg-cursor";
import { type Pool, type Session, type TransactionClient, withWriter } from "pointsman";
import type { Change } from "./history.ts";
import { outcomeOf, StepRecord } from "./record.ts";
import { appendText, cursorText, type LookRow, lookText, setText, sightsOf } from "./statements.ts";
import type { Alter, Deed, Look, Step, StepResult, Transaction } from "./step.ts";

type Asked = Pick<TransactionClient, "query">;

/** Does steps on the pool of one process. */
export class Performer {
  readonly #pool: Pool;
  readonly #process: number;
  readonly #tick: () => number;

  constructor(pool: Pool, process: number, tick: () => number) {
    this.#pool = pool;
    this.#process = process;
    this.#tick = tick;
  }

  perform({ session, after, deeds }: Step): Promise<StepResult> {
    const record = new StepRecord(session, this.#process, this.#tick);
    const work = async (scope: Session): Promise<StepResult> => {
      if (after !== undefined && after.session !== session) record.adopted(after);
      for (const deed of deeds) await this.#do(deed, scope, record);
      await scope.settled();
      return record.result(scope.token ?? after?.token);
    };
    return this.#pool.session(work, { after: after?.token });
  }

  async #do(deed: Deed, scope: Session, record: StepRecord): Promise<void> {
    switch (deed.kind) {
      case "look":
        return this.#look(deed, record);
      case "alter":
        return this.#alter(deed, record);
      case "together":
        await Promise.all(deed.deeds.map((one) => this.#do(one, scope, record)));
        return;
      case "conversation":
        return this.#converse(deed.statements, record);
      case "transaction":
        return this.#transact(deed.transaction, record);
      case "adopt":
        if (deed.from.token !== undefined) scope.see(deed.from.token);
        record.adopted(deed.from);
    }
  }

  async #look(look: Look, record: StepRecord): Promise<void> {
    if (look.by === "cursor") return this.#lookByCursor(look, record);
    const server =
      look.by === "withWriter"
        ? await withWriter(() => ask(this.#pool, look, record))
        : await ask(this.#pool, look, record);
    if (look.by === "pool" && server !== undefined) record.free(server);
  }

  /** A cursor reads on in the snapshot that it was opened with. */
  async #lookByCursor({ keys: [key = ""] }: Look, record: StepRecord): Promise<void> {
    const invoked = record.tick();
    const rows: { readonly server: string; readonly element: number | null }[] = [];
    await this.#onClient(record, async (client) => {
      const cursor = client.query(new Cursor<(typeof rows)[number]>(cursorText, [key]));
      for (let got = -1; got !== rows.length; ) {
        got = rows.length;
        rows.push(...(await cursor.read(10)));
      }
      await cursor.close();
      const elements = rows.flatMap(({ element }) => (element === null ? [] : [element]));
      const [{ server } = { server: "none" }] = rows;
      record.read(invoked, [{ kind: "elements", key, elements }], server, []);
      record.free(server);
    });
  }

  async #alter(deed: Alter, record: StepRecord): Promise<void> {
    await write(this.#pool, deed, record);
  }

  #converse(statements: readonly (Look | Alter)[], record: StepRecord): Promise<void> {
    return this.#onClient(record, async (client) => {
      for (const one of statements) {
        if (one.kind === "look") await ask(client, one, record);
        else await write(client, one, record);
      }
    });
  }

  async #transact(transaction: Transaction, record: StepRecord): Promise<void> {
    const changes: Change[] = [];
    let committing: number | undefined;
    const body = async (client: Asked): Promise<void> => {
      for (const one of transaction.statements) {
        if (one.kind === "look") await ask(client, one, record, changes);
        else changes.push(await change(client, one));
      }
      if (transaction.end === "rollback") throw new Rollback();
      committing = record.tick();
    };
    try {
      if (transaction.by === "transaction") {
        const { isolationLevel, readOnly } = transaction;
        await this.#pool.transaction(body, { isolationLevel, readOnly });
      } else {
        await this.#transactByHand(transaction, body);
      }
      if (changes.length > 0) record.write(committing as number, changes, "acknowledged");
    } catch (error) {
      if (!(error instanceof Rollback)) record.trouble(error);
      const outcome = committing === undefined ? "failed" : outcomeOf(error);
      if (changes.length > 0) record.write(committing ?? record.tick(), changes, outcome);
    }
  }

  async #transactByHand(
    { isolationLevel, readOnly }: Transaction,
    body: (client: Asked) => Promise<void>,
  ): Promise<void> {
    const client = await this.#pool.connect();
    try {
      const access = readOnly ? "read only" : "read write";
      await client.query(`begin isolation level ${isolationLevel} ${access}`);
      try {
        await body(client);
      } catch (error) {
        await client.query("rollback");
        throw error;
      }
      await client.query("commit");
      client.release();
    } catch (error) {
      client.release(error instanceof Rollback ? undefined : (error as Error));
      throw error;
    }
  }

  async #onClient(record: StepRecord, fn: (client: PoolClient) => Promise<void>): Promise<void> {
    try {
      const client = await this.#pool.connect();
      try {
        await fn(client);
        client.release();
      } catch (error) {
        client.release(error as Error);
        throw error;
      }
    } catch (error) {
      record.trouble(error);
    }
  }
}

class Rollback extends Error {}

/**
 * Reads, and says which server answered. Outside of transactions a failure is written down and got
 * over; inside of one it is the whole transaction's.
 */
async function ask(
  client: Asked,
  { keys, by }: Look,
  record: StepRecord,
  uncommitted?: readonly Change[],
): Promise<string | undefined> {
  const invoked = record.tick();
  const target = by === "target" ? ({ target: "writer" } as const) : {};
  const query = { text: lookText(keys), values: [...keys], ...target };
  try {
    const { rows } = await client.query<LookRow>(query);
    const row = rows[0] as LookRow;
    record.read(invoked, sightsOf(keys, row), row.server, uncommitted ?? []);
    return row.server;
  } catch (error) {
    if (uncommitted !== undefined) throw error;
    record.trouble(error);
    return undefined;
  }
}

/** Writes outside of a transaction. */
async function write(client: Asked, alter: Alter, record: StepRecord): Promise<void> {
  const invoked = record.tick();
  try {
    record.write(invoked, [await change(client, alter)], "acknowledged");
  } catch (error) {
    record.trouble(error);
    const { change } = alter;
    const unsure = change.kind === "set" ? { ...change, version: undefined } : change;
    record.write(invoked, [unsure], outcomeOf(error));
  }
}

async function change(client: Asked, { change }: Alter): Promise<Change> {
  if (change.kind === "append") {
    await client.query(appendText, [change.key, change.element]);
    return change;
  }
  const { rows } = await client.query<{ version: number }>(setText, [change.key, "value"]);
  return { ...change, version: (rows[0] as { version: number }).version };
}
