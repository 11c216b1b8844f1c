import { placeName } from "../config/endpoint.ts";

/** What is looked at of a pool to name it. */
export interface NamedPool {
  readonly options: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly database?: string | undefined;
    readonly user?: string | undefined;
  };
}

/** What a pool is called where nobody has named it: `host:port/database` of its writer. */
export function poolNameOf({ options }: NamedPool): string {
  const { host = "localhost", port = 5432, user = process.env["PGUSER"] } = options;
  const { database = process.env["PGDATABASE"] ?? user ?? "" } = options;
  return `${placeName({ host, port })}/${database}`;
}
