/** Keeps what a pool asks of `pg` from those who watch `pg` itself, such as an instrumentation. */
export interface Veil {
  /** Asks `pg` for something. */
  hide<T>(ask: () => T): T;
  /** Runs what `pg` calls of this library meanwhile, or later: code of callers may be in it. */
  show<T>(answer: () => T): T;
  /** Opens a connection, whose events belong to nobody's work. */
  detach<T>(open: () => T): T;
}

/** How one pool, with all that belongs to it, asks `pg`. */
export interface PgCalls {
  /** Absent: nobody minds. */
  veil?: Veil | undefined;
}

/** Registered, so that copies of this library in one process agree. */
const key = Symbol.for("pointsman.pg-calls");

interface Holder {
  [key]?: PgCalls;
}

/** How a pool asks `pg`: one object for the life of the pool. */
export function pgCallsOf(pool: object): PgCalls {
  return (pool as Holder)[key] ?? sharePgCalls(pool, {});
}

/** Has a pool ask as another one does, to which it belongs. */
export function sharePgCalls(pool: object, calls: PgCalls): PgCalls {
  Object.defineProperty(pool, key, { value: calls });
  return calls;
}

/** Runs what `pg` has called. */
export function shown<T>({ veil }: PgCalls, answer: () => T): T {
  return veil === undefined ? answer() : veil.show(answer);
}
