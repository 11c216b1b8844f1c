import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type PoolClient, Query } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { listenTo, type PointsmanEvents, type Pool, type PoolOptions } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { paused } from "../freshness/paused.ts";
import { lanesOf, type ReadSide, riding } from "../lanes/forced.ts";
import { hold } from "../support/hold.ts";
import { kinds } from "../support/kinds.ts";
import { localCluster } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: `
    create table books (id serial primary key, title text);
    create sequence tickets;
    create view next_ticket as select nextval('tickets')::int as n`,
});

interface Told {
  readonly starts: PointsmanEvents["statement:start"][];
  readonly ends: PointsmanEvents["statement:end"][];
}

function hear(pool: Pool): Told {
  const told: Told = { starts: [], ends: [] };
  const stop = listenTo(pool, {
    "statement:start": (event) => told.starts.push(event),
    "statement:end": (event) => told.ends.push(event),
  });
  onTestFinished(stop);
  return told;
}

/** Holds until what has started has ended, and says in which order that was called. */
async function allEnded({ starts, ends }: Told, count: number): Promise<readonly unknown[]> {
  await until("all have ended", () => ends.length >= starts.length, 2_000);
  expect(starts).toHaveLength(count);
  expect(ends.map(({ id }) => id).sort()).toEqual(starts.map(({ id }) => id).sort());
  return starts.map(({ id }) => ends.find((end) => end.id === id)?.error);
}

const gone = new Error("nobody waits any more");
const timedOut = "Query read timeout";
const write = "insert into books (title) values ('Emma') /* waits */";

/** A pool without a free connection to the writer, and what frees it. */
async function exhausted(options: PoolOptions): Promise<readonly [Pool, Told, () => void]> {
  const pool = local.pool({ ...options, max: 1 });
  const free = await hold(pool.writer);
  return [pool, hear(pool), free];
}

