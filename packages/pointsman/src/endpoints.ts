import type { Client } from "pg";
import type { Auth } from "./auth/auth.ts";
import { secureOptions } from "./auth/secure-options.ts";
import { type SslMode, sslModeOf } from "./auth/tls.ts";
import { type MarkedOptions, rdsRoots, trustedRoots } from "./auth/trusted-roots.ts";
import { resolveConfig } from "./config/config.ts";
import type { Endpoint } from "./config/endpoint.ts";
import type { PoolOptions } from "./config/options.ts";
import { checkTableNames, readTableNames } from "./config/routing-options.ts";
import type { Target } from "./routing/route.ts";
import { matches } from "./routing/table-rules.ts";
import { isWorthRetry } from "./servers/connect-retry.ts";
import { EndpointAddresses } from "./servers/endpoint-addresses.ts";
import { endpointClientClass } from "./servers/endpoint-client.ts";
import { endpointOptions } from "./servers/endpoint-options.ts";

/** One endpoint as a pool would use it. For tools that look at connections one by one. */
export interface ConfiguredEndpoint {
  readonly side: Target;
  /** `host:port` */
  readonly name: string;
  /** As `pg` resolves it from URL, options and its own environment. */
  readonly host: string;
  /** The address that is connected to, where it was given beside the host. */
  readonly hostaddr: string | undefined;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** What TLS is opened with; `false`: none. */
  readonly ssl: MarkedOptions | boolean;
  /**
   * How it is encrypted, in libpq's words: raised where the host is one of RDS or a token is the
   * password. `undefined`: nothing was said.
   */
  readonly sslmode: SslMode | undefined;
  /** What is not as it was configured, and why. */
  readonly warning: string | undefined;
  /** What its URL says behind the `?`, with the TLS of the writer where it has none of its own. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The name that the certificate must be for. */
  readonly certificateName: string;
  /** The roots that certificates are verified against, as PEM; `undefined`: the system's. */
  readonly roots: string | undefined;
  readonly auth: Auth | undefined;
  /** Connections that the pool of this side may open. */
  readonly max: number;
  /**
   * The password of a connection: made by `auth`, else the one that was configured or that `pg`
   * finds in the environment, if any.
   *
   * @throws PointsmanError `PASSWORD_UNAVAILABLE`, `PACKAGE_MISSING`, and what `auth` throws
   */
  password(): Promise<string | undefined>;
  /**
   * Opens a connection exactly as the pool does, errors and all. Whoever calls it ends it.
   *
   * @throws whatever `pg` throws; PointsmanError `AUTHENTICATION_FAILED`, `PASSWORD_UNAVAILABLE`,
   * `PACKAGE_MISSING`
   */
  connect(): Promise<Client>;
}

/**
 * The endpoints that options and environment lead to: the writer first, then the readers.
 *
 * @throws ConfigError for the first mistake in options or environment
 *
 * @example
 * ```ts
 * import { configuredEndpoints } from "pointsman/endpoints";
 *
 * const [writer] = configuredEndpoints();
 * console.log(writer?.side); // writer
 * ```
 */
export function configuredEndpoints(
  options: PoolOptions = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly ConfiguredEndpoint[] {
  const config = resolveConfig(options, environment);
  const of = (side: Target, endpoint: Endpoint): ConfiguredEndpoint => {
    const pool = side === "writer" ? config.writerPool : config.readerPool;
    const addresses = new EndpointAddresses([endpoint]);
    const EndpointClient = endpointClientClass(undefined, {
      calls: {},
      side,
      addresses,
      watch: (_client, query) => ({ query, known: undefined, answered: (error) => error }),
      setUpFailed: () => {},
      abandoned: () => {},
    });
    const make = (): Client => new EndpointClient(endpointOptions(pool, endpoint));
    // Not opened: it tells what pg makes of everything that was left out.
    const { host, port, user, database, ssl, password } = make() as unknown as Seen;
    const certificateName =
      (typeof ssl === "object" ? ssl.servername : undefined) ??
      endpoint.auth?.realHost?.(host) ??
      host;
    return {
      side,
      name: endpoint.name,
      host,
      hostaddr: endpoint.hostaddr,
      port,
      user: user ?? "",
      database: database ?? "",
      ssl: typeof ssl === "object" ? secureOptions(ssl) : ssl,
      sslmode: endpoint.sslmode ?? (ssl === false ? undefined : sslModeOf(ssl)),
      warning: endpoint.warning,
      parameters: endpoint.parameters,
      certificateName,
      roots: rootsOf(ssl),
      auth: endpoint.auth,
      max: pool.max ?? 10,
      async password() {
        const { auth } = endpoint;
        if (auth !== undefined) {
          const to = { host, port, user: user ?? "", database: database ?? "" };
          return auth.password(to);
        }
        return (typeof password === "function" ? await password() : password) ?? undefined;
      },
      connect: () => connected(make),
    };
  };
  return [of("writer", config.writer), ...config.readers.map((reader) => of("reader", reader))];
}

/** One of the names that `allowWritesTo` and `tables` take. */
export interface TablePattern {
  /** The name, as it was given. */
  readonly written: string;
  /** Whether a table is meant by it. */
  matches(schema: string, table: string): boolean;
}

/**
 * Reads names of tables as the option `allowWritesTo` does: `name`, `schema.name`, `schema.*`.
 *
 * @param option - what errors call the list. Default: `"allowWritesTo"`
 * @throws ConfigError for the first name that is none
 *
 * @example
 * ```ts
 * import { tablePatterns } from "pointsman/endpoints";
 *
 * const [pattern] = tablePatterns(["audit.*"]);
 * console.log(pattern?.matches("audit", "events")); // true
 * ```
 */
export function tablePatterns(
  names: readonly string[],
  option = "allowWritesTo",
): readonly TablePattern[] {
  checkTableNames(option, names);
  return readTableNames(names).map(({ written, name }) => ({
    written,
    matches: (schema, table) => matches(name, schema, table),
  }));
}

/** A second attempt is made where the pool would make one. */
async function connected(make: () => Client, again = false): Promise<Client> {
  const client = make();
  try {
    await client.connect();
    return client;
  } catch (error) {
    if (again || !isWorthRetry(error)) throw error;
    return connected(make, true);
  }
}

/** What `pg` has made of the options. */
interface Seen {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly database: string | undefined;
  readonly password: string | null | undefined | (() => Promise<string> | string);
  readonly ssl: MarkedOptions | boolean;
}

function rootsOf(ssl: MarkedOptions | boolean): string | undefined {
  if (typeof ssl !== "object") return undefined;
  if (ssl[rdsRoots] === true) return trustedRoots().join("\n");
  const { ca } = ssl;
  if (ca === undefined) return undefined;
  return [ca].flat().map(String).join("\n");
}
