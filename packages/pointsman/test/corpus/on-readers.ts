import { type Asker, isSame, type Outcome } from "./asker.ts";
import type { SeenOnReaders } from "./evidence.ts";
import type { Folder } from "./folder.ts";
import type { Holder } from "./holder.ts";
import { insideOf } from "./inside.ts";
import { CleanStates, changes, stateOf } from "./state.ts";
import type { Role, Statement } from "./statement.ts";

export interface Readers {
  /** Connections to one reader, by role. */
  readonly first: Readonly<Record<Role, Asker>>;
  /** Connections to another one, where somebody else holds the advisory locks. */
  readonly second: Readonly<Record<Role, Asker>>;
  readonly holder: Holder;
  /** A number that moves when anything is changed on the writer. */
  readonly writerMoves: () => Promise<string>;
  readonly folder: Folder;
  readonly major: number;
}

/** Runs statements on readers, each by itself and from the same state, and looks at what is left. */
export class OnReaders {
  readonly #readers: Readers;
  readonly #clean: CleanStates;
  #writerAt = "";

  constructor(readers: Readers) {
    this.#readers = readers;
    this.#clean = new CleanStates(readers.major);
  }

  async see({ text, as = "app", undo = [] }: Statement): Promise<SeenOnReaders> {
    const { folder, major, writerMoves } = this.#readers;
    const first = this.#readers.first[as];
    const second = this.#readers.second[as];
    if (this.#writerAt === "") this.#writerAt = await writerMoves();
    const before = await this.#clean.of(first);
    const outcome = await first.run(text);
    const wroteFile = folder.emptied();
    if (!outcome.accepted) {
      // A lock outlives the failure of what has taken it.
      await first.run("rollback; select pg_advisory_unlock_all()");
      return { ...nothing, outcome, wroteFile };
    }
    const inside = first.status === "I" ? undefined : await insideOf(first);
    const [{ state, random }, writerAt] = await Promise.all([stateOf(first, major), writerMoves()]);
    const changed = changes(before, state);
    for (const sql of undo) await first.run(sql);
    if (changed.length > 0) await this.#renew(first);

    const [again, elsewhere] = await Promise.all([
      this.#inTransaction(first, text),
      this.#elsewhere(second, text, outcome),
    ]);
    const seeds = random !== undefined && again.random === random;
    if (changed.length > 0 || seeds) await this.#renew(first);
    if (changed.length > 0 || seeds || second.status !== "I") await this.#renew(second);
    folder.emptied();

    const reachedOut = writerAt !== this.#writerAt;
    if (reachedOut) this.#writerAt = await writerMoves();
    return {
      outcome,
      changed,
      ...(inside === undefined ? {} : { inside }),
      wroteFile,
      stable: again.stable(outcome),
      sameElsewhere: elsewhere.same,
      locks: again.locks || (elsewhere.locks && again.stable(outcome)),
      exports: again.exports,
      opens: again.opens,
      seeds,
      reachedOut,
    };
  }

  /** Once more, in a transaction, which shows what lives as long as that. */
  async #inTransaction(
    asker: Asker,
    text: string,
  ): Promise<{
    stable: (first: Outcome) => boolean;
    exports: boolean;
    opens: boolean;
    locks: boolean;
    random: string | undefined;
  }> {
    await asker.run("begin");
    const outcome = await asker.run(text);
    const look = await asker
      .row<Look>(
        "select random()::text, (select count(*) from pg_ls_dir('pg_snapshots')) as snapshots, (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks",
      )
      .catch(() => undefined);
    const descriptor = await asker.run("select lo_tell(0)");
    await asker.run("rollback");
    if (asker.status !== "I") await this.#renew(asker);
    return {
      stable: (first) => !outcome.accepted || !first.accepted || outcome.answer === first.answer,
      exports: look !== undefined && look.snapshots !== "0",
      opens: descriptor.accepted,
      locks: look !== undefined && look.locks !== "0",
      random: look?.random,
    };
  }

  /** On another reader, where the advisory locks are held; if that makes a difference, without. */
  async #elsewhere(
    asker: Asker,
    text: string,
    first: Outcome,
  ): Promise<{ same: boolean; locks: boolean }> {
    const { holder } = this.#readers;
    const held = await asker.run(text);
    if (isSame(first, held)) return { same: true, locks: false };
    await this.#renew(asker);
    await holder.release();
    const free = await asker.run(text);
    const freeAgain = isSame(first, free) ? await asker.run(text) : free;
    await this.#renew(asker);
    await holder.hold();
    return { same: isSame(first, free), locks: isSame(first, freeAgain) || isTimeout(held) };
  }

  async #renew(asker: Asker): Promise<void> {
    await asker.close();
    this.#clean.forget(asker);
  }
}

/** What is looked at inside of a transaction. */
interface Look {
  readonly random: string;
  readonly snapshots: string;
  readonly locks: string;
}

const nothing = {
  changed: [],
  stable: true,
  sameElsewhere: true,
  locks: false,
  exports: false,
  opens: false,
  reachedOut: false,
  seeds: false,
};

function isTimeout(outcome: Outcome): boolean {
  return !outcome.accepted && outcome.code === "55P03";
}