describe.each(kinds)("$kind", ({ options }) => {
  describe("a statement that waits for a connection ends once, with what its caller hears:", () => {
    const ways: readonly [string, PoolOptions, (pool: Pool) => Promise<unknown>, string][] = [
      [
        "one that is aborted",
        {},
        (pool) => {
          const abort = new AbortController();
          const answer = pool.query({ text: write, signal: abort.signal });
          abort.abort(gone);
          return answer;
        },
        gone.message,
      ],
      [
        "one with a callback",
        {},
        (pool) => {
          const abort = new AbortController();
          const answer = new Promise((resolve, reject) =>
            pool.query({ text: write, signal: abort.signal }, (error, result) =>
              error ? reject(error) : resolve(result),
            ),
          );
          abort.abort(gone);
          return answer;
        },
        gone.message,
      ],
      [
        "one with a deadline",
        {},
        (pool) => pool.query({ text: write, query_timeout: 20 } as never),
        timedOut,
      ],
      [
        "one of a pool with a deadline",
        { query_timeout: 20 },
        (pool) => pool.query(write),
        timedOut,
      ],
      [
        "one whose deadline is a signal's",
        {},
        (pool) => pool.query({ text: write, signal: AbortSignal.timeout(20) }),
        "The operation was aborted due to timeout",
      ],
      [
        "one with both",
        { query_timeout: 5_000 },
        (pool) => pool.query({ text: write, signal: AbortSignal.timeout(20) }),
        "The operation was aborted due to timeout",
      ],
      [
        "one that gets none in time",
        { connectionTimeoutMillis: 300 },
        (pool) => pool.query(write),
        "timeout exceeded when trying to connect",
      ],
      [
        "a stream that gets none in time",
        { connectionTimeoutMillis: 300 },
        (pool) => {
          const stream = new QueryStream(write);
          stream.on("error", () => {});
          return pool.query(stream) as unknown as Promise<unknown>;
        },
        "timeout exceeded when trying to connect",
      ],
    ];

    it.each(ways)("%s", async (_way, more, send, message) => {
      const [pool, told, free] = await exhausted({ ...options, ...more });
      const error = await rejection(send(pool));
      expect(error.message).toBe(message);
      expect(await allEnded(told, 1)).toEqual([error]);
      expect(told.ends[0]?.error).toBe(error);
      expect(told.ends[0]).toMatchObject({ target: "writer", endpoint: "", text: write });
      expect(told.ends[0]).not.toHaveProperty("waitMs");
      free();
      // What it had asked for comes, and is nobody's.
      await pool.query({ text: "select 1", target: "writer" });
      expect(told.starts).toHaveLength(2);
      expect(told.ends).toHaveLength(2);
    });
  });

  it("a statement whose signal is aborted already ends once, with what its caller hears", async () => {
    const pool = local.pool(options);
    const told = hear(pool);
    const error = await rejection(
      pool.query({ text: "select 1", signal: AbortSignal.abort(gone) }),
    );
    expect(error).toBe(gone);
    expect(await allEnded(told, 1)).toEqual([gone]);
    expect(told.ends[0]).toMatchObject({ reason: "plain-read", endpoint: "", retries: 0 });
  });

  it.each([0, null, "", "enough"])(
    "an end has the reason that its caller hears: %j",
    async (reason) => {
      const pool = local.pool(options);
      const told = hear(pool);
      const abort = new AbortController();
      abort.abort(reason);
      const before = await rejection(pool.query({ text: "select 1", signal: abort.signal }));
      const [busy, toldBusy] = await exhausted(options);
      const late = new AbortController();
      const answer = rejection(busy.query({ text: write, signal: late.signal }));
      late.abort(reason);
      // What is no error is one for those who watch.
      const asTold = (error: unknown): unknown =>
        typeof error === "object" ? error : expect.objectContaining({ cause: error });
      expect(told.ends[0]?.error).toEqual(asTold(before));
      expect(toldBusy.ends[0]?.error).toEqual(asTold(await answer));
    },
  );

  it("statements that are given up count in the numbers of the pool", async () => {
    const [pool] = await exhausted({ ...options, query_timeout: 20 });
    const before = pool.stats();
    await rejection(pool.query(write));
    await rejection(pool.query({ text: "select 1", signal: AbortSignal.abort() }));
    const after = pool.stats();
    expect(after.reasons["data-change"]).toBe(before.reasons["data-change"] + 1);
    expect(after.reasons["plain-read"]).toBe(before.reasons["plain-read"] + 1);
  });

  it("statements of a client end once, wherever they are given up", async () => {
    const pool = local.pool(options);
    const client = await pool.connect();
    const told = hear(pool);
    const aborts = [new AbortController(), new AbortController()] as const;
    const sent = [
      client.query({ text: "select 1", signal: AbortSignal.abort(gone) } as never),
      client.query({ text: "select pg_sleep(30)", signal: aborts[0].signal } as never),
      client.query({ text: write, signal: aborts[1].signal } as never),
      client.query({ text: write, query_timeout: 10 } as never),
    ].map((answer) => rejection(answer as unknown as Promise<unknown>));
    aborts[1].abort(gone);
    const late = await sent[3];
    aborts[0].abort(gone);
    await Promise.all(sent);
    expect(late?.message).toBe(timedOut);
    expect(await allEnded(told, 4)).toEqual([gone, gone, gone, late]);
    client.release();
  });

  it("statements of a transaction end once, wherever they are given up", async () => {
    const pool = local.pool(options);
    const told = hear(pool);
    const error = await rejection(
      pool.transaction(async () => {
        await rejection(pool.query({ text: write, signal: AbortSignal.abort(gone) }));
        await pool.query({ text: "select pg_sleep(30)", query_timeout: 30 } as never);
      }),
    );
    expect(error.message).toBe(timedOut);
    expect(await allEnded(told, 4)).toEqual([undefined, gone, error, undefined]);
  });

  it("cursors and streams end once, though they are given up", async () => {
    const pool = local.pool({ ...options, query_timeout: 50 });
    const told = hear(pool);
    const client = await pool.connect();
    const cursor = client.query(new Cursor("select pg_sleep(0.2)"));
    const late = await rejection(cursor.read(1));
    client.release(true);
    const stream = new QueryStream("select n from generate_series(1, 9999) n");
    const over = pool.query(stream) as unknown as Promise<unknown>;
    for await (const _row of stream) break;
    await over;
    const [ofCursor, ofStream] = await allEnded(told, 2);
    expect(ofCursor).toBe(late);
    expect(ofStream).toBeUndefined();
  });

  it("what waits when the pool is ended ends once", async () => {
    const [pool, told] = await exhausted({ ...options, endTimeout: 50 });
    const answers = [pool.query(write), pool.query({ text: write, target: "writer" })];
    const errors = Promise.all(answers.map(rejection));
    await pool.end();
    expect(await allEnded(told, 2)).toEqual(await errors);
  });
});

