import { Explainer } from "./explainer.ts";
import type { History, Operation, Read, Write } from "./history.ts";
import { entry, KeyLogs } from "./key-logs.ts";
import {
  type Expectation,
  expect,
  isAppendedBy,
  ReadVerifier,
  uncommittedOf,
} from "./read-verifier.ts";
import { SessionView } from "./session-view.ts";
import { formatChange, type Verdict, Violations } from "./violation.ts";

/**
 * Verifies a whole history, in the order of time. What an operation of a session must see is what
 * the session knew when the operation was sent; operations that overlap owe each other nothing.
 *
 * It leans on there being one writer: who sees a write there, or a copy of it at some moment, also
 * sees every write that was acknowledged before that one was sent. That holds monotonic writes and
 * writes that follow reads, within a snapshot and between the reads of a session.
 *
 * @param keep how many violations of each guarantee are put into words; all are counted
 */
export function check(history: History, keep = 20): Verdict {
  const sweep = new Sweep(history, keep);
  for (const moment of momentsOf(history)) {
    const operation = history[moment >> 1] as Operation;
    if (isAnswer(moment)) sweep.answered(operation);
    else sweep.sent(operation);
  }
  const { counts, kept: violations } = sweep.violations;
  return { operations: history.length, sessions: sweep.sessions, counts, violations };
}

/**
 * When each operation was sent, and when it was answered, in the order of time. A moment is a
 * number, twice the operation's and one more for the answer: there may be millions of them.
 */
function momentsOf(history: History): Uint32Array {
  const time = (moment: number): number => {
    const { invoked, completed } = history[moment >> 1] as Operation;
    return isAnswer(moment) ? completed : invoked;
  };
  const moments = new Uint32Array(2 * history.length);
  for (const index of moments.keys()) moments[index] = index;
  return moments.sort((a, b) => time(a) - time(b));
}

function isAnswer(moment: number): boolean {
  return moment % 2 === 1;
}

class Sweep {
  readonly violations: Violations;
  readonly #logs: KeyLogs;
  readonly #verifier: ReadVerifier;
  readonly #views = new Map<number, SessionView>();
  /** What was set down when an operation was sent, until it is answered. */
  readonly #expectations = new Map<Operation, Expectation>();
  readonly #tokens = new Map<Operation, SessionView>();

  constructor(history: History, keep: number) {
    this.violations = new Violations(keep);
    this.#logs = new KeyLogs(history);
    const explainer = new Explainer(this.#logs, (session) => this.#view(session));
    this.#verifier = new ReadVerifier(this.#logs, explainer, this.violations);
    for (const { first, second, change } of this.#logs.collisions) {
      this.violations.add("single-copy", () => ({
        session: second.session,
        key: change.key,
        story: `${formatChange(change)} was given to two writes.`,
        operations: [first, second],
      }));
    }
  }

  get sessions(): number {
    return this.#views.size;
  }

  sent(operation: Operation): void {
    if (operation.kind === "handoff") {
      this.#tokens.set(operation, this.#view(operation.from).copy());
    } else if (operation.kind === "read") {
      this.#expectations.set(operation, expect(this.#view(operation.session), operation.sights));
    }
  }

  answered(operation: Operation): void {
    const view = this.#view(operation.session);
    if (operation.kind === "handoff") {
      view.adopt(taken(this.#tokens, operation), operation.completed);
    } else if (operation.kind === "read") {
      view.know(this.#verifier.verify(operation, taken(this.#expectations, operation)));
      this.#learnRead(view, operation);
    } else if (operation.outcome === "acknowledged") {
      this.#learnWrite(view, operation);
    }
  }

  #view(session: number): SessionView {
    return entry(this.#views, session, () => new SessionView());
  }

  #learnRead(view: SessionView, read: Read): void {
    const { completed: at } = read;
    for (const sight of read.sights) {
      const own = uncommittedOf(read, sight);
      if (sight.kind === "version") {
        const { key, version } = sight;
        if (own.length === 0) view.register(key).learn({ at, by: read, version }, false);
        continue;
      }
      const list = view.list(sight.key);
      for (const element of sight.elements) {
        // Nearly always it is known, and this is where most of the time goes.
        if (list.elements.has(element) || isAppendedBy(own, element)) continue;
        list.learn({ at, by: read, element, own: false });
      }
    }
  }

  #learnWrite(view: SessionView, write: Write): void {
    const { changes, completed: at } = write;
    view.know(write);
    for (const change of changes) {
      if (change.kind === "append") {
        view.list(change.key).learn({ at, by: write, element: change.element, own: true });
      } else if (change.version !== undefined) {
        view.know(this.#logs.register(change.key).sentLastUpTo(change.version));
        view.register(change.key).learn({ at, by: write, version: change.version }, true);
      }
    }
  }
}

function taken<V>(map: Map<Operation, V>, operation: Operation): V {
  const value = map.get(operation) as V;
  map.delete(operation);
  return value;
}
