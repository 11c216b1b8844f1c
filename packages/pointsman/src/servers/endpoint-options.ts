import type { Client, ClientConfig, PoolConfig } from "pg";
import type { Config } from "../config/config.ts";
import type { Endpoint } from "../config/endpoint.ts";

/** A peer that has vanished while a connection was idle is noticed by the system. */
const keptAlive = { keepAlive: true, keepAliveInitialDelayMillis: 5000 };

/** pg's options that lead to an endpoint, secrets included. */
export function endpointOptions(pool: Readonly<PoolConfig>, endpoint: Endpoint): PoolConfig {
  const { client } = endpoint;
  const hidden: ClientConfig = {};
  if (client.password !== undefined) hidden.password = client.password;
  if (client.connectionString !== undefined) hidden.connectionString = client.connectionString;
  return { ...commonOptions(pool), ...client, ...hidden };
}

/** pg's options of a side, wherever its connections lead. */
export function commonOptions(pool: Readonly<PoolConfig>): PoolConfig {
  return { ...keptAlive, ...pool };
}

/** The application's own class of clients, if it has given one. */
export function baseClass(config: Config): (new (config?: ClientConfig) => Client) | undefined {
  return config.writerPool.Client as never;
}