describe("a statement of a client that waits for a connection is given up at once:", () => {
  const ways: readonly [string, PoolOptions, (client: PoolClient) => Promise<unknown>, string][] = [
    [
      "one that is aborted",
      {},
      (client) => {
        const abort = new AbortController();
        const answer = client.query({ text: write, signal: abort.signal } as never);
        abort.abort(gone);
        return answer as never;
      },
      gone.message,
    ],
    [
      "one with a callback",
      {},
      (client) => {
        const abort = new AbortController();
        const answer = new Promise((resolve, reject) =>
          client.query({ text: write, signal: abort.signal } as never, (error, result) =>
            error ? reject(error) : resolve(result),
          ),
        );
        abort.abort(gone);
        return answer;
      },
      gone.message,
    ],
    [
      "one with a deadline",
      {},
      (client) => client.query({ text: write, query_timeout: 20 } as never) as never,
      timedOut,
    ],
    [
      "one of a pool with a deadline",
      { query_timeout: 20 },
      (client) => client.query(write),
      timedOut,
    ],
    [
      "one whose deadline is a signal's",
      { query_timeout: 5_000 },
      (client) => client.query({ text: write, signal: AbortSignal.timeout(20) } as never) as never,
      "The operation was aborted due to timeout",
    ],
  ];

  it.each(ways)("%s", async (_way, more, send, message) => {
    const [pool, told, free] = await exhausted(more);
    const client = await pool.connect();
    const error = await rejection(send(client));
    expect(error.message).toBe(message);
    expect(await allEnded(told, 1)).toEqual([error]);
    expect(told.ends[0]?.error).toBe(error);
    expect(told.ends[0]).toMatchObject({ target: "writer", endpoint: "", text: write });
    expect(told.ends[0]).not.toHaveProperty("waitMs");
    const behind = client.query({ text: write, query_timeout: 5_000 } as never);
    free();
    // What the one before had asked for comes, and is nobody's.
    expect(await behind).toMatchObject({ rowCount: 1 });
    client.release();
    await until("nothing is held", () => pool.idleCount === pool.totalCount);
    expect(await allEnded(told, 2)).toEqual([error, undefined]);
  });

  it("a read that waits for a reader", async () => {
    const pool = local.pool({ readerPool: { max: 1 } });
    const holder = await pool.reader.connect();
    const told = hear(pool);
    const client = await pool.connect();
    const late = await rejection(client.query({ text: "select 1", query_timeout: 20 } as never));
    expect(late.message).toBe(timedOut);
    expect(await allEnded(told, 1)).toEqual([late]);
    // The writer's side is free.
    expect(await client.query(write)).toMatchObject({ rowCount: 1 });
    holder.release();
    client.release();
    await until("nothing is held", () => pool.reader.idleCount === pool.reader.totalCount);
  });

  it("those behind it go on, and only they", async () => {
    const [pool, told, free] = await exhausted({});
    const client = await pool.connect();
    const abort = new AbortController();
    const answers = [
      rejection(client.query({ text: write, signal: abort.signal } as never)),
      rejection(client.query({ text: write, query_timeout: 20 } as never)),
      client.query(write),
      client.query("select 4 as n"),
    ];
    await answers[1];
    abort.abort(gone);
    await answers[0];
    free();
    expect(await answers[2]).toMatchObject({ rowCount: 1 });
    expect(await answers[3]).toMatchObject({ rows: [{ n: 4 }] });
    client.release();
    expect(await allEnded(told, 4)).toEqual([
      gone,
      expect.objectContaining({ message: timedOut }),
      undefined,
      undefined,
    ]);
  });

  it("one after another, while the client is given back behind them", async () => {
    const [pool, told, free] = await exhausted({ query_timeout: 20 });
    const client = await pool.connect();
    const answers = [1, 2, 3].map(() => rejection(client.query(write)));
    client.release();
    expect((await Promise.all(answers)).map(({ message }) => message)).toEqual([
      timedOut,
      timedOut,
      timedOut,
    ]);
    await allEnded(told, 3);
    // Its place is another's.
    const next = await pool.connect();
    free();
    expect(await next.query({ text: write, query_timeout: 5_000 } as never)).toMatchObject({
      rowCount: 1,
    });
    next.release();
    await until("nothing is held", () => pool.idleCount === pool.totalCount);
  });

  it("a BEGIN, and with it what would run outside of its transaction", async () => {
    const [pool, told, free] = await exhausted({});
    const client = await pool.connect();
    const abort = new AbortController();
    const answers = [
      rejection(client.query({ text: "begin", signal: abort.signal } as never)),
      rejection(client.query(write)),
      rejection(client.query("commit")),
    ];
    abort.abort(gone);
    expect(await Promise.all(answers)).toEqual([gone, gone, gone]);
    expect(await allEnded(told, 3)).toEqual([gone, gone, gone]);
    free();
    await client.query("begin");
    await client.query(write);
    await client.query("rollback");
    expect(client.getTransactionStatus()).toBe("I");
    client.release();
    await until("nothing is held", () => pool.idleCount === pool.totalCount);
  });

  it("a transaction that cannot begin in time", async () => {
    const [pool, told] = await exhausted({ query_timeout: 20 });
    const error = await rejection(pool.transaction((tx) => tx.query(write)));
    expect(error.message).toBe(timedOut);
    expect(await allEnded(told, 1)).toEqual([error]);
  });

  it("a BEGIN that is sent anew to a reader", async () => {
    const pool = local.pool({ readerPool: { max: 1 } });
    const holder = await pool.reader.connect();
    onTestFinished(() => holder.release());
    const client = await pool.connect();
    await client.query("begin");
    const told = hear(pool);
    const error = await rejection(
      client.query({ text: "set transaction read only", query_timeout: 50 } as never),
    );
    expect(error.message).toBe(timedOut);
    expect(await allEnded(told, 1)).toEqual([error]);
    // Its caller believes that the transaction is open.
    expect(await rejection(client.query(write))).toMatchObject({ code: "TRANSACTION_LOST" });
    client.release();
  });
});

