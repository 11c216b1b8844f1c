import { type FreshnessOptions, readFreshness } from "../consistency/read-freshness.ts";
import { withFreshness, withWriter } from "../scope.ts";
import { keepScopes } from "./prisma-batches.ts";

export type { Consistency } from "../consistency/levels.ts";
export type { FreshnessOptions } from "../consistency/read-freshness.ts";

/** What the extension adds to a client. */
export interface PrismaRouting {
  /** The same client, all of whose queries and transactions go to the writer. */
  $writer<Client extends object>(this: Client): Client;
  /**
   * The same client, whose reads are fresher, or may be older, than the pool's.
   *
   * @param options - `consistency` and `maxStaleness`, as in the options of the pool
   * @throws ConfigError for a value that is none
   */
  $freshness<Client extends object>(this: Client, options: FreshnessOptions): Client;
}

/** An extension of Prisma Client, in the shape in which Prisma takes the types of what it adds. */
export type PrismaExtension = (client: object) => {
  $extends: {
    extArgs: {
      // Prisma's own types say nothing by this, too.
      // biome-ignore-start lint/complexity/noBannedTypes: see above
      result: {};
      model: {};
      query: {};
      // biome-ignore-end lint/complexity/noBannedTypes: see above
      client: { [Name in keyof PrismaRouting]: () => PrismaRouting[Name] };
    };
  };
};

/** Runs a piece of work with a wish. */
type Wish = <T>(work: () => T) => T;

/** One query on its way, as extensions get it. */
interface Operation {
  readonly args: unknown;
  query(args: unknown): PromiseLike<unknown>;
}

interface Extendable {
  $extends(extension: object): object;
}

/**
 * An extension of Prisma Client, on `@prisma/adapter-pg` with the pool: `prisma.$writer()` for what
 * must see what the writer has, in the place of `$primary()` of Prisma's extension for read replicas,
 * and `prisma.$freshness()` for what may be older than the rest, or must be fresher.
 *
 * It also keeps queries of different scopes apart. Prisma collects the `findUnique` queries and the
 * transactions of one turn, of all callers, and sends them in the context of the first; with
 * sessions, `withWriter()` or `pool.transaction()` use the extension even if you need neither of its
 * methods.
 *
 * @throws ConfigError, in `$extends()`, for a client that is built in another way than those of
 * Prisma 7
 *
 * @example
 * ```ts
 * import { PrismaPg } from "@prisma/adapter-pg";
 * import { createPool } from "pointsman";
 * import { pointsman } from "pointsman/prisma";
 * import { PrismaClient } from "./generated/prisma/client.ts";
 *
 * const adapter = new PrismaPg(createPool());
 * const prisma = new PrismaClient({ adapter }).$extends(pointsman());
 * await prisma.book.findMany(); // a reader
 * await prisma.$writer().book.findUnique({ where: { id: 1 } }); // the writer
 * await prisma.$freshness({ maxStaleness: "5s" }).order.count();
 * ```
 */
export function pointsman(): PrismaExtension {
  const extension = (client: object): object => {
    keepScopes(client);
    return (client as Extendable).$extends({
      name: "pointsman",
      client: {
        $writer(this: object): object {
          return wishing(this, withWriter);
        },
        $freshness(this: object, options: FreshnessOptions): object {
          // A mistake is told here, and not by each query.
          readFreshness(options);
          return wishing(this, (work) => withFreshness(options, work));
        },
      },
    });
  };
  return extension as PrismaExtension;
}

/** The same client with a wish about each of its queries. */
function wishing(client: object, wish: Wish): object {
  const { $extends } = client as Partial<Extendable>;
  // The client of a transaction has none, and stays where the transaction is.
  if ($extends === undefined) return client;
  return $extends.call(client, {
    name: "pointsman",
    query: {
      $allOperations: ({ args, query }: Operation) => wish(() => query(args)),
    },
  });
}
