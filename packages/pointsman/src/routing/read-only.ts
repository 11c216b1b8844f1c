import { PointsmanError } from "../errors.ts";
import { onlyReads } from "../statements/only-reads.ts";
import type { Classification, FunctionCall, Statement } from "../statements/types.ts";
import type { Verdict } from "../statements/verdicts.ts";
import type { AllowedWrites } from "./allowed-writes.ts";
import type { Target } from "./route.ts";

/** What becomes of a text in a pool that is read-only: where it goes, or why it is not sent. */
export type ReadOnlyJudgement =
  | { readonly target: Target; readonly refused?: undefined }
  | { readonly target?: undefined; readonly refused: string };

const toReader: ReadOnlyJudgement = Object.freeze({ target: "reader" });
const toWriter: ReadOnlyJudgement = Object.freeze({ target: "writer" });

/** Verdicts of statements that only read, or nobody knows better, where the server is read-only. */
const readingVerdicts: ReadonlySet<Verdict> = new Set<Verdict>([
  "plain-read",
  "read-only-transaction",
  "empty",
  "server-bound",
  "unknown-function",
  "unknown-object",
  "unlogged-table",
  "foreign-table",
  "session-state",
]);

/** The commands that may write a table that is allowed. */
const allowedCommands: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "SELECT"]);

/** Functions of which a reader makes something that its connection can use. */
const usefulOnReader: ReadonlySet<string> = new Set(["set_config"]);

/**
 * Judges texts for a pool that is read-only. Pure but for its memory: each text is judged once for
 * each place.
 */
export class ReadOnlyPolicy {
  readonly #allowed: AllowedWrites;
  #judged: Record<Target, WeakMap<Classification, ReadOnlyJudgement>> = noJudgements();

  constructor(allowed: AllowedWrites) {
    this.#allowed = allowed;
  }

  /** Whether there are tables that may be written. */
  get mayWrite(): boolean {
    return this.#allowed.names.length > 0;
  }

  /** The schemas in which names without one are looked for have become known. */
  learn(searchPath: readonly string[]): void {
    this.#allowed.learn(searchPath);
    this.#judged = noJudgements();
  }

  /**
   * Judges a text.
   *
   * @param stand - `"writer"`: it is sent inside a transaction on the writer, or on a connection to it
   */
  judge(facts: Classification, stand: Target | undefined): ReadOnlyJudgement {
    const judged = this.#judged[stand === "writer" ? "writer" : "reader"];
    let judgement = judged.get(facts);
    if (judgement === undefined) {
      judgement = stand === "writer" ? this.#onWriter(facts) : this.#anywhere(facts);
      judged.set(facts, judgement);
    }
    if (judgement.target !== "writer" || stand !== "reader") return judgement;
    return {
      refused: `${shown(facts.statements[0])} belongs on the writer, and its transaction or connection is a reader's. Begin the transaction with the write, or put withWriter() around it.`,
    };
  }

  /** What a caller is told whose statement is refused: `READ_ONLY_MODE`. */
  error(reason: string, cause?: Error): PointsmanError {
    const { names } = this.#allowed;
    const allowed = this.mayWrite ? `, but for ${names.join(", ")}` : "";
    return new PointsmanError(
      "READ_ONLY_MODE",
      `${reason} This pool is read-only${allowed} (readOnly).`,
      cause === undefined ? undefined : { cause },
    );
  }