it("a BEGIN that is sent anew is given up for a reason that is no error", async () => {
  const pool = local.pool({ readerPool: { max: 1 } });
  const holder = await pool.reader.connect();
  onTestFinished(() => holder.release());
  const client = await pool.connect();
  await client.query("begin");
  const abort = new AbortController();
  const text = "set transaction read only";
  const answer = rejection(client.query({ text, signal: abort.signal } as never));
  setTimeout(() => abort.abort("the page was closed"), 50);
  expect(await answer).toBe("the page was closed");
  expect(await rejection(client.query(write))).toMatchObject({
    code: "TRANSACTION_LOST",
    message: expect.stringContaining("could not be opened (the page was closed)"),
  });
  client.release();
});

describe("a statement that its reader has refused is given up at once, while the writer has no room,", () => {
  const soons: readonly [string, (abort: () => void) => void][] = [
    ["as that is told", (abort) => abort()],
    ["just behind that", queueMicrotask],
    ["later", (abort) => setTimeout(abort, 20)],
  ];

  it.each(
    soons.flatMap(([when, soon]) => [
      ["by the pool", when, soon] as const,
      ["on a client", when, soon] as const,
    ]),
  )("%s, %s", async (where, _when, soon) => {
    const [pool, told] = await exhausted({});
    const abort = new AbortController();
    onTestFinished(listenTo(pool, { retry: () => soon(() => abort.abort(gone)) }));
    const client = where === "on a client" ? await pool.connect() : undefined;
    onTestFinished(() => client?.release());
    const sender = client ?? pool;
    const config = { text: "select n from next_ticket", signal: abort.signal };
    const answer = rejection(sender.query(config as never) as never);
    expect(await allEnded(told, 1)).toEqual([gone]);
    expect(await answer).toBe(gone);
    expect(told.ends[0]).toMatchObject({ endpoint: "", retries: 1 });
  });
});

