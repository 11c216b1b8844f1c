import type { Operation, Write } from "./history.ts";
import { entry, sentLater } from "./key-logs.ts";

/** How a session came to know a version or an element. */
interface Knowledge {
  readonly at: number;
  readonly by: Operation;
}

export interface KnownVersion extends Knowledge {
  readonly version: number;
}

export interface KnownElement extends Knowledge {
  readonly element: number;
  readonly own: boolean;
}

/** What a session knows of a register. */
export class RegisterView {
  /** The newest version that it wrote itself. */
  own: KnownVersion | undefined;
  /** Each version that was news to it, in the order of time and of versions. */
  readonly news: KnownVersion[] = [];

  get newest(): KnownVersion | undefined {
    return this.news[this.news.length - 1];
  }

  learn(known: KnownVersion, own: boolean): void {
    if (own && known.version > (this.own?.version ?? 0)) this.own = known;
    if (known.version > (this.newest?.version ?? 0)) this.news.push(known);
  }
}

/** What a session knows of a list: nothing is ever taken away from it. */
export class ListView {
  readonly elements = new Map<number, KnownElement>();
  readonly order: KnownElement[] = [];

  /** What was seen first and then proved to be the session's own is in the order twice. */
  learn(known: KnownElement): void {
    const before = this.elements.get(known.element);
    if (before !== undefined && (before.own || !known.own)) return;
    this.elements.set(known.element, before === undefined ? known : { ...before, own: true });
    this.order.push(known);
  }
}

/** All that a session has written and seen so far, which binds what it may see from now on. */
export class SessionView {
  readonly registers = new Map<string, RegisterView>();
  readonly lists = new Map<string, ListView>();
  /** Of all writes that it knows, the one that was sent last. */
  latest: Write | undefined;

  register(key: string): RegisterView {
    return entry(this.registers, key, () => new RegisterView());
  }

  list(key: string): ListView {
    return entry(this.lists, key, () => new ListView());
  }

  know(write: Write | undefined): void {
    this.latest = sentLater(this.latest, write);
  }

  /** A copy that does not change any more, for a token that is on its way. */
  copy(): SessionView {
    const copy = new SessionView();
    copy.adopt(this, undefined);
    return copy;
  }

  /** Makes another session's knowledge this one's own, at a moment or as it stands. */
  adopt(other: SessionView, at: number | undefined): void {
    for (const [key, { own, newest }] of other.registers) {
      if (newest === undefined) continue;
      const register = this.register(key);
      register.learn({ ...newest, at: at ?? newest.at }, false);
      if (own !== undefined) register.learn({ ...own, at: at ?? own.at }, true);
    }
    for (const [key, { order }] of other.lists) {
      const list = this.list(key);
      for (const known of order) list.learn({ ...known, at: at ?? known.at });
    }
    this.know(other.latest);
  }
}
