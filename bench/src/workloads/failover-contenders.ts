import pg from "pg";
import { Pool } from "pointsman";
import postgres from "postgres";
import type { Servers } from "../harness/servers.ts";
import { awsPool } from "./aws-pool.ts";
import type { Access } from "./open-loop.ts";

export const table = "create table requests (id int primary key)";
const writeText = "insert into requests values ($1)";
const readText = "select count(*) from requests where id = 1";
const max = 10;

/** Where a contender is to go: the endpoints of the roles, or of the readers one by one. */
interface Places {
  readonly writer: string;
  readonly readers: readonly string[];
}

/** The endpoints, as they are handed to the process of a contender. */
export function placesFor(writer: string, readers: readonly string[]): Servers {
  return { writer, readers: readers.join(" ") };
}

function placesIn({ writer = "", readers = "" }: Servers): Places {
  return { writer, readers: readers.split(" ") };
}

/** The ways to get at a writer and its readers, as they are mostly used. */
export const accesses: Readonly<Record<string, (servers: Servers) => Access>> = {
  pointsman: (servers) => {
    const { writer, readers } = placesIn(servers);
    const pool = new Pool({ writer, readers: [...readers], max });
    return {
      write: (id) => pool.query(writeText, [id]),
      read: () => pool.query({ text: readText, consistency: "eventual" }),
    };
  },
  "pg.Pool": (servers) => barePools(servers, (pool, text, values) => pool.query(text, values)),
  "pg.Pool, checkouts": (servers) =>
    barePools(servers, async (pool, text, values) => {
      const client = await pool.connect();
      try {
        return await client.query(text, values);
      } finally {
        // As it is mostly written: the error is the caller's, and the client goes back.
        client.release();
      }
    }),
  "postgres.js": (servers) => {
    const { writer, readers } = placesIn(servers);
    const open = (url: string, most: number) => postgres(url, { max: most, onnotice: () => {} });
    const toWriter = open(writer, max);
    const next = inTurns(readers.map((url) => open(url, max / readers.length)));
    return {
      write: (id) => toWriter.unsafe(writeText, [id]),
      read: () => next().unsafe(readText),
    };
  },
  "aws wrapper": (servers) => {
    const { writer, readers } = placesIn(servers);
    const open = (url: string, most: number) => awsPool(url, most, "failover,efm2");
    const toWriter = open(writer, max);
    const next = inTurns(readers.map((url) => open(url, max / readers.length)));
    return {
      write: (id) => toWriter.query(writeText, [id]),
      read: () => next().query(readText),
    };
  },
};

function barePools(
  servers: Servers,
  query: (pool: pg.Pool, text: string, values: unknown[]) => Promise<unknown>,
): Access {
  const { writer, readers } = placesIn(servers);
  const open = (url: string, most: number): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url, max: most });
    pool.on("error", () => {});
    // Without this one a connection that is cut while it is checked out ends the whole process.
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  };
  const toWriter = open(writer, max);
  const next = inTurns(readers.map((url) => open(url, max / readers.length)));
  return {
    write: (id) => query(toWriter, writeText, [id]),
    read: () => query(next(), readText, []),
  };
}

/** Gives one after the other, and begins again. */
function inTurns<T>(all: readonly T[]): () => T {
  let turn = 0;
  return () => all[turn++ % all.length] as T;
}
