import { Client } from "./driver/client.ts";
import { driverModule } from "./driver/driver-module.ts";
import { Pool } from "./pool.ts";

export type * from "pg";
export {
  Connection,
  DatabaseError,
  defaults,
  escapeIdentifier,
  escapeLiteral,
  Query,
  Result,
  TypeOverrides,
  types,
} from "pg";
export type { PoolOptions } from "./config/options.ts";
export type { ClientOptions } from "./driver/client-options.ts";
export { type DriverModule, withOptions } from "./driver/driver-module.ts";
export type { RoutedClient, RoutingHints } from "./routed-client.ts";
export { Client, Pool };

/** There is no native binding that routes: `null`, as of `pg` without `pg-native`. */
export const native = null;

const driver = driverModule(Pool, Client);
export default driver;
