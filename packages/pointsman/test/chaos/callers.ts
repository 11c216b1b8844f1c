import { setTimeout as delay } from "node:timers/promises";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { type Pool, withWriter } from "pointsman";
import type { Ledger } from "./ledger.ts";

/** How many numbers the table has that cursors and streams read. */
const numbers = 400;
const step = 60;

/**
 * No key: a row that was written twice is there twice, and its places tell when.
 */
export const schema = `
  create table chaos_rows (id int not null, place bigserial);
  create index on chaos_rows (id);
  create table chaos_numbers (n int primary key);
  insert into chaos_numbers select generate_series(0, ${numbers - 1});
`;

const insert = "insert into chaos_rows (id) values ($1)";
const rowsOf = "select id from chaos_rows where id = $1";
const allNumbers = "select n from chaos_numbers order by n";

let lastId = 0;

/** The number of the next row: each is written once. */
export function nextId(): number {
  lastId += 1;
  return lastId;
}

/** Callers of every kind. Each call is one piece of work. */
export function callersOf(
  pool: Pool,
  ledger: Ledger,
): Readonly<Record<string, () => Promise<void>>> {
  const first = nextId();
  const count = async (): Promise<number | undefined> => {
    const rows = await ledger.read("count", () =>
      pool.query<{ server: string; rows: number }>(
        "select current_setting('cluster_name') as server, count(*)::int as rows from chaos_rows where id > $1",
        [first],
      ),
    );
    const [row] = rows ?? [];
    if (row !== undefined) ledger.servedBy(row.server);
    return row?.rows;
  };
  const mustSee = (what: string, id: number, rows: unknown[] | undefined): void => {
    if (rows !== undefined && rows.length === 0) ledger.wrong.push(`${what}: row ${id} not seen`);
  };
  const readOwn = async (what: string, id: number): Promise<void> => {
    mustSee(what, id, await ledger.read(what, () => pool.query(rowsOf, [id])));
  };
  const write = (id: number): Promise<boolean> =>
    ledger.write([id], () => pool.query(insert, [id]));

  return {
    "write, read": async () => {
      const id = nextId();
      if (await write(id)) await readOwn("the process", id);
    },
    count: async () => {
      await count();
    },
    // What a session has seen it sees again, whoever serves it.
    session: () =>
      pool.session(async () => {
        const id = nextId();
        const written = await write(id);
        let most = 0;
        for (let again = 0; again < 3; again += 1) {
          if (written) await readOwn("a session", id);
          const now = (await count()) ?? most;
          if (now < most) ledger.wrong.push(`a session went back from ${most} rows to ${now}`);
          most = now;
        }
      }),
    "READ ONLY transaction": () =>
      pool.session(async () => {
        const id = nextId();
        if (!(await write(id))) return;
        const read = async (): Promise<void> =>
          pool.transaction(
            async (tx) => {
              for (let again = 0; again < 2; again += 1) {
                const { rows } = await tx.query(rowsOf, [id]);
                mustSee("a READ ONLY transaction", id, rows);
              }
            },
            { readOnly: true, retries: 3 },
          );
        await ledger.mayBreakOff("a READ ONLY transaction", read);
      }),
    transaction: async () => {
      const ids = [nextId(), nextId()];
      await ledger.write(ids, (hasWritten) =>
        pool.transaction(
          async (tx) => {
            for (const id of ids) {
              await tx.query(insert, [id]);
              hasWritten();
            }
          },
          { retries: 3 },
        ),
      );
    },
    // As an ORM does it.
    "client with a transaction": async () => {
      const ids = [nextId(), nextId()];
      await ledger.write(ids, async (hasWritten) => {
        const client = await pool.connect();
        try {
          await client.query("begin");
          for (const id of ids) {
            await client.query(insert, [id]);
            hasWritten();
          }
          await client.query("commit");
        } catch (error) {
          await client.query("rollback").catch(() => {});
          throw error;
        } finally {
          client.release();
        }
      });
    },
    "client without one": async () => {
      const id = nextId();
      const client = await pool.connect();
      const written = await ledger.write([id], () => client.query(insert, [id]));
      if (written) {
        const rows = await ledger.read("a client", () => client.query(rowsOf, [id]));
        mustSee("a client", id, rows);
      }
      client.release();
    },
    withWriter: () =>
      withWriter(async () => {
        const id = nextId();
        if (await write(id)) await readOwn("withWriter", id);
      }),
    cursor: () =>
      ledger.mayBreakOff("a cursor", () =>
        inOrder(ledger, "a cursor", async (take) => {
          // Not by the pool: like that of pg, it does not hear of the end of a cursor.
          const client = await pool.connect();
          try {
            const cursor = client.query(new Cursor<{ n: number }>(allNumbers));
            for (;;) {
              const rows = await cursor.read(step);
              if (rows.length === 0) return;
              rows.forEach(take);
              // Something has to have time to go wrong.
              await delay(2);
            }
          } finally {
            client.release();
          }
        }),
      ),
    stream: () =>
      ledger.mayBreakOff("a stream", () =>
        inOrder(ledger, "a stream", async (take) => {
          const stream = new QueryStream(allNumbers, [], { batchSize: step, highWaterMark: step });
          // What the pool returns fails as the stream does, which is what is read.
          Promise.resolve(pool.query(stream) as unknown).catch(() => {});
          for await (const row of stream) {
            take(row as { n: number });
          }
        }),
      ),
  };
}

/** Checks rows as they come: none is left out or comes twice, and without an error all come. */
async function inOrder(
  { wrong }: Ledger,
  what: string,
  rowsTo: (take: (row: { n: number }) => void) => Promise<void>,
): Promise<void> {
  let next = 0;
  await rowsTo(({ n }) => {
    if (n !== next) wrong.push(`${what} got row ${n} where ${next} comes`);
    next = n + 1;
  });
  if (next !== numbers) wrong.push(`${what} ended after ${next} rows, and told no error`);
}
