import pg, {
  type ClientBase,
  type PoolClient,
  Query,
  type QueryArrayResult,
  type QueryResult,
} from "pg";
import QueryStream from "pg-query-stream";
import {
  createPool,
  Pool,
  type PoolOptions,
  type RoutedClient,
  type TransactionClient,
} from "pointsman";
import { describe, expectTypeOf, it } from "vitest";

// Everything here is judged by the compiler; nothing in these functions runs.
const unrun = (_body: () => unknown): void => {};

/** As in drivers of ORMs: what they say that they take. */
declare function takesPool(pool: pg.Pool): void;
declare function takesDrizzleClient(config: { client: pg.Pool | pg.Client | PoolClient }): void;
declare function takesKyselyPool(pool: {
  connect(): Promise<{
    query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<{ rows: R[] }>;
    release(): void;
  }>;
  end(): Promise<void>;
}): void;
declare function takesMinimal(pool: {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}): void;
declare function takesClient(client: ClientBase): void;

interface Book {
  id: number;
  title: string;
}

describe("the type of a pool", () => {
  it("is a pg.Pool's", () => {
    expectTypeOf<Pool>().toExtend<pg.Pool>();
    expectTypeOf(createPool).returns.toExtend<pg.Pool>();
    unrun(() => {
      const pool = createPool();
      takesPool(pool);
      takesDrizzleClient({ client: pool });
      takesKyselyPool(pool);
      takesMinimal(pool);
      takesPool(pool.writer);
      takesPool(pool.reader);
      const kept: pg.Pool[] = [pool, new Pool(), new pg.Pool()];
      return kept;
    });
  });

  it("gives clients that are a pg.Pool's", () => {
    unrun(async () => {
      const pool = createPool();
      const client = await pool.connect();
      expectTypeOf(client).toExtend<PoolClient>();
      takesClient(client);
      takesDrizzleClient({ client });
      pool.connect((error, given, release) => {
        expectTypeOf(error).toEqualTypeOf<Error | undefined>();
        expectTypeOf(given).toExtend<PoolClient | undefined>();
        release(error);
        release(true);
        release();
      });
    });
  });

  it("has pg-pool's events", () => {
    unrun(() => {
      const pool = createPool();
      pool.on("connect", (client) => expectTypeOf(client).toExtend<PoolClient>());
      pool.on("error", (error, client) => {
        expectTypeOf(error).toEqualTypeOf<Error>();
        expectTypeOf(client).toExtend<PoolClient>();
      });
    });
  });
});

describe("the type of a result", () => {
  it("is as pg types it", () => {
    unrun(async () => {
      const pool = createPool();
      expectTypeOf(await pool.query<Book>("select")).toEqualTypeOf<QueryResult<Book>>();
      expectTypeOf(await pool.query<Book>("select", [1])).toEqualTypeOf<QueryResult<Book>>();
      expectTypeOf(await pool.query<Book>({ text: "select" })).toEqualTypeOf<QueryResult<Book>>();
      // biome-ignore lint/suspicious/noExplicitAny: pg's own default
      expectTypeOf(await pool.query("select")).toEqualTypeOf<QueryResult<any>>();
      expectTypeOf(
        await pool.query<[number, string]>({ text: "select", rowMode: "array" }),
      ).toEqualTypeOf<QueryArrayResult<[number, string]>>();
    });
  });

  it("is void with a callback, which gets it", () => {
    unrun(() => {
      const pool = createPool();
      const returned = pool.query<Book>("select", [1], (_error, result) => {
        expectTypeOf(result).toEqualTypeOf<QueryResult<Book>>();
      });
      expectTypeOf(returned).toEqualTypeOf<void>();
    });
  });

  it("is the submittable itself for one", () => {
    unrun(() => {
      const pool = createPool();
      expectTypeOf(pool.query(new Query("select"))).toEqualTypeOf<Query>();
      expectTypeOf(pool.query(new QueryStream("select"))).toEqualTypeOf<QueryStream>();
    });
  });
});

