import pg from "pg";
import { Pool } from "pointsman";
import type { Servers } from "../harness/servers.ts";

/** Reads from however many readers there are. */
export interface ReadAccess {
  read(text: string, values: readonly unknown[]): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Connections to all readers together; eight can share them. */
const connections = 16;

/** The same reads by pg.Pool, a pool for each reader in turns, and by Pointsman. */
export const growingAccesses = {
  "pg.Pool": (servers) => {
    const readers = readersOf(servers);
    const max = connections / readers.length;
    const pools = readers.map((connectionString) => new pg.Pool({ connectionString, max }));
    let turn = 0;
    return {
      read: (text, values) => {
        turn = (turn + 1) % pools.length;
        return (pools[turn] as pg.Pool).query(text, [...values]);
      },
      close: () => Promise.all(pools.map((pool) => pool.end())),
    };
  },
  pointsman: (servers) => {
    const pool = new Pool({
      writer: servers["writer"],
      readers: readersOf(servers),
      max: connections,
    });
    return {
      read: (text, values) => pool.query(text, [...values]),
      close: () => pool.end(),
    };
  },
} as const satisfies Readonly<Record<string, (servers: Servers) => ReadAccess>>;

export type WayToRead = keyof typeof growingAccesses;

export const waysToRead = Object.keys(growingAccesses) as WayToRead[];

function readersOf(servers: Servers): string[] {
  return Object.keys(servers)
    .filter((name) => name !== "writer")
    .map((name) => servers[name] as string);
}
