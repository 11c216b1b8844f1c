import type { TransactionStatus } from "pg";
import { PointsmanError } from "../../errors.ts";
import type { Target } from "../../routing/route.ts";
import { textOf } from "../../servers/query-input.ts";
import { type Answer, answerTo, type Statement } from "./answer.ts";
import type { Level } from "./level.ts";
import type { Hear, SharedConnection } from "./shared-connection.ts";
import { type Step, stepOf } from "./step.ts";
import type { Claim } from "./turns.ts";

/** Where a failed statement takes a transaction back to that has savepoints of its own. */
const mark = "pointsman_mark";

/**
 * What one client does on a connection that it shares with others: its transactions are savepoints,
 * and what it sends outside of them stands for itself. READ ONLY transactions hold nothing that could
 * be lost, so they are nothing but a mode: each of their statements is read-only by itself, and
 * nobody waits for them.
 */
export class Play {
  readonly #shared: SharedConnection;
  readonly #side: Target;
  readonly #hear: Hear;
  #mode: "outside" | "writing" | "looking" = "outside";
  #failed = false;
  /** Its savepoint, while it is open and not undone. */
  #level: Level | undefined;

  /** @param hear - hears what the server says beside its answers */
  constructor(shared: SharedConnection, side: Target, hear: Hear) {
    this.#shared = shared;
    this.#side = side;
    this.#hear = hear;
  }

  get status(): TransactionStatus {
    if (this.#mode === "outside") return "I";
    return this.#failed ? "E" : "T";
  }

  run(statement: Statement): Promise<Answer> {
    const step = stepOf(statement.facts);
    if (step.kind === "refused")
      return Promise.resolve({ error: refusal(step.what, this.#shared.owner) });
    return this.#shared.take(this.#claim(step), this.#hear, (host) => {
      if (this.#level?.undone === true) return this.#afterUndone(step);
      if (this.#mode === "outside") return this.#outside(step, statement, host);
      if (this.#mode === "looking") return this.#looking(step, statement);
      return this.#writing(step, statement, host);
    });
  }

  /** Rolls back what is open. */
  async end(): Promise<void> {
    if (this.#mode === "looking") this.#close();
    if (this.#mode === "outside") return;
    await this.#shared.take(this.#claim({ kind: "rollback" }), this.#hear, () => this.#rollBack());
  }

  #claim(step: Step): Claim {
    const level = this.#level;
    return { level, harmless: level?.undone === true || this.#isHarmless(step) };
  }

  #isHarmless(step: Step): boolean {
    if (this.#side === "reader" || this.#mode === "looking") return true;
    if (this.#mode === "writing" && this.#failed) {
      return this.#level === undefined || step.kind === "statement";
    }
    if (step.kind === "statement") return step.reads;
    if (this.#mode === "writing") return step.kind === "commit";
    return step.kind !== "begin" || step.readOnly;
  }

  async #outside(step: Step, statement: Statement, host: Level | undefined): Promise<Answer> {
    switch (step.kind) {
      case "begin":
        if (this.#side === "writer" && !step.readOnly) return this.#begin();
        this.#mode = "looking";
        return this.#say("BEGIN");
      case "commit":
        return this.#say("COMMIT");
      case "rollback":
        return this.#say("ROLLBACK");
      case "savepoint":
      case "release":
      case "rollback-to":
        return this.#shared.guarded(outsideOfBlock(statement), { readOnly: false, commits: false });
      default:
        return this.#alone(step, statement, host);
    }
  }

  /** A statement that is committed by itself. */
  async #alone(step: Step, statement: Statement, host: Level | undefined): Promise<Answer> {
    const reads = step.kind === "statement" && step.reads;
    const answer = await this.#shared.guarded(insteadOf(step, statement), {
      readOnly: this.#side === "reader",
      commits: !reads && host === undefined,
    });
    if (!reads && answer.error === undefined) this.#visit(host, statement);
    return answer;
  }

  /** Something was written inside a transaction of somebody else. */
  #visit(host: Level | undefined, statement: Statement): void {
    if (host === undefined) return;
    host.wrote = true;
    const text = textOf(statement.query) ?? "a query whose text cannot be seen";
    host.guests.push({ text, savepoints: host.savepoints });
  }

  async #begin(): Promise<Answer> {
    const { turns } = this.#shared;
    const level = turns.open();
    const answer = await this.#shared.own(`savepoint ${level.name}`);
    if (answer.error !== undefined) {
      turns.keep(level);
      return answer;
    }
    this.#level = level;
    this.#mode = "writing";
    return answerTo("BEGIN", answer);
  }

  async #looking(step: Step, statement: Statement): Promise<Answer> {
    switch (step.kind) {
      case "commit":
      case "rollback": {
        const command = this.#failed || step.kind === "rollback" ? "ROLLBACK" : "COMMIT";
        this.#close();
        return this.#say(command);
      }
      case "rollback-to":
        this.#failed = false;
        return this.#say("ROLLBACK");
      case "begin":
      case "savepoint":
      case "release":
        if (this.#failed) return this.#shared.afterFailure(statement);
        return this.#say(statement.facts?.statements[0]?.command ?? "");
      default: {
        if (this.#failed) return this.#shared.afterFailure(statement);
        const sent = insteadOf(step, statement);
        const answer = await this.#shared.guarded(sent, { readOnly: true, commits: false });
        this.#failed = answer.error !== undefined;
        return answer;
      }
    }
  }

  async #writing(step: Step, statement: Statement, host: Level | undefined): Promise<Answer> {
    const shared = this.#shared;
    if (step.kind === "rollback") return this.#rollBack();
    if (step.kind === "commit") return this.#failed ? this.#rollBack() : this.#commit(host);
    if (this.#failed && (step.kind !== "rollback-to" || this.#level === undefined)) {
      return shared.afterFailure(statement);
    }
    const level = this.#level as Level;
    if (host !== undefined) {
      const answer = isMark(step)
        ? { error: crossed(statement) }
        : await this.#alone(step, statement, host);
      this.#failed = answer.error !== undefined;
      return answer;
    }
    const answer = await shared.plainly(insteadOf(step, statement));
    if (shared.problem !== undefined) return answer;
    if (!shared.isWell) {
      await this.#fall(level);
      return answer;
    }
    switch (step.kind) {
      case "savepoint":
        level.savepoints += 1;
        break;
      case "rollback-to":
        this.#failed = false;
        this.#loseGuests(level);
        break;
      case "release":
        break;
      default:
        level.wrote ||= step.kind === "statement" && !step.reads;
        return answer;
    }
    await shared.ask(`savepoint ${mark}`);
    return answer;
  }

  /** A statement has failed: what the transaction has done since its last savepoint is undone. */
  async #fall(level: Level): Promise<void> {
    this.#failed = true;
    if (level.savepoints === 0) {
      await this.#undo(level);
      return;
    }
    await this.#shared.ask(`rollback to savepoint ${mark}`);
    this.#loseGuests(level);
  }

  async #commit(host: Level | undefined): Promise<Answer> {
    const shared = this.#shared;
    const level = this.#level as Level;
    const below = shared.turns.below(level);
    const problem =
      below === undefined && host === undefined ? await shared.endChecks() : undefined;
    if (problem !== undefined) {
      await this.#undo(level);
      this.#close();
      return { error: problem };
    }
    // Those that stand inside of it go on: what it has done stays, under its savepoint.
    const answer = await (host === undefined
      ? shared.own(`release savepoint ${level.name}`)
      : shared.acknowledge());
    shared.turns.keep(level);
    if (below !== undefined) {
      const { savepoints } = below;
      const texts = level.guests.map(({ text }) => text);
      if (level.wrote) texts.push("a transaction that was committed inside of another one");
      for (const text of texts) below.guests.push({ text, savepoints });
    }
    this.#close();
    return answerTo("COMMIT", answer);
  }

  async #rollBack(): Promise<Answer> {
    const level = this.#level;
    if (level !== undefined && !level.undone) await this.#undo(level);
    this.#close();
    return this.#say("ROLLBACK");
  }

