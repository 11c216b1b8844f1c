import type { Explainer } from "./explainer.ts";
import { type Change, type Read, type Sight, shows, type Write } from "./history.ts";
import { type KeyLogs, sentLater } from "./key-logs.ts";
import type { KnownElement, KnownVersion, SessionView } from "./session-view.ts";
import { formatChange, type Violations } from "./violation.ts";

/** What a session knew when it sent a read: what the read owes it. */
export interface Expectation {
  readonly debts: readonly Debt[];
  readonly latest: Write | undefined;
}

type Debt =
  | {
      readonly kind: "version";
      readonly own: KnownVersion | undefined;
      readonly newest: KnownVersion | undefined;
    }
  // The first elements of an order that others go on adding to.
  | { readonly kind: "elements"; readonly order: readonly KnownElement[]; readonly count: number };

export function expect(view: SessionView, sights: readonly Sight[]): Expectation {
  const debts = sights.map(({ kind, key }): Debt => {
    if (kind === "version") {
      const { own, newest } = view.register(key);
      return { kind, own, newest };
    }
    const { order } = view.list(key);
    return { kind, order, count: order.length };
  });
  return { debts, latest: view.latest };
}

/** Holds reads against what they owe. */
export class ReadVerifier {
  readonly #logs: KeyLogs;
  readonly #explainer: Explainer;
  readonly #violations: Violations;

  constructor(logs: KeyLogs, explainer: Explainer, violations: Violations) {
    this.#logs = logs;
    this.#explainer = explainer;
    this.#violations = violations;
  }

  /** @returns of all committed writes that the read shows, the one that was sent last */
  verify(read: Read, expectation: Expectation): Write | undefined {
    let shown: Write | undefined;
    for (const sight of read.sights) shown = sentLater(shown, this.#lastShown(read, sight));
    const latest = sentLater(expectation.latest, shown);
    for (const [index, sight] of read.sights.entries()) {
      const fine =
        this.#showsUncommitted(read, sight) &&
        this.#paysDebt(read, sight, expectation.debts[index] as Debt);
      if (fine && latest !== undefined) this.#showsAllBefore(latest, read, sight);
      this.#isWritten(read, sight);
    }
    return shown;
  }

  #lastShown(read: Read, sight: Sight): Write | undefined {
    const own = uncommittedOf(read, sight);
    if (sight.kind === "version") {
      return own.length > 0
        ? undefined
        : this.#logs.register(sight.key).sentLastUpTo(sight.version);
    }
    const log = this.#logs.list(sight.key);
    let last: Write | undefined;
    for (const element of sight.elements) {
      if (!isAppendedBy(own, element)) last = sentLater(last, log.writer(element));
    }
    return last;
  }

  /** Read-your-writes before the commit. */
  #showsUncommitted(read: Read, sight: Sight): boolean {
    const unseen = uncommittedOf(read, sight).findLast((change) => !shows(sight, change));
    if (unseen === undefined) return true;
    const { session } = read;
    this.#violations.add("read-your-writes", () => ({
      session,
      key: sight.key,
      story: `session ${session} did not see ${formatChange(unseen)}, which its open transaction had written.`,
      operations: [read],
    }));
    return false;
  }

  /** Read-your-writes and monotonic reads. */
  #paysDebt(read: Read, sight: Sight, debt: Debt): boolean {
    if (sight.kind === "version" && debt.kind === "version") {
      const { own, newest } = debt;
      if (own !== undefined && sight.version < own.version) {
        this.#unseen(read, { kind: "set", key: sight.key, ...own }, own, true);
        return false;
      }
      if (newest !== undefined && sight.version < newest.version) {
        this.#unseen(read, { kind: "set", key: sight.key, ...newest }, newest, false);
        return false;
      }
    }
    if (sight.kind === "elements" && debt.kind === "elements") {
      const known = firstMissing(debt, new Set(sight.elements));
      if (known === undefined) return true;
      this.#unseen(read, { kind: "append", key: sight.key, ...known }, known, known.own);
      return false;
    }
    return true;
  }

  #unseen(read: Read, change: Change, { by }: KnownVersion | KnownElement, own: boolean): void {
    const { session } = read;
    this.#violations.add(own ? "read-your-writes" : "monotonic-reads", () => ({
      session,
      key: change.key,
      story: `session ${session} did not see ${formatChange(change)}, which it had ${own ? "written" : "seen"} before.`,
      operations: [by, read],
    }));
  }

  /** Monotonic writes, writes-follow-reads, and the rest that follows from there being one writer. */
  #showsAllBefore(latest: Write, read: Read, sight: Sight): void {
    const missing = this.#missing(latest.invoked, sight);
    if (missing === undefined) return;
    const { key } = sight;
    const { guarantee, seen, through } = this.#explainer.explain(missing, key, latest, read);
    const { session } = read;
    this.#violations.add(guarantee, () => ({
      session,
      key,
      story: `session ${session} had seen ${seen.changes.map(formatChange).join(", ")}, but not ${missing.changes.map(formatChange).join(", ")}, which came before it.`,
      operations: [...new Set([missing, seen, through ?? read, read])],
    }));
  }

  #missing(moment: number, sight: Sight): Write | undefined {
    if (sight.kind === "version") {
      const log = this.#logs.register(sight.key);
      const version = log.acknowledgedBefore(moment);
      return version > sight.version ? log.writer(version) : undefined;
    }
    const log = this.#logs.list(sight.key);
    const elements = new Set(sight.elements);
    for (const element of log.acknowledgedBefore(moment)) {
      if (!elements.has(element)) return log.writer(element);
    }
    return undefined;
  }

  #isWritten(read: Read, sight: Sight): void {
    const own = uncommittedOf(read, sight);
    const invented: Change[] = [];
    if (sight.kind === "version") {
      const { key, version } = sight;
      const known = own.length > 0 || this.#logs.register(key).explains(version);
      if (!known) invented.push({ kind: "set", key, version });
    } else {
      const { key } = sight;
      for (const element of sight.elements) {
        const known = this.#logs.list(key).writer(element) ?? isAppendedBy(own, element);
        if (known === false) invented.push({ kind: "append", key, element });
      }
    }
    const { session } = read;
    for (const change of invented) {
      this.#violations.add("single-copy", () => ({
        session,
        key: change.key,
        story: `session ${session} saw ${formatChange(change)}, which nobody has committed.`,
        operations: [read],
      }));
    }
  }
}

/** What a list must have and has not; what its session wrote itself comes first. */
function firstMissing(
  { order, count }: Debt & { readonly kind: "elements" },
  elements: ReadonlySet<number>,
): KnownElement | undefined {
  let seen: KnownElement | undefined;
  for (let index = 0; index < count; index++) {
    const known = order[index] as KnownElement;
    if (elements.has(known.element)) continue;
    if (known.own) return known;
    seen ??= known;
  }
  return seen;
}

export function uncommittedOf({ uncommitted = [] }: Read, { key }: Sight): readonly Change[] {
  return uncommitted.length === 0
    ? uncommitted
    : uncommitted.filter((change) => change.key === key);
}

export function isAppendedBy(changes: readonly Change[], element: number): boolean {
  return changes.some((change) => change.kind === "append" && change.element === element);
}
