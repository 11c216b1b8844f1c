import { type ErrorCode, PointsmanError } from "../../errors.ts";
import { reasonFrom } from "../../reason-from.ts";
import { requestCancel } from "../../servers/cancel-request.ts";
import { readerBehind } from "../../servers/companions.ts";
import type { EndpointClient } from "../../servers/endpoint-client.ts";
import { isUsable, whenQuiet } from "../../servers/pg-internals.ts";
import { isSubmittable, type QueryCallback } from "../../servers/query-input.ts";
import type { Row } from "../../servers/question.ts";
import type { SessionState } from "../../statements/types.ts";
import type { Answer, Statement } from "./answer.ts";
import type { Level } from "./level.ts";
import { ReadAhead } from "./read-ahead.ts";
import { type Claim, Turns } from "./turns.ts";

/** Stands in front of a statement that may fail and must not take anything else with it. */
const guard = "pointsman_guard";
/** Fails whatever is sent behind it, as after an error of one's own. */
const abort = "do $pointsman$ begin raise exception 'aborted before'; end $pointsman$";

/** How long what is under way may go on when all is over, in milliseconds. */
const endMillis = 1000;

/** Taken once: fake timers of a test must not stop it. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;

/** Hears of events of the connection. */
export type Hear = (event: "notice" | "notification", args: readonly unknown[]) => void;

/** A statement that is guarded, and how. */
export interface GuardOptions {
  /** PostgreSQL refuses it when it writes. */
  readonly readOnly: boolean;
  /** What COMMIT would look at is looked at behind it. */
  readonly commits: boolean;
}