describe("a statement that looks for another way, since its reader was behind, is given up at once,", () => {
  const text = "select count(*) from books";
  const callers: readonly [
    string,
    (pool: Pool, signal: AbortSignal) => Promise<() => Promise<unknown>>,
  ][] = [
    ["by the pool", async (pool, signal) => () => pool.query({ text, signal })],
    [
      "on a client",
      async (pool, signal) => {
        const client = await pool.connect();
        onTestFinished(() => client.release());
        return () => client.query({ text, signal } as never) as never;
      },
    ],
  ];

  describe.each(callers)("%s,", (_caller, make) => {
    it("while a reader is waited for", async () => {
      const pool = local.pool({ freshness: { wait: 3_000 } });
      await pool.query(write);
      await local.cluster.waitForReplay();
      await pool.query("select 1");
      const abort = new AbortController();
      const send = await make(pool, abort.signal);
      await paused(local.cluster, async () => {
        await pool.query(write);
        const told = hear(pool);
        const answer = rejection(send());
        await until("it is behind", () => pool.stats().freshness.behind > 0);
        abort.abort(gone);
        expect(await allEnded(told, 1)).toEqual([gone]);
        expect(await answer).toBe(gone);
        expect(told.ends[0]).toMatchObject({ target: "reader", endpoint: "" });
      });
    });

    it.each<[string, (abort: () => void) => void]>([
      ["as it is found behind", (abort) => abort()],
      ["just behind that", queueMicrotask],
    ])("%s, though nothing else is free", async (_when, soon) => {
      const pool = local.pool({ max: 1, freshness: { wait: 0 } });
      await pool.query("select 1");
      const abort = new AbortController();
      const send = await make(pool, abort.signal);
      await paused(local.cluster, async () => {
        await pool.query(write);
        const holder = await pool.writer.connect();
        onTestFinished(() => holder.release());
        const told = hear(pool);
        onTestFinished(listenTo(pool, { guard: () => soon(() => abort.abort(gone)) }));
        const answer = rejection(send());
        expect(await allEnded(told, 1)).toEqual([gone]);
        expect(await answer).toBe(gone);
      });
    });
  });
});

