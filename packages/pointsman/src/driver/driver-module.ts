import pg, { type ClientConfig, type PoolConfig } from "pg";
import type { PoolOptions } from "../config/options.ts";
import { Pool } from "../pool.ts";
import { Client } from "./client.ts";

/** A module in the place of `pg`. */
export interface DriverModule
  extends Omit<typeof import("pg"), "Client" | "Pool" | "native" | "default"> {
  readonly Pool: typeof Pool;
  readonly Client: typeof Client;
  /** There is no native binding that routes. */
  readonly native: null;
}

/** pg's options that say where the writer is. */
const locations = ["connectionString", "host", "port"] as const;

/**
 * Makes a module like `pointsman/pg` whose Pools and Clients have these options, for ORMs that hand
 * only those options on to their driver that they know (Sequelize).
 *
 * @param options - see {@link PoolOptions}. They are stronger than what a Pool or Client is given;
 * where they say where the writer is, what the ORM says of that is left out.
 * @throws ConfigError when a Pool or Client is made of them, for the first mistake
 *
 * @example
 * ```ts
 * import { withOptions } from "pointsman/pg";
 *
 * const driver = withOptions({ reader: "postgres://app@reader.example.com/shop" });
 * const client = new driver.Client("postgres://app@writer.example.com/shop"); // has the reader, too
 * ```
 */
export function withOptions(options: PoolOptions): DriverModule {
  const says = ["writer", ...locations].some((name) => Reflect.get(options, name) !== undefined);
  const combined = (given: string | PoolOptions = {}): PoolOptions => {
    const own = typeof given === "string" ? { connectionString: given } : { ...given };
    // The password of a pool's or a config's own may be hidden from spreading.
    const hidden = typeof given === "string" ? {} : pick(given, ["password", "connectionString"]);
    const all: Record<string, unknown> = { ...own, ...hidden };
    if (says) for (const name of locations) delete all[name];
    return { ...all, ...options };
  };
  class ConfiguredPool extends Pool {
    constructor(given?: PoolConfig) {
      super(combined(given));
    }
  }
  class ConfiguredClient extends Client {
    constructor(given?: string | ClientConfig) {
      super(combined(given));
    }
  }
  return driverModule(ConfiguredPool, ConfiguredClient);
}

/** What `pg` exports, with these in the place of its own. */
export function driverModule(ownPool: typeof Pool, ownClient: typeof Client): DriverModule {
  // `native` is not enumerable in pg, and would be looked for on the disk.
  return { ...pg, Pool: ownPool, Client: ownClient, native: null };
}

function pick(from: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [name, Reflect.get(from, name)]).filter(([, value]) => value !== undefined),
  );
}
