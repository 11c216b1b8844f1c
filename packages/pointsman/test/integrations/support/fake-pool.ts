import { AsyncLocalStorage } from "node:async_hooks";
import type { Session, SessionHost } from "../../../src/integrations/session-host.ts";

/**
 * Sessions with positions that are counted instead of asked of a server: what carrying tokens needs
 * of a pool, and nothing that PostgreSQL would answer.
 */
export class FakePool implements SessionHost {
  #position = 0;
  readonly #current = new AsyncLocalStorage<FakeSession>();

  session<T>(fn: (session: FakeSession) => T): T {
    const session = new FakeSession();
    return this.#current.run(session, () => fn(session));
  }

  /** Writes something, for as long as `during` takes, and returns its position. */
  async write(during: Promise<unknown> = Promise.resolve()): Promise<number> {
    const session = this.#current.getStore();
    if (session === undefined) throw new Error("A write outside of any session.");
    session.begin();
    await during;
    this.#position += 1;
    session.end(this.#position);
    return this.#position;
  }

  /** What a read of the caller would have to see. */
  mustSee(): MustSee {
    const session = this.#current.getStore();
    if (session === undefined) throw new Error("A read outside of any session.");
    return session.mustSee;
  }
}

export interface MustSee {
  readonly position: number;
  /** A position is not known: only the writer surely has it. */
  readonly unknown: boolean;
}

class FakeSession implements Session {
  #position = 0;
  #unknown = false;
  #underWay = 0;
  #writes = 0;
  readonly #settled: (() => void)[] = [];
  readonly #listeners = new Set<(session: Session) => void>();

  get token(): string | undefined {
    if (this.mustSee.unknown) return `u.${this.#position}`;
    return this.#position > 0 ? `p.${this.#position}` : undefined;
  }

  get changed(): boolean {
    return this.#writes > 0 || this.#underWay > 0;
  }

  get mustSee(): MustSee {
    return { position: this.#position, unknown: this.#unknown || this.#underWay > 0 };
  }

  see(token: string): void {
    const [, kind, position] = /^([pu])\.(\d{1,9})$/.exec(token) ?? [];
    if (kind === undefined) return;
    this.#unknown ||= kind === "u";
    this.#position = Math.max(this.#position, Number(position));
  }

  begin(): void {
    this.#underWay += 1;
  }

  end(position: number): void {
    this.#underWay -= 1;
    this.#writes += 1;
    this.#position = Math.max(this.#position, position);
    for (const listener of this.#listeners) listener(this);
    if (this.#underWay > 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  settled(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  onChange(listener: (session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
