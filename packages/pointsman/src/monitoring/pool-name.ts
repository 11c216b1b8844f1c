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

/**
 * What a pool is called among others.
 *
 * @param taken - what others are called
 * @param wished - what its caller wants it to be called
 * @param otherwise - what it is called else, with `#2` behind it where that is taken, and so on
 * @returns `undefined`: another one is called as it is wished
 */
export function nameAmong(
  taken: ReadonlySet<string>,
  wished: string | undefined,
  otherwise: string,
): string | undefined {
  if (wished !== undefined) return taken.has(wished) ? undefined : wished;
  for (let number = 1; ; number++) {
    const free = number === 1 ? otherwise : `${otherwise}#${number}`;
    if (!taken.has(free)) return free;
  }
}
