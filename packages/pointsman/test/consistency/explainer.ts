import type { Guarantee } from "./guarantees.ts";
import type { Operation, Read, Sight, Write } from "./history.ts";
import type { KeyLogs } from "./key-logs.ts";
import type { SessionView } from "./session-view.ts";

interface Explanation extends Seen {
  readonly guarantee: Guarantee;
}

interface Seen {
  /** A write that was seen though the missing one was not. */
  readonly seen: Write;
  /** By what the session knows of it; not known of a version that was seen as a later one. */
  readonly through: Operation | undefined;
}

/** Finds the guarantee that a read breaks which lacks a write that must have been there. */
export class Explainer {
  readonly #logs: KeyLogs;
  readonly #viewOf: (session: number) => SessionView;

  constructor(logs: KeyLogs, viewOf: (session: number) => SessionView) {
    this.#logs = logs;
    this.#viewOf = viewOf;
  }

  /** @param latest - what was seen, and sent after the missing write was acknowledged */
  explain(missing: Write, key: string, latest: Write, read: Read): Explanation {
    let follows: Seen | undefined;
    let last: Seen = { seen: latest, through: undefined };
    for (const one of this.#seenBy(read)) {
      const { seen } = one;
      if (seen.invoked < missing.completed) continue;
      if (seen.session === missing.session) return { guarantee: "monotonic-writes", ...one };
      if (follows === undefined && this.#knew(seen, missing, key)) follows = one;
      if (seen === latest) last = one;
    }
    if (follows !== undefined) return { guarantee: "writes-follow-reads", ...follows };
    return { guarantee: "never-back-in-time", ...last };
  }

  /** The writes that the read shows, and those that its session had seen when it was sent. */
  *#seenBy(read: Read): Iterable<Seen> {
    const { registers, lists } = this.#viewOf(read.session);
    for (const [key, { news }] of registers) {
      for (const { at, by: through, version } of news) {
        const seen = this.#logs.register(key).writer(version);
        if (at < read.invoked && seen !== undefined) yield { seen, through };
      }
    }
    for (const [key, { order }] of lists) {
      for (const { at, by: through, element } of order) {
        const seen = this.#logs.list(key).writer(element);
        if (at < read.invoked && seen !== undefined) yield { seen, through };
      }
    }
    for (const sight of read.sights) {
      for (const seen of this.#shownBy(sight)) yield { seen, through: read };
    }
  }

  *#shownBy(sight: Sight): Iterable<Write> {
    const writes =
      sight.kind === "version"
        ? [this.#logs.register(sight.key).writer(sight.version)]
        : sight.elements.map((element) => this.#logs.list(sight.key).writer(element));
    for (const write of writes) if (write !== undefined) yield write;
  }

  /** Whether the session of a write had seen another one when it sent it. */
  #knew(write: Write, other: Write, key: string): boolean {
    const view = this.#viewOf(write.session);
    return other.changes.some((change) => {
      if (change.key !== key) return false;
      if (change.kind === "append") {
        const known = view.list(key).elements.get(change.element);
        return known !== undefined && known.at < write.invoked;
      }
      const { version = 0 } = change;
      return view
        .register(key)
        .news.some((one) => one.version >= version && one.at < write.invoked);
    });
  }
}