describe.each<[string, ReadSide]>([
  ["with readers", "reader"],
  ["with one server", "writer"],
])("in lanes, %s,", (_kind, side) => {
  const naps = "select pg_sleep($1) is null as slept";

  it("what rides and what waits for room end once, when they are given up", async () => {
    const pool = await riding(local, side, { lanes: { after: 0, max: 1, depth: 1 } });
    const told = hear(pool);
    const abort = new AbortController();
    const { signal } = abort;
    const answers = [0.5, 0, 0].map((seconds) =>
      rejection(pool.query({ text: naps, values: [seconds], signal })),
    );
    const { riding: riders, waiting } = lanesOf(pool, side);
    expect({ riders, waiting }).toEqual({ riders: 1, waiting: 2 });
    abort.abort(gone);
    expect(await Promise.all(answers)).toEqual([gone, gone, gone]);
    expect(await allEnded(told, 3)).toEqual([gone, gone, gone]);
    expect(told.ends.map(({ endpoint }) => endpoint === "").sort()).toEqual([false, true, true]);
    await pool.query("select 1");
    expect(told.ends).toHaveLength(4);
  });

  it("so do those of clients", async () => {
    const pool = await riding(local, side, { lanes: { after: 0, max: 1, depth: 1 } });
    const clients = await Promise.all([1, 2].map(() => pool.connect()));
    const told = hear(pool);
    const abort = new AbortController();
    const { signal } = abort;
    const answers = clients.map((client) =>
      rejection(client.query({ text: naps, values: [0.5], signal } as never) as never),
    );
    abort.abort(gone);
    expect(await Promise.all(answers)).toEqual([gone, gone]);
    expect(await allEnded(told, 2)).toEqual([gone, gone]);
    for (const client of clients) client.release();
  });
});

it("what waits for the writer ends once, when it is given up", async () => {
  // A reader in the writer's place: the writer is looked for, and not found.
  const pool = local.pool({ writer: local.cluster.reader.url, failoverTimeout: "20s" });
  pool.on("error", () => {});
  const told = hear(pool);
  const given = (more: object): Promise<Error> => rejection(pool.query({ text: write, ...more }));
  const abort = new AbortController();
  const answers = [given({ signal: abort.signal })];
  const waits = (count: number) => () => pool.stats().failover.waiting === count;
  await until("it is looked for", waits(1));
  answers.push(given({ signal: abort.signal }), given({ query_timeout: 50 }));
  await until("all wait for it", waits(3));
  const late = await answers[2];
  abort.abort(gone);
  expect(await Promise.all(answers)).toEqual([gone, gone, late]);
  expect(late?.message).toBe(timedOut);
  expect(await allEnded(told, 3)).toEqual([gone, gone, late]);
  expect(told.ends.map(({ endpoint }) => endpoint)).toEqual(["", "", ""]);
});

it.each<[string, (abort: () => void) => void]>([
  ["as that is told", (abort) => abort()],
  ["just behind that", queueMicrotask],
])(
  "what is about to be sent again, on a lane, ends once when it is given up %s",
  async (_when, soon) => {
    const pool = local.pool({ readerPool: { max: 2 }, lanes: { after: 1, max: 1 } });
    const told = hear(pool);
    const text = "select pg_sleep($1) is null as slept";
    const abort = new AbortController();
    const stop = listenTo(pool, { retry: () => soon(() => abort.abort(gone)) });
    onTestFinished(stop);
    const answer = rejection(pool.query({ text, values: [8], signal: abort.signal }));
    const other = await local.connect(local.cluster.readers[0]?.url);
    const running = "from pg_stat_activity where state = 'active' and query = $1";
    await until("it runs", async () => {
      return (await other.query(`select 1 ${running}`, [text])).rowCount === 1;
    });
    await until("such a text rides", async () => {
      await pool.query(text, [0]);
      return lanesOf(pool, "reader").carried > 0;
    });
    await other.query(`select pg_terminate_backend(pid) ${running}`, [text]);
    expect(await answer).toBe(gone);
    await pool.query(text, [0]);
    const [sent, ...others] = await allEnded(told, told.starts.length);
    expect(sent).toBe(gone);
    expect(new Set(others)).toEqual(new Set([undefined]));
    expect(told.ends.find(({ id }) => id === told.starts[0]?.id)?.reason).toBe("after-loss");
  },
);

