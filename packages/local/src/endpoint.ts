import type { Address } from "./address.ts";
import type { FaultyNetwork } from "./faulty-network.ts";
import type { Traffic } from "./traffic.ts";

/** A host and port, with the URL of a database behind it. */
export interface DatabaseAddress extends Address {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
}

/** A host and port that an application is given, and what has gone through it. */
export interface Endpoint extends DatabaseAddress, Traffic, FaultyNetwork {
  /** The same as `url`, under the name that `pg` knows: `new pg.Pool(cluster.writer)` works. */
  readonly connectionString: string;
}