describe("the types of what a query may say", () => {
  it("have a target, and only the two that there are", () => {
    unrun(async () => {
      const pool = createPool();
      await pool.query({ text: "select", target: "writer" });
      await pool.query<Book>({ text: "select", values: [1], target: "reader" });
      await pool.query({ text: "select", rowMode: "array", target: "writer" });
      pool.query({ text: "select", target: "writer" }, (error) => error);
      // @ts-expect-error there is no such target
      await pool.query({ text: "select", target: "master" });
    });
  });

  it("have a signal", () => {
    unrun(async () => {
      const pool = createPool();
      const { signal } = new AbortController();
      expectTypeOf(await pool.query<Book>({ text: "select", signal })).toEqualTypeOf<
        QueryResult<Book>
      >();
      await pool.query({ text: "select", signal: undefined });
      pool.query({ text: "select", signal, target: "reader" }, (error) => error);
      // @ts-expect-error its controller has the signal
      await pool.query({ text: "select", signal: new AbortController() });
    });
  });

  it("are the same on a client of connect()", () => {
    unrun(async () => {
      const pool = createPool();
      const { signal } = new AbortController();
      const client = await pool.connect();
      expectTypeOf(client).toEqualTypeOf<RoutedClient>();
      expectTypeOf(
        await client.query<Book>({ text: "select", signal, target: "writer" }),
      ).toEqualTypeOf<QueryResult<Book>>();
      expectTypeOf(
        await client.query<[number]>({
          text: "select",
          rowMode: "array",
          signal,
          target: "reader",
        }),
      ).toEqualTypeOf<QueryArrayResult<[number]>>();
      expectTypeOf(
        await client.query<Book>({ text: "select $1", target: "reader" }, [1]),
      ).toEqualTypeOf<QueryResult<Book>>();
      // @ts-expect-error there is no such target
      await client.query({ text: "select", target: "master" });
      // @ts-expect-error its controller has the signal
      await client.query({ text: "select", signal: new AbortController() });
      pool.connect((_error, given) => {
        expectTypeOf(given).toEqualTypeOf<RoutedClient | undefined>();
        return given?.query({ text: "select", signal, target: "writer" });
      });
    });
  });

  it("are the same on a transaction's client", () => {
    unrun(() =>
      createPool().transaction(async (tx) => {
        const { signal } = new AbortController();
        expectTypeOf(
          await tx.query<Book>({ text: "select", signal, target: "writer" }),
        ).toEqualTypeOf<QueryResult<Book>>();
        // @ts-expect-error there is no such target
        await tx.query({ text: "select", target: "master" });
      }),
    );
  });

  it("are not a pg.Pool's, which ignores them", () => {
    unrun(async () => {
      const { signal } = new AbortController();
      // @ts-expect-error pg has no signal
      await new pg.Pool().query({ text: "select", signal });
    });
  });
});

describe("the type of a transaction", () => {
  it("hands its callback a client without release, and returns what the callback does", () => {
    unrun(async () => {
      const pool = createPool();
      const id = await pool.transaction(
        async (tx) => {
          expectTypeOf(tx).toEqualTypeOf<TransactionClient>();
          const { rows } = await tx.query<Book>("select", [1]);
          tx.query(new QueryStream("select"));
          // @ts-expect-error the client is the transaction's to release
          tx.release();
          return rows[0]?.id;
        },
        { isolationLevel: "serializable", readOnly: true, deferrable: true, retries: 3 },
      );
      expectTypeOf(id).toEqualTypeOf<number | undefined>();
      expectTypeOf(await pool.transaction(() => "now")).toEqualTypeOf<string>();
      // @ts-expect-error there is no such level
      await pool.transaction(() => 1, { isolationLevel: "chaos" });
      // @ts-expect-error there is no such option
      await pool.transaction(() => 1, { retry: 3 });
    });
  });

  it("hands its callback a client that functions of one query can take", () => {
    unrun(() => {
      const findBook = (db: Pick<pg.Pool, "query"> | TransactionClient, id: number) =>
        (db as Pick<ClientBase, "query">).query<Book>("select", [id]);
      const pool = createPool();
      return pool.transaction((tx) => findBook(tx, 1));
    });
  });
});

describe("the types of options", () => {
  it("take every option of pg.Pool", () => {
    expectTypeOf<pg.PoolConfig>().toExtend<PoolOptions>();
  });

  it("take undefined for what is not said", () => {
    unrun(() =>
      createPool({ writer: undefined, reader: undefined, readers: undefined, mirror: undefined }),
    );
  });

  it("refuse what does not exist", () => {
    unrun(() => {
      // @ts-expect-error it is called reader
      createPool({ replica: "postgres://" });
      // @ts-expect-error a list is called readers
      createPool({ reader: ["postgres://"] });
      // @ts-expect-error a single one is called reader
      createPool({ readers: "postgres://" });
      // @ts-expect-error a side has sizes and times only
      createPool({ readerPool: { host: "there" } });
      // @ts-expect-error a number
      createPool({ max: "10" });
      // @ts-expect-error a side, or nothing
      createPool({ readOnlyTransactions: "both" });
      // @ts-expect-error bounds have names
      createPool({ statementCache: 10_000 });
    });
  });
});

describe("the types of explain and stats", () => {
  it("name the two targets", () => {
    unrun(async () => {
      const pool = createPool();
      expectTypeOf((await pool.explain("select 1")).target).toEqualTypeOf<"writer" | "reader">();
      expectTypeOf(pool.stats().targets).toEqualTypeOf<
        Readonly<Record<"writer" | "reader", number>>
      >();
    });
  });
});
