import type { AwsPgPoolClient } from "aws-advanced-nodejs-wrapper/pg";
import pg from "pg";
import { Pool } from "pointsman";
import postgres from "postgres";
import type { Servers } from "../harness/servers.ts";
import { addressOf } from "./address-of.ts";
import { pgpoolProgram, startPgpool } from "./pgpool.ts";

/** A way to get at a writer and a reader. */
export interface SplitAccess {
  read(text: string, values: readonly unknown[]): Promise<unknown>;
  write(text: string, values: readonly unknown[]): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Connections that each way may have to each side. */
export const connections = 10;

/** The ways that there are, by name. Those of plain clients are told by hand which side is meant. */
export const splitAccesses = {
  pointsman: (servers) => {
    const pool = new Pool({
      writer: writerOf(servers),
      reader: readerOf(servers),
      max: connections,
    });
    const query = (text: string, values: readonly unknown[]) => pool.query(text, [...values]);
    return { read: query, write: query, close: () => pool.end() };
  },
  "pg.Pool": (servers) => pgPools(servers, (text, values) => ({ text, values: [...values] })),
  "pg.Pool, prepared": (servers) =>
    pgPools(servers, (text, values) => ({ text, values: [...values], name: nameFor(text) })),
  "pg.Client, pipelined": async (servers) => {
    const open = async (connectionString: string): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString, pipeline: true } as pg.ClientConfig);
      await client.connect();
      return client;
    };
    const [reader, writer] = [await open(readerOf(servers)), await open(writerOf(servers))];
    const query = (client: pg.Client) => (text: string, values: readonly unknown[]) =>
      client.query({ text, values: [...values], name: nameFor(text) });
    return {
      read: query(reader),
      write: query(writer),
      close: () => Promise.all([reader.end(), writer.end()]),
    };
  },
  "postgres.js": (servers) => {
    const open = (url: string) => postgres(url, { max: connections, onnotice: () => {} });
    const [reader, writer] = [open(readerOf(servers)), open(writerOf(servers))];
    const query = (sql: postgres.Sql) => async (text: string, values: readonly unknown[]) =>
      sql.unsafe(text, [...values] as never[], { prepare: true });
    return {
      read: query(reader),
      write: query(writer),
      close: () => Promise.all([reader.end(), writer.end()]),
    };
  },
  "aws wrapper": async (servers) => {
    // Loaded here: it is large, and what it does to its process must not weigh on the others.
    const { awsPool } = await import("./aws-pool.ts");
    const open = (url: string) => awsPool(url, connections, "");
    const [reader, writer] = [open(readerOf(servers)), open(writerOf(servers))];
    const query = (pool: AwsPgPoolClient) => (text: string, values: readonly unknown[]) =>
      pool.query({ text, values: [...values] });
    return {
      read: query(reader),
      write: query(writer),
      close: () => Promise.all([reader.end(), writer.end()]),
    };
  },
  "pgpool-II": async (servers) => {
    if (pgpoolProgram === undefined) throw new Error("POINTSMAN_BENCH_PGPOOL is not set.");
    const [writer, reader] = [writerOf(servers), readerOf(servers)];
    const proxy = await startPgpool(pgpoolProgram, writer, reader, connections);
    const pool = new pg.Pool({ connectionString: proxy.url, max: connections });
    const { rows } = await pool.query("select inet_server_port() as port");
    if (rows[0].port !== addressOf(reader).port) throw new Error("The read went to the writer.");
    const query = (text: string, values: readonly unknown[]) => pool.query(text, [...values]);
    return {
      read: query,
      write: query,
      close: async () => {
        await pool.end();
        await proxy.stop();
      },
    };
  },
} as const satisfies Readonly<
  Record<string, (servers: Servers) => SplitAccess | Promise<SplitAccess>>
>;

export function writerOf(servers: Servers): string {
  return servers["writer"] as string;
}

export function readerOf(servers: Servers): string {
  return servers["reader1"] as string;
}

function pgPools(
  servers: Servers,
  config: (text: string, values: readonly unknown[]) => pg.QueryConfig,
): SplitAccess {
  const open = (connectionString: string) => new pg.Pool({ connectionString, max: connections });
  const [reader, writer] = [open(readerOf(servers)), open(writerOf(servers))];
  return {
    read: (text, values) => reader.query(config(text, values)),
    write: (text, values) => writer.query(config(text, values)),
    close: () => Promise.all([reader.end(), writer.end()]),
  };
}

const names = new Map<string, string>();

/** One name for each text, as somebody gives who prepares by hand. */
function nameFor(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `s${names.size}`;
  names.set(text, name);
  return name;
}
