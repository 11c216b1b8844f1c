import type { FreshnessOptions } from "../consistency/read-freshness.ts";
import { readFreshness } from "../consistency/read-freshness.ts";
import { ConfigError } from "../errors.ts";
import { withFreshness, withWriter } from "../scope.ts";

export type { Consistency } from "../consistency/levels.ts";
export type { FreshnessOptions } from "../consistency/read-freshness.ts";

/** A database of Drizzle from which others with wishes of their own are taken. */
export type RoutedDrizzle<Database extends object> = Database & {
  /**
   * The same database, all of whose queries go to the writer: builders, relational and prepared
   * queries, `execute()`, `$count()` and transactions.
   */
  readonly $writer: Database;
  /**
   * The same database, whose reads are fresher, or may be older, than the pool's.
   *
   * @param options - `consistency` and `maxStaleness`, as in the options of the pool
   * @throws ConfigError for a value that is none
   */
  $freshness(options: FreshnessOptions): Database;
};

/** Runs a piece of work with a wish. */
type Wish = <T>(work: () => T) => T;

type Method = (...args: unknown[]) => unknown;

/** What is used of a prepared query of Drizzle: it is the one way to the pool. */
interface Prepared {
  execute: Method;
  all: Method;
}

interface DrizzleSession {
  prepareQuery(...args: unknown[]): Prepared;
  transaction(...args: unknown[]): unknown;
}

interface DrizzleDatabase {
  readonly session: DrizzleSession;
  readonly _: object;
  /** Relational queries, by table. */
  readonly query: Readonly<Record<string, object>>;
}

/**
 * Gives a database of Drizzle `$writer` and `$freshness()`, for single queries that must see what the
 * writer has, or may be older than the rest. The database itself stays as it is.
 *
 * `db.$writer` takes the place of `db.$primary` of Drizzle's own `withReplicas()`.
 *
 * @param db - what `drizzle()` has made of the pool
 * @returns the same database with both
 * @throws ConfigError for what is no database of Drizzle
 *
 * @example
 * ```ts
 * import { sql } from "drizzle-orm";
 * import { drizzle } from "drizzle-orm/node-postgres";
 * import { createPool } from "pointsman";
 * import { pointsman } from "pointsman/drizzle";
 *
 * const db = pointsman(drizzle(createPool()));
 * await db.execute(sql`select count(*) from books`); // a reader
 * await db.$writer.execute(sql`select stock from books where id = 1`); // the writer
 * await db.$freshness({ maxStaleness: "5s" }).execute(sql`select count(*) from orders`);
 * ```
 */
export function pointsman<Database extends object>(db: Database): RoutedDrizzle<Database> {
  if (!isDatabase(db)) {
    throw new ConfigError(
      "db",
      "This is no database of Drizzle. Give pointsman() what drizzle(pool) of drizzle-orm/node-postgres returns.",
    );
  }
  const writer = wishing(db, withWriter);
  return Object.create(db, {
    $writer: { value: writer, enumerable: true },
    $freshness: {
      value: (options: FreshnessOptions) => {
        // A mistake is told here, and not by each query.
        readFreshness(options);
        return wishing(db, (work) => withFreshness(options, work));
      },
      enumerable: true,
    },
  }) as RoutedDrizzle<Database>;
}

function isDatabase(db: object): db is DrizzleDatabase {
  const { session, query } = db as Partial<DrizzleDatabase>;
  return typeof session?.prepareQuery === "function" && typeof query === "object";
}

/** The same database on a session with a wish. */
function wishing<Database extends DrizzleDatabase>(db: Database, wish: Wish): Database {
  const session = sessionWith(db.session, wish);
  // Each has the session that it was made with.
  const query = Object.fromEntries(
    Object.entries(db.query).map(([table, queries]) => [table, derived(queries, { session })]),
  );
  return derived(db, { session, query, _: { ...db._, session } });
}

function sessionWith(session: DrizzleSession, wish: Wish): DrizzleSession {
  return derived(session, {
    prepareQuery: (...args: unknown[]): Prepared => {
      const prepared = session.prepareQuery(...args);
      const within = (method: Method): Method => {
        return (...given) => wish(() => method.apply(prepared, given));
      };
      return Object.assign(prepared, {
        execute: within(prepared.execute),
        all: within(prepared.all),
      });
    },
    transaction: (...args: unknown[]): unknown => wish(() => session.transaction(...args)),
  });
}

/** An object that is like another, but for some fields. */
function derived<T extends object>(original: T, fields: Readonly<Record<string, unknown>>): T {
  return Object.assign(Object.create(original) as T, fields);
}
