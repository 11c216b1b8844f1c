import type { ConfiguredEndpoint } from "pointsman/endpoints";

type Environment = Readonly<Record<string, string | undefined>>;

/** What libpq reads from the environment where the pool reads it from a parameter of the URL. */
const variableOfParameter = {
  application_name: "PGAPPNAME",
  options: "PGOPTIONS",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
} as const;

/** Parameters of the URL that are made anew, or that say where to connect in another way. */
const replaced: ReadonlySet<string> = new Set([
  "user",
  "host",
  "hostaddr",
  "port",
  "dbname",
  "ssl",
  "sslmode",
  "sslrootcert",
]);

/** Variables that would lead the program, or a pool in it, to another endpoint. */
const elsewhere = ["DATABASE_READER_URL", "DATABASE_AUTH", "PGSERVICE", "PGHOSTADDR"];

/**
 * The environment of a program that shall work on one endpoint.
 *
 * @param password what it logs in with, if anything
 * @param rootsFile a file with the roots that certificates are verified against; absent: the system's
 * @param forPrisma whether the URL is read by Prisma's own engine
 */
export function childEnvironment(
  endpoint: ConfiguredEndpoint,
  password: string | undefined,
  rootsFile: string | undefined,
  environment: Environment,
  forPrisma = false,
): Environment {
  const { host, hostaddr, port, user, database, sslmode } = endpoint;
  const rest = Object.entries(environment).filter(([name]) => !elsewhere.includes(name));
  const fromParameters = Object.entries(variableOfParameter).map(([parameter, variable]) => [
    variable,
    endpoint.parameters[parameter] ?? environment[variable],
  ]);
  const tls = forPrisma ? prismaTls(sslmode) : libpqTls(sslmode, rootsFile);
  return {
    ...Object.fromEntries(rest),
    ...Object.fromEntries(fromParameters),
    DATABASE_URL: childUrl(endpoint, password, tls),
    PGHOST: host,
    ...(hostaddr === undefined ? {} : { PGHOSTADDR: hostaddr }),
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGPASSWORD: password,
    ...tlsVariables(sslmode, rootsFile),
    NODE_EXTRA_CA_CERTS: environment["NODE_EXTRA_CA_CERTS"] ?? rootsFile,
    ...(forPrisma && rootsFile !== undefined ? { SSL_CERT_FILE: rootsFile } : {}),
  };
}

/** Nothing where nothing was configured: libpq's own default encrypts where it can. */
function tlsVariables(
  mode: ConfiguredEndpoint["sslmode"],
  rootsFile: string | undefined,
): Environment {
  if (mode === undefined) return {};
  return {
    PGSSLMODE: mode,
    PGSSLROOTCERT: isVerified(mode) ? (rootsFile ?? "system") : undefined,
  };
}

export function isVerified(mode: ConfiguredEndpoint["sslmode"]): boolean {
  return mode === "verify-full" || mode === "verify-ca";
}

function libpqTls(mode: ConfiguredEndpoint["sslmode"], rootsFile: string | undefined): Environment {
  return {
    sslmode: mode,
    // The system's are left out: pg would look for a file of the name "system".
    sslrootcert: isVerified(mode) ? rootsFile : undefined,
  };
}

/**
 * Prisma's engine takes what it does not know, as `verify-full`, for `prefer`, and verifies nothing
 * unless it is told to be strict: a token would go to anybody, and in the clear to who asks for it
 * so. Its `sslcert` has room for one root; OpenSSL, by `SSL_CERT_FILE`, for all.
 *
 * @see https://www.prisma.io/docs/orm/overview/databases/postgresql
 */
function prismaTls(mode: ConfiguredEndpoint["sslmode"]): Environment {
  if (isVerified(mode)) return { sslmode: "require", sslaccept: "strict" };
  return { sslmode: mode === "allow" ? "prefer" : mode };
}

/** The URL as it was configured, with the password in it, and TLS as it has been decided. */
function childUrl(
  { host, hostaddr, port, user, database, parameters }: ConfiguredEndpoint,
  password: string | undefined,
  tls: Environment,
): string {
  const isSocket = host.startsWith("/");
  const own = {
    host: isSocket ? host : undefined,
    port: isSocket ? String(port) : undefined,
    hostaddr,
    ...tls,
  };
  const kept = Object.entries(parameters).filter(
    ([name]) => !replaced.has(name) && !Object.hasOwn(own, name),
  );
  const pairs = [...kept, ...Object.entries(own)].flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  const login = [user, ...(password === undefined ? [] : [password])].map(encodeURIComponent);
  const address = isSocket ? "" : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  return `postgres://${login.join(":")}@${address}/${encodeURIComponent(database)}${query}`;
}