  /** Undoes a transaction, and what stands inside of it. */
  async #undo(level: Level): Promise<void> {
    const { undone, turns } = this.#shared;
    await this.#shared.own(`rollback to savepoint ${level.name}; release savepoint ${level.name}`);
    for (const { text } of level.guests) undone.push(text);
    for (const inside of turns.undo(level)) {
      if (inside.wrote) undone.push("a transaction that was open inside of another one");
    }
    this.#level = undefined;
  }

  #loseGuests({ guests }: Level): void {
    const all = guests.splice(0);
    for (const guest of all) {
      if (guest.savepoints > 0) this.#shared.undone.push(guest.text);
      else guests.push(guest);
    }
  }

  /** Its transaction was undone together with the one that it stood in. */
  async #afterUndone(step: Step): Promise<Answer> {
    if (step.kind === "rollback") {
      this.#close();
      return this.#say("ROLLBACK");
    }
    if (step.kind === "commit") this.#close();
    else this.#failed = true;
    return { error: undoneTogether(this.#shared.undone) };
  }

  #close(): void {
    this.#mode = "outside";
    this.#failed = false;
    this.#level = undefined;
  }

  async #say(command: string): Promise<Answer> {
    return answerTo(command, await this.#shared.acknowledge());
  }
}

function isMark({ kind }: Step): boolean {
  return kind === "savepoint" || kind === "release" || kind === "rollback-to";
}

/** What a savepoint is told that would end with the transaction of somebody else. */
function crossed({ facts }: Statement): PointsmanError {
  const command = facts?.statements[0]?.command ?? "SAVEPOINT";
  return new PointsmanError(
    "TEST_STATEMENT_REFUSED",
    `${command} in a transaction, inside of which another one is open, cannot be played on the one connection of withRollback(). It was not sent. End the other one first, or test this code without withRollback().`,
  );
}

function insteadOf(step: Step, statement: Statement): Statement {
  return step.kind === "isolation"
    ? { ...statement, query: step.instead, values: undefined }
    : statement;
}

/** What PostgreSQL says to SAVEPOINT and kin outside of a transaction. */
function outsideOfBlock({ facts }: Statement): Statement {
  const command = facts?.statements[0]?.command ?? "SAVEPOINT";
  const query = `do $pointsman$ begin raise exception using errcode = '25P01', message = '${command} can only be used in transaction blocks'; end $pointsman$`;
  return { query, values: undefined, facts: undefined };
}

function refusal(what: string, owner: string): PointsmanError {
  return new PointsmanError(
    "TEST_STATEMENT_REFUSED",
    `${what} could end the one transaction that everything inside ${owner}() runs in. It was not sent. Send BEGIN, COMMIT and ROLLBACK by themselves, or use pool.transaction().`,
  );
}

/** What is told of writes that were undone with a transaction that they were not part of. */
export function undoneTogether(texts: readonly string[], cause?: unknown): PointsmanError {
  const shown = texts.map((text) => `"${text.replaceAll(/\s+/g, " ").trim().slice(0, 100)}"`);
  return new PointsmanError(
    "TEST_WRITE_UNDONE",
    `Inside withRollback() all runs on one connection, and what was written past an open transaction was undone when that was rolled back${shown.length === 0 ? "" : `: ${shown.join(", ")}`}. Elsewhere it would have stayed. Write it before or behind that transaction, or test this code without withRollback().`,
    { cause },
  );
}
