import { standbyRefusal } from "../statements/standby-refusal.ts";
import type { Classification, Statement } from "../statements/types.ts";
import { derive, isSubmittable, type QueryInput } from "./query-input.ts";
import { mirrorMark } from "./refusal.ts";

/**
 * Stands in for a statement that a standby would refuse: the server itself raises the error, in the
 * statement's own turn, so that an open transaction is aborted by it as on a standby.
 */
export function mirrorStatement(query: QueryInput, refusal: string): QueryInput {
  const text = `DO $pointsman$ BEGIN RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = '${refusal.replaceAll("'", "''")}', HINT = 'This connection mirrors a reader: a real one would refuse this too. Send it through the pool itself, or to pool.writer.', SCHEMA = '${mirrorMark.schema}', CONSTRAINT = '${mirrorMark.constraint}'; END $pointsman$`;
  return withText(query, text);
}

/** A query with another text in place of its own, and no values. */
export function withText(query: QueryInput, text: string): QueryInput {
  if (typeof query === "string") return text;
  if (!isSubmittable(query)) return derive(query, { text, values: undefined, name: undefined });
  const holder = query as unknown as { text?: string; values?: unknown; cursor?: typeof query };
  const carrier = (holder.cursor ?? holder) as unknown as { text?: string; values?: unknown };
  carrier.text = text;
  carrier.values = null;
  return query;
}

/** Holds the session of a mirror to what a standby's can do. */
export class MirrorSession {
  readonly #isIdle: () => boolean;
  readonly #lock: () => void;
  #mayBeUnlocked = false;

  /**
   * @param isIdle - whether the session is outside of any transaction
   * @param lock - makes the session read-only
   */
  constructor(isIdle: () => boolean, lock: () => void) {
    this.#isIdle = isIdle;
    this.#lock = lock;
  }

  /** What a standby would say to a text; and what the session has unlocked is locked again. */
  refusal(facts: Classification): string | undefined {
    if (this.#mayBeUnlocked && this.#isIdle()) {
      this.#mayBeUnlocked = false;
      this.#lock();
    }
    if (facts.statements.some(canUnlock)) this.#mayBeUnlocked = true;
    return standbyRefusal(facts);
  }
}

/** Whether a statement can make the session of a mirror writable; a standby's stays as it is. */
function canUnlock({ command, functions, transaction }: Statement): boolean {
  return (
    command === "DO" ||
    (transaction?.kind === "set-default" && transaction.readOnly === false) ||
    functions.some((call) => call.name === "set_config")
  );
}
