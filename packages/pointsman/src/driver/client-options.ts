import type { ClientConfig, CustomTypesConfig } from "pg";
import { type Config, resolveConfig } from "../config/config.ts";
import type { PoolOptions } from "../config/options.ts";
import { ConfigError } from "../errors.ts";

/** What a Client is made of: the options of a pool. */
export type ClientOptions = PoolOptions;

/** The options of one Client, by whom they concern. */
export interface ReadOptions {
  /** Those of the connections, which it shares with others. */
  readonly shared: PoolOptions;
  readonly config: Config;
  /** What the Client itself shows of them. */
  readonly identity: ClientConfig;
  /** Its own, whatever connection it stands on. In milliseconds; 0: none. */
  readonly queryTimeout: number;
  readonly types: CustomTypesConfig | undefined;
}

/** @throws ConfigError */
export function readClientOptions(given: string | ClientOptions = {}): ReadOptions {
  const all = typeof given === "string" ? { connectionString: given } : given;
  // As for pg, what is null is not given.
  const options = Object.fromEntries(
    Object.getOwnPropertyNames(all)
      .map((name) => [name, Reflect.get(all, name)])
      .filter(([, value]) => value !== null && value !== undefined)
      // pg-pool's word for any number of uses.
      .filter(([name, value]) => name !== "maxUses" || value !== Number.POSITIVE_INFINITY)
      // Slonik gives it to its Clients. It is an option of queries, and pg's Client does not read it.
      .filter(([name]) => name !== "queryMode"),
  ) as PoolOptions & { readonly replication?: unknown };
  if (options.replication !== undefined) {
    throw new ConfigError(
      "replication",
      "A Client of pointsman/pg shares its connections with others, and replication needs one of its own. Use the Client of pg for it.",
    );
  }
  const config = resolveConfig(options);
  // Two are about answers, not about connections; pg-pool hands its own options on to its Clients.
  const { types, query_timeout, Promise: _p, Client: _c, ...shared } = options;
  const { client } = config.hasWriter ? config.writer : (config.readers[0] ?? config.writer);
  const { stream: _stream, ...identity } = client;
  return {
    shared,
    config,
    identity: {
      ...identity,
      ...(types && { types }),
      // What is hidden from printing is hidden from spreading.
      ...(client.password !== undefined && { password: client.password }),
      ...(client.connectionString !== undefined && { connectionString: client.connectionString }),
    },
    queryTimeout: Number(query_timeout ?? client.query_timeout) || 0,
    types,
  };
}