/** One connection inside one transaction, which many clients believe to have for themselves. */
export class SharedConnection {
  readonly client: EndpointClient;
  readonly turns = new Turns();
  /** Texts of writes that were undone with a transaction of somebody else. */
  readonly undone: string[] = [];
  /** The function of `pointsman/testing` that it belongs to. */
  readonly owner: string;
  /** A guard that nothing has failed behind: it is released in front of what comes next. */
  #guarded = false;
  /** Constraints that a transaction checks at its end only; `undefined`: to be asked. */
  #deferred: string | undefined;
  #problem: PointsmanError | undefined;
  #over: PointsmanError | undefined;
  /** Why the connection is of no use to others though it was rolled back. */
  residue: Error | undefined;
  #hear: Hear | undefined;
  readonly #listeners = (["notice", "notification"] as const).map((event) => {
    return [event, (...args: unknown[]) => this.#hear?.(event, args)] as const;
  });

  /**
   * @param client - with a transaction open
   * @param owner - the function of `pointsman/testing` that it belongs to
   */
  constructor(client: EndpointClient, owner: string) {
    this.client = client;
    this.owner = owner;
    for (const [event, tell] of this.#listeners) client.on(event as "notice", tell);
  }

  /**
   * Ends it, when what is under way is answered.
   *
   * @param over - what everybody else is told
   */
  async close(over: PointsmanError): Promise<void> {
    this.#over = over;
    const late = startTimer(() => this.#cutShort(), endMillis);
    await this.turns.close();
    stopTimer(late);
    for (const [event, tell] of this.#listeners) this.client.removeListener(event, tell);
  }

  /**
   * Opens the transaction.
   *
   * @returns why that has failed
   */
  begin(text: string): Promise<Error | undefined> {
    this.#guarded = false;
    return this.ask(text).then(
      () => undefined,
      (error: Error) => error,
    );
  }

  /** Why nothing can be sent any more. */
  get problem(): PointsmanError | undefined {
    return this.#problem;
  }

  /** From now on everything is refused with this. */
  fail(code: ErrorCode, what: string, cause?: Error): PointsmanError {
    this.#problem ??= new PointsmanError(code, what, { cause });
    return this.#problem;
  }

  /**
   * Runs something in its turn.
   *
   * @param hear - hears what the server says beside the answers
   * @param work - gets the transaction of somebody else that it runs inside of, if it does
   */
  take(
    claim: Claim,
    hear: Hear,
    work: (host: Level | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    return this.turns.take(claim, async (host) => {
      const refused = this.#problem ?? this.#over;
      if (refused !== undefined) return { error: refused };
      this.#hear = hear;
      const answer = await work(host).catch((error: Error) => this.#confused(error));
      this.#hear = undefined;
      return this.#problem === undefined ? answer : { error: this.#problem };
    });
  }

  /** Sends a statement that stands in a transaction of its own. */
  async plainly(statement: Statement): Promise<Answer> {
    this.#note(statement);
    return this.#send(statement, this.#withRelease([]));
  }

  /** Sends a statement by itself: when it fails nothing else is undone. */
  async guarded(statement: Statement, { readOnly, commits }: GuardOptions): Promise<Answer> {
    this.#note(statement);
    const front = [`savepoint ${guard}`, ...(readOnly ? ["set transaction read only"] : [])];
    const answer = await this.#send(statement, this.#withRelease(front));
    if (this.#problem !== undefined) return answer;
    const late =
      commits && answer.error === undefined && this.isWell ? await this.endChecks() : undefined;
    this.#guarded = this.isWell;
    if (!this.isWell) await this.ask(`rollback to savepoint ${guard}; release savepoint ${guard}`);
    return late === undefined ? answer : { error: late };
  }

  /** Sends a statement of a transaction that has failed before: PostgreSQL refuses it. */
  async afterFailure(statement: Statement): Promise<Answer> {
    const front = this.#withRelease([`savepoint ${guard}`, abort]);
    const answer = await this.#send(statement, front);
    await this.ask(`rollback to savepoint ${guard}; release savepoint ${guard}`);
    return answer;
  }

  /** Does nothing, and says so in the way in which PostgreSQL answers. */
  acknowledge(): Promise<Answer> {
    return this.own(`savepoint ${guard}; release savepoint ${guard}`);
  }

  /** Sends a text of this library's own, and gives its answer as pg does. */
  own(query: string): Promise<Answer> {
    return this.#send({ query, values: undefined, facts: undefined }, this.#withRelease([]));
  }

  /**
   * Looks at what COMMIT would look at.
   *
   * @returns what COMMIT would fail with
   */
  async endChecks(): Promise<Error | undefined> {
    this.#deferred ??= (await this.ask(deferredConstraints).catch(() => undefined))?.[0] ?? "";
    if (this.#deferred === "") return undefined;
    const check = `set constraints all immediate; set constraints ${this.#deferred} deferred`;
    return this.ask(check).then(
      () => undefined,
      (error: Error) => error,
    );
  }

  /** Whether the transaction is open and nothing in it has failed. */
  get isWell(): boolean {
    return isUsable(this.client) && this.client.getTransactionStatus() === "T";
  }

  /** Sends something of this library's own. */
  ask(text: string): Promise<Row | undefined> {
    return new Promise((resolve, reject) => {
      this.client.ask(text, (error, row) => {
        if (error === undefined) resolve(row);
        else reject(error);
      });
    });
  }

  #withRelease(front: readonly string[]): string {
    const released = this.#guarded ? [`release savepoint ${guard}`] : [];
    this.#guarded = false;
    return [...released, ...front].join("; ");
  }

  /** Sends a statement, and in front of it, in the same flight where that can be, something else. */
  async #send(statement: Statement, front: string): Promise<Answer> {
    // Outside of the transaction it would be committed.
    this.#look(undefined);
    if (this.#problem !== undefined) return { error: this.#problem };
    const { query } = statement;
    const goesAhead = front !== "" && isSubmittable(query);
    if (goesAhead) await this.ask(front).catch(() => undefined);
    let answer = await this.#sent(statement, goesAhead ? "" : front);
    // pg has refused to send it, before what stands in front of it was answered.
    if (answer.error === readerBehind) answer = await this.#sent(statement, "");
    if (query instanceof ReadAhead) answer = { error: query.error };
    this.#look(answer.error);
    return answer;
  }

  async #sent({ query, values, facts }: Statement, front: string): Promise<Answer> {
    const { client } = this;
    let answer: Answer = {};
    const settled: QueryCallback = (error, result) => {
      answer = { error: error ?? undefined, result };
    };
    const companions =
      front === "" ? undefined : { proof: { text: front, first: false, holds: () => true } };
    try {
      client.send(query, values, isSubmittable(query) ? undefined : settled, facts, companions);
    } catch (thrown) {
      settled(thrown as Error);
    }
    await new Promise<void>((over) => whenQuiet(client, over));
    while (client.cancelling !== undefined) await client.cancelling;
    return answer;
  }

  /** Something of this library's own has failed: nobody knows where the transaction stands. */
  #confused(error: Error): Answer {
    this.#look(error);
    return {
      error: this.fail(
        "TEST_TRANSACTION_LOST",
        `The transaction of ${this.owner}() is not what it was (${reasonFrom(error)}). Nothing of what was done inside is left.`,
        error,
      ),
    };
  }

  /** Nobody waits for what is under way any longer. */
  #cutShort(): void {
    const problem = this.fail(
      "TEST_TRANSACTION_LOST",
      `A statement was under way inside ${this.owner}() when its callback was over, and did not end: its connection was closed. Nothing of what was done inside is left. Await everything inside the callback.`,
    );
    requestCancel(this.client).finally(() => this.client.cut(problem));
  }

  /** The transaction must be open still. */
  #look(error: Error | undefined): void {
    const { client } = this;
    if (!isUsable(client)) {
      const why = error === undefined ? "" : ` (${reasonFrom(error)})`;
      this.fail(
        "TEST_TRANSACTION_LOST",
        `The connection of ${this.owner}() was lost${why}. Nothing of what was done inside is left. Run the test again.`,
        error,
      );
    } else if (client.getTransactionStatus() === "I") {
      this.fail(
        "TEST_TRANSACTION_LOST",
        `Something has ended the transaction of ${this.owner}() past this library: what was done inside may have been committed. Look for COMMIT in texts that it cannot see.`,
      );
    }
  }

  #note({ facts }: Statement): void {
    if (facts?.session.some((state) => staying.has(state))) {
      this.residue = new Error("ROLLBACK has left locks, cursors or prepared statements.");
    }
    const found = facts?.statements.some(({ verdict }) => changing.has(verdict));
    if (found !== false || facts?.verdict === "too-long") this.#deferred = undefined;
  }
}

/** State of a connection that is not undone with the transaction that has made it. */
const staying: ReadonlySet<SessionState> = new Set(["lock", "prepared", "library", "cursor"]);

/** Statements behind which there may be other constraints. */
const changing: ReadonlySet<string> = new Set(["schema-change", "procedure", "too-long"]);

const deferredConstraints = `
  select string_agg(format('%I.%I', n.nspname, c.conname), ', ')
  from pg_catalog.pg_constraint c join pg_catalog.pg_namespace n on n.oid = c.connamespace
  where c.condeferred`;