/** A way to a server on which requests to cancel get stuck, until they are let go. */
async function stickyWay(url: string) {
  const stuck: Socket[] = [];
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(url);
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    client.once("data", (first) => {
      if (first.length >= 8 && first.readInt32BE(4) === 80877102) {
        stuck.push(client);
        return;
      }
      const there = connect(Number(port), hostname);
      there.on("error", () => client.destroy());
      there.write(first);
      client.pipe(there).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const way = new URL(url);
  way.port = String((server.address() as AddressInfo).port);
  return { url: way.href, stuck };
}

it("a write that succeeds while it is being cancelled ends once, as its caller hears", async () => {
  const way = await stickyWay(local.cluster.writer.url);
  const pool = local.pool({ writer: way.url, max: 1 });
  await pool.query(write);
  const told = hear(pool);
  const text = "insert into books (title) select 'too late' from pg_sleep(0.2)";
  const answer = pool.query({ text, query_timeout: 50 } as never);
  const other = await local.connect();
  await until("it is to be cancelled", () => way.stuck.length > 0);
  await until("it has happened", async () => {
    return (await other.query("select from books where title = 'too late'")).rowCount === 1;
  });
  for (const socket of way.stuck) socket.destroy();
  expect(await answer).toMatchObject({ rowCount: 1 });
  expect(await allEnded(told, 1)).toEqual([undefined]);
});

describe("what pg throws at while it sends it ends once, with that:", () => {
  const unusable = new Error("nobody knows how many");
  const text = "select 1";
  const types = {
    get length(): number {
      throw unusable;
    },
  } as unknown as { getTypeParser: never };
  const query = { text, types, values: [1] };

  const ways: readonly [string, (client: Queries) => Promise<unknown>][] = [
    ["a promise", (client) => client.query({ ...query }) as never],
    ["a callback", async (client) => client.query({ ...query }, (() => {}) as never)],
    ["with a signal", (client) => client.query({ ...query, signal: new AbortController().signal })],
    ["with a deadline", (client) => client.query({ ...query, query_timeout: 20 })],
    ["a query of pg's own", async (client) => client.query(new Query({ ...query }) as never)],
  ];

  const places = [
    ["on a client of one server", { reader: undefined }, (pool: Pool) => pool.connect()],
    ["on a client of pool.writer", {}, (pool: Pool) => pool.writer.connect()],
    ["on a client of pool.reader", {}, (pool: Pool) => pool.reader.connect()],
    ["in shadow mode", { shadow: true }, (pool: Pool) => pool.connect()],
  ] as const;

  interface Queries {
    query(config: object, callback?: never): Promise<unknown>;
  }

  describe.each(places)("%s", (_place, options, connect) => {
    it.each(ways)("%s", async (_way, send) => {
      const pool = local.pool(options);
      const client = await connect(pool);
      onTestFinished(() => client.release(true));
      // On one that has just been opened pg sends later, when nobody is there to be thrown at.
      await client.query("select 1");
      const told = hear(pool);
      expect(await rejection(send(client as unknown as Queries))).toBe(unusable);
      expect(await allEnded(told, 1)).toEqual([unusable]);
    });

    it("what is called with something else in the place of a callback", async () => {
      const pool = local.pool(options);
      const client = await connect(pool);
      const told = hear(pool);
      expect(() => client.query(text, [], 5 as never)).toThrow("callback is not a function");
      await allEnded(told, told.starts.length);
      client.release();
    });
  });
});

it("a write that could not be sent sends no reads to the writer behind it", async () => {
  const pool = local.pool();
  const client = await pool.writer.connect();
  expect(() => client.query(write, [], 5 as never)).toThrow("callback is not a function");
  client.release();
  const { rows } = await pool.query("select current_setting('cluster_name') as server");
  expect(rows).toEqual([{ server: "reader1" }]);
});
