import { type Asker, isSame, type Outcome } from "./asker.ts";
import type { SeenOnReaders, SeenOnWriter } from "./evidence.ts";
import type { Folder } from "./folder.ts";
import { insideOf } from "./inside.ts";
import { CleanStates, changes, stateOf } from "./state.ts";
import type { Role, Statement } from "./statement.ts";

export interface Writer {
  /** Connections to the database that is tried on, by role; closed before it is made anew. */
  readonly askers: Readonly<Record<Role, Asker>>;
  /** A connection of the superuser, for what is undone. */
  readonly undoer: Asker;
  /** The reader that has answered first, to be asked once more at the same moment. */
  readonly reader: Readonly<Record<Role, Asker>>;
  /** How far the writer has come. */
  readonly position: () => Promise<Position>;
  /** Makes the database anew, as it was in the beginning. */
  readonly renewDatabase: () => Promise<void>;
  readonly folder: Folder;
  readonly major: number;
}

export interface Position {
  /** It moves when data is changed. */
  readonly transaction: string;
  /** It moves when anything is written: sequences too, but also what reading leaves behind. */
  readonly wal: string;
}

/** What a rollback behind it does not undo: another connection's work, and what it ends itself. */
const outsideOfTransactions = /dblink|\b(?:commit|rollback|prepare transaction)\b/i;

/** Runs statements on the writer, each by itself and in the same database as it was at the start. */
export class OnWriter {
  readonly #writer: Writer;
  readonly #clean: CleanStates;
  #at: Position | undefined;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#clean = new CleanStates(writer.major);
  }

  /** Of a statement that a reader refuses: whether the writer takes it. */
  async try(statement: Statement): Promise<SeenOnWriter> {
    const { askers, folder } = this.#writer;
    const asker = askers[statement.as ?? "app"];
    const outcome =
      (await this.#tryAndUndo(statement, asker)) ?? (await this.#tryAndRestore(statement, asker));
    return { outcome, changed: [], wroteFile: folder.emptied(), sameAnswer: true, wrote: false };
  }

  /** In a transaction that is undone, which is fast; `undefined`: that tells nothing of this one. */
  async #tryAndUndo({ text, undo }: Statement, asker: Asker): Promise<Outcome | undefined> {
    if (undo !== undefined || outsideOfTransactions.test(text)) return undefined;
    await asker.run("begin");
    const outcome = await asker.run(text);
    const isWhole =
      outcome.accepted &&
      asker.status === "T" &&
      (await asker.run("set constraints all immediate")).accepted;
    if (isWhole) await asker.run("rollback");
    await this.#close(asker);
    if (isWhole) return outcome;
    if (outcome.accepted) await this.#renew();
    return undefined;
  }

  async #tryAndRestore(statement: Statement, asker: Asker): Promise<Outcome> {
    // Transactions that were undone have moved the writer as well.
    this.#at = await this.#writer.position();
    const outcome = await asker.run(statement.text);
    if (outcome.accepted || asker.status !== "I") await this.#close(asker);
    await this.#restore(statement, "wal");
    return outcome;
  }

  /** Of one that a reader accepts: everything that can be compared. */
  async see(statement: Statement, readers: SeenOnReaders): Promise<SeenOnWriter> {
    const { askers, reader, folder, major } = this.#writer;
    const { text, as = "app" } = statement;
    const asker = askers[as];
    await this.#start();
    const before = await this.#clean.of(asker);
    const outcome = await asker.run(text);
    if (!outcome.accepted) {
      await this.#close(asker);
      await this.#restore(statement);
      return { outcome, changed: [], wroteFile: folder.emptied(), sameAnswer: false, wrote: false };
    }
    const inside = asker.status === "I" ? undefined : await insideOf(asker);
    const changed = changes(before, (await stateOf(asker, major)).state);
    if (changed.length > 0) await this.#close(asker);
    const moved = await this.#restore(statement);
    // What moves the writer may be no work of the statement's: it has to do it again.
    const wrote = moved && inside === undefined && (await this.#movesAgain(statement));
    const sameAnswer =
      !readers.stable ||
      isSame(readers.outcome, outcome) ||
      (changed.length === 0 && !wrote && (await this.#agreesNow(text, asker, reader[as])));
    return {
      outcome,
      changed,
      ...(inside === undefined ? {} : { inside }),
      wroteFile: folder.emptied(),
      sameAnswer,
      wrote,
    };
  }

  /** Both are asked at the same moment; an answer that changes by itself is no other answer. */
  async #agreesNow(text: string, writer: Asker, reader: Asker): Promise<boolean> {
    const [here, there] = await Promise.all([writer.run(text), reader.run(text)]);
    if (isSame(here, there)) return true;
    return !isSame(await writer.run(text), here);
  }

  async #movesAgain(statement: Statement): Promise<boolean> {
    await this.#writer.askers[statement.as ?? "app"].run(statement.text);
    return this.#restore(statement);
  }

  async #start(): Promise<void> {
    this.#at ??= await this.#writer.position();
  }

  /** Undoes what a statement has done; says whether anything was written. */
  async #restore({ undo = [] }: Statement, by: keyof Position = "transaction"): Promise<boolean> {
    for (const sql of undo) await this.#writer.undoer.run(sql);
    const now = await this.#writer.position();
    const moved = now[by] !== this.#at?.[by];
    this.#at = now;
    if (moved) await this.#renew();
    return moved;
  }

  async #renew(): Promise<void> {
    for (const asker of Object.values(this.#writer.askers)) await this.#close(asker);
    await this.#writer.undoer.close();
    await this.#writer.renewDatabase();
    this.#at = await this.#writer.position();
  }

  async #close(asker: Asker): Promise<void> {
    await asker.close();
    this.#clean.forget(asker);
  }
}
