import { PointsmanError } from "../errors.ts";

/** What a connection of a read-only pool is closed with whose session was made writable. */
export function writableSession(): PointsmanError {
  return new PointsmanError(
    "READ_ONLY_MODE",
    "A statement has made the session of this connection writable, and this pool is read-only (readOnly). The connection was closed, and nothing more was sent on it.",
  );
}

/** libpq's `options` of a session that is read-only at the server. */
export function readOnlySession(options = process.env["PGOPTIONS"]): string {
  return `${options ?? ""} -c default_transaction_read_only=on`.trim();
}

/** Makes the session of a new connection read-only, where the server has not taken its options. */
export const lockSession = "set default_transaction_read_only = on";

/** Watches whether the session of a connection stays read-only, where it must. */
export class SessionLock {
  readonly #isOn: boolean;
  #isWritable = false;
  #isLocking = false;

  /** @param isOn - whether the session must be read-only */
  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  /** The server has reported a setting of the session. */
  reported(setting: string, value: string): void {
    if (setting === "default_transaction_read_only") this.#isWritable = value !== "on";
  }

  /**
   * Whether a transaction might write that must not.
   *
   * @param standby - whether its server is one, which writes nothing whatever the session says
   */
  isOpen(standby: boolean | undefined): boolean {
    return this.#isOn && this.#isWritable && standby !== true;
  }

  /** Whether nothing may be sent any more. */
  stops(standby: boolean | undefined): boolean {
    return !this.#isLocking && this.isOpen(standby);
  }

  /**
   * Makes the session read-only, where the server has not taken the options of the connection: a
   * pooler may not hand them on.
   */
  close(
    run: (text: string, callback: (error: Error | null | undefined) => void) => void,
    done: (error: Error | null) => void,
  ): void {
    this.#isLocking = true;
    run(lockSession, (error) => {
      this.#isLocking = false;
      done(error ?? null);
    });
  }
}
