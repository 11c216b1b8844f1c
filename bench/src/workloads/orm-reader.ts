import type { Servers } from "../harness/servers.ts";

/** Reads a row by its key through an ORM. */
export interface OrmReader {
  read(key: number): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Makes it ready. An ORM that opens connections, or is loaded, first has a promise of it. */
export type OpenOrmReader = (servers: Servers) => OrmReader | Promise<OrmReader>;