  #anywhere(facts: Classification): ReadOnlyJudgement {
    const { statements } = facts;
    let target = toReader;
    for (const statement of statements) {
      const judgement = this.#judgeFree(statement);
      if (judgement.target === undefined) return judgement;
      if (judgement.target === "writer") target = toWriter;
    }
    if (statements.length > 1 && statements.some(ends)) {
      // Behind its end a statement may find a session that one before it has made writable.
      const hidden = statements.find((statement) => !isPlain(statement));
      if (hidden !== undefined) {
        return {
          refused: `The text ends a transaction, and has ${shown(hidden)} in it. Send COMMIT or ROLLBACK by itself.`,
        };
      }
    }
    return target === toWriter && statements.length > 1 ? this.#onWriter(facts) : target;
  }

  #judgeFree(statement: Statement): ReadOnlyJudgement {
    const { transaction, verdict, writes, session } = statement;
    if (transaction !== undefined) return this.#judgeControl(statement, transaction);
    if (this.#isAllowedWrite(statement)) return toWriter;
    if (statement.command === "UNLISTEN") return toReader;
    const reads = readingVerdicts.has(verdict) && writes.length === 0;
    if (!reads || session.includes("temporary")) return { refused: `${refusal(statement)}.` };
    const { meaninglessOnReader } = statement;
    if (meaninglessOnReader === undefined || usefulOnReader.has(meaninglessOnReader)) {
      return toReader;
    }
    return {
      refused: `${meaninglessOnReader} was not sent: it would mean nothing on a reader.`,
    };
  }

  #judgeControl(
    statement: Statement,
    { kind, readOnly }: NonNullable<Statement["transaction"]>,
  ): ReadOnlyJudgement {
    if (kind === "prepare" || kind === "commit-prepared" || kind === "rollback-prepared") {
      return { refused: `${refusal(statement)}.` };
    }
    if (readOnly !== false) return toReader;
    if (kind === "begin" && this.mayWrite) return toWriter;
    return { refused: `${statement.command} … READ WRITE was not sent.` };
  }

  /** Inside a transaction on the writer nothing but these rules keeps a statement from writing. */
  #onWriter(facts: Classification): ReadOnlyJudgement {
    for (const statement of facts.statements) {
      const { verdict, transaction, effect } = statement;
      if (this.#isAllowedWrite(statement)) continue;
      if (transaction !== undefined) {
        const judgement = this.#judgeControl(statement, { ...transaction, readOnly: true });
        if (judgement.target !== undefined && transaction.kind !== "set-default") continue;
      }
      const unsafe = statement.functions.find((call) => !isSafeOnWriter(call));
      const plain = verdict === "plain-read" || (verdict === "server-bound" && effect === "read");
      if (plain && unsafe === undefined && statement.writes.length === 0) continue;
      return {
        refused:
          unsafe === undefined
            ? `${refusal(statement)}: on the writer it could lead to more than that.`
            : `${shown(statement)} was not sent to the writer: it calls ${unsafe.name}, which might write.`,
      };
    }
    if (facts.statements.length === 0 && facts.verdict !== "empty") {
      return { refused: "The text was not sent to the writer: nobody can tell what it does." };
    }
    return toWriter;
  }

  #isAllowedWrite(statement: Statement): boolean {
    const { verdict, command, writes, reads, functions } = statement;
    if (!this.mayWrite || !allowedCommands.has(command)) return false;
    if (!functions.every(onlyReads)) return false;
    const covered = (relations: Statement["writes"]): boolean =>
      relations.length > 0 && relations.every((relation) => this.#allowed.covers(relation));
    // Locking rows is how an ORM begins to change them.
    if (verdict === "row-lock") return writes.length === 0 && covered(reads);
    return (verdict === "data-change" || verdict === "writing-cte") && covered(writes);
  }
}

function noJudgements(): Record<Target, WeakMap<Classification, ReadOnlyJudgement>> {
  return { writer: new WeakMap(), reader: new WeakMap() };
}

const isSafeOnWriter = (call: FunctionCall): boolean =>
  onlyReads(call) || call.knowledge === "server-bound";

const isPlain = ({ verdict, transaction }: Statement): boolean =>
  transaction !== undefined || verdict === "plain-read";

const ends = ({ transaction }: Statement): boolean =>
  transaction?.kind === "commit" || transaction?.kind === "rollback";

function refusal(statement: Statement): string {
  return `${shown(statement)} was not sent`;
}

/** The kind of a statement, with the tables that it writes, or the function that makes it write. */
function shown(statement: Statement | undefined): string {
  if (statement === undefined) return "The text";
  const { command, writes, functions } = statement;
  if (writes.length > 0) {
    const names = writes.map(({ schema, name }) =>
      schema === undefined ? name : `${schema}.${name}`,
    );
    return `${command} of ${names.join(", ")}`;
  }
  const call = functions.find((one) => !onlyReads(one));
  return call === undefined ? command : `${command} with ${call.name}()`;
}
