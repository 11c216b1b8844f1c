/** What a connection to the writer's side fails with that has reached another server than the writer. */
export class NotTheWriter extends Error {
  override readonly name = "NotTheWriter";

  /** @param role - `"outdated"`: it was the writer before, and another one is it now */
  constructor(endpoint: string, role: "reader" | "outdated") {
    super(
      role === "reader"
        ? `${endpoint} leads to a reader.`
        : `${endpoint} leads to a server that was the writer before: another one has taken over.`,
    );
  }
}

/** What a server on the writer's side has turned out to be. */
export type WriterRole = "writer" | "reader" | "outdated";

/** What a look at a server has shown. */
export interface Examined {
  readonly role: WriterRole;
  /** 0: it cannot tell. */
  readonly timeline: number;
  /** When it was started, which tells servers apart; empty: it does not say. */
  readonly startedAt: string;
}
