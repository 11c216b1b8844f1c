// Compiled and not run: what the types of each door say to a program that uses them.
import { startCluster } from "@pointsman/local";
import type pg from "pg";
import { createPool, iam, type Pool, type PoolOptions, type StatementEvent } from "pointsman";
import { type ConfiguredEndpoint, configuredEndpoints } from "pointsman/endpoints";
import { tokenOf, withToken } from "pointsman/jobs";
import pgModule, { Client, type Pool as DriverPool, types } from "pointsman/pg";
import { redisTokenStore } from "pointsman/redis";
import { captureQueries, withRollback } from "pointsman/testing";

const options: PoolOptions = { writer: "postgres://app@writer.example.com/shop", auth: iam() };
export const pool: Pool = createPool(options);
export const plain: pg.Pool = pool;

export async function titles(): Promise<string[]> {
  const { rows } = await pool.query<{ title: string }>(
    "select title from books where id = $1",
    [1],
  );
  return rows.map(({ title }) => title.toUpperCase());
}

export async function written(): Promise<string | undefined> {
  const payload = await pool.session(async (session) => withToken({ id: 7 }, session));
  return payload.id > 0 ? tokenOf(payload) : undefined;
}

export const driver: DriverPool = new pgModule.Pool();
export const client: pg.Client = new Client();
export const parser: unknown = types.getTypeParser(20);
export const names = (): string[] =>
  configuredEndpoints().map((one: ConfiguredEndpoint) => one.name);
export const seen = (event: StatementEvent): string => event.text;
export const queries = () => captureQueries(pool, titles);
export const undone = () => withRollback(pool, titles);
export const store = redisTokenStore;
export const servers = async () => (await startCluster({ readers: 2 })).readers.length;

// @ts-expect-error the types are those of the library, and not any
export const wrong: number = pool.stats().targets;
