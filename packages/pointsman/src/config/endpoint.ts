import type { ClientConfig } from "pg";
import type { Auth } from "../auth/auth.ts";
import { sslSecrets } from "../auth/secure-options.ts";
import { decideTls, type SslMode, type TlsPolicy, tlsParameters } from "../auth/tls.ts";
import { ConfigError } from "../errors.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";
import { dialling } from "./hostaddr.ts";
import { kindOf } from "./kind-of.ts";
import { endpointOptions, type ReaderOption, readerDetails } from "./options.ts";
import { suggest } from "./suggest.ts";
import { type ParsedUrl, parseUrl } from "./url.ts";
import { checkEndpoint, checkPort } from "./validate.ts";

/** Where a server is. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** One of the host's addresses, where it has several: the certificate is for the host all the same. */
  readonly address?: string | undefined;
}

/** The name of a place, for people and to tell places apart. */
export function placeName({ host, port, address }: Place): string {
  const name = host.startsWith("/") ? host : `${host}:${port}`;
  return address === undefined ? name : `${name} (${address})`;
}

/** One endpoint: how to connect to it, and its name for people. */
export interface Endpoint {
  /** `host:port`, or the socket's folder; with the address behind it where the host has several. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** What a `pg.Client` is made of. The password, if any, is not enumerable. */
  readonly client: Readonly<ClientConfig>;
  /** The address that is connected to, where it was given beside the host. */
  readonly hostaddr: string | undefined;
  /** What its URL says behind the `?`, with the TLS of the writer where it has none of its own. */
  readonly parameters: Readonly<Record<string, string>>;
  /** How it is encrypted, in libpq's words; `undefined`: as `pg`'s own environment says. */
  readonly sslmode: SslMode | undefined;
  /** Makes the passwords of its connections. */
  readonly auth: Auth | undefined;
  /** What to do when the server does not want TLS as it is in `client`. */
  readonly otherwise: TlsPolicy["otherwise"];
  /** Its share of the connections, against other readers'. */
  readonly weight: number;
  /** Whether it is in the availability zone of this process, as far as anybody knows. */
  readonly isNear: boolean;
  /** What is not as it was configured, and why. */
  readonly warning: string | undefined;
  /**
   * Another server of the same cluster: as this one, but there.
   *
   * @throws ConfigError
   */
  readonly at: (place: Place) => Endpoint;
}

const example = 'for example "postgres://app@db.example.com:5432/shop"';

/**
 * Reads an endpoint as it was configured.
 *
 * @param option - name of the option or environment variable, for errors
 * @throws ConfigError that never shows the URL itself, since a password may be in it
 */
export function readEndpoint(option: string, value: ReaderOption): EndpointSettings {
  if (typeof value === "string") return readUrl(option, value).settings;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(
      option,
      `${option} must be a URL or an object with host, port, user, …; got ${kindOf(value)}. Give a URL, ${example}.`,
    );
  }
  for (const name of Object.keys(value)) {
    const known = option === "writer" ? endpointOptions : [...endpointOptions, ...readerDetails];
    if (known.includes(name)) continue;
    const meant = name === "hostname" ? "host" : suggest(name, known);
    throw new ConfigError(
      `${option}.${name}`,
      `There is no option ${option}.${name}. ${meant === undefined ? `Known are: ${known.toSorted().join(", ")}.` : `Did you mean ${option}.${meant}?`}`,
    );
  }
  checkEndpoint(option, value as Record<string, unknown>);
  if (value.connectionString === undefined) return { ...value };
  const { settings, rest } = readUrl(`${option}.connectionString`, value.connectionString);
  return { ...value, ...settings, connectionString: rest };
}

/** The settings in a URL, and the URL as `pg` may have it. */
export function readUrl(option: string, url: string): ParsedUrl {
  const isSocket = url.startsWith("/") || url.startsWith("socket:");
  if (!isSocket && !/^postgres(ql)?:\/\//i.test(url)) {
    throw new ConfigError(
      option,
      `${option} is not a PostgreSQL URL${url === "" ? ": it is empty" : ""}. Give one that starts with postgres://, ${example}.`,
    );
  }
  try {
    return parseUrl(url);
  } catch (error) {
    const reason = error instanceof Error && !error.message.includes(url) ? error.message : "";
    throw new ConfigError(
      option,
      `${option} cannot be read as a URL${reason === "" ? "" : ` (${reason})`}. Characters such as @ : / # in a user name or password must be percent-encoded, ${example}.`,
    );
  }
}

/** What a reader takes from the writer when it does not say it itself. */
const inherited = ["user", "password", "database"] as const;

/** Completes a reader's settings by the writer's. */
export function inherit(reader: EndpointSettings, writer: EndpointSettings): EndpointSettings {
  const tls = ["ssl", ...tlsParameters] as const;
  const saysTls = tls.some((key) => reader[key] !== undefined);
  const complete: EndpointSettings = { ...reader };
  for (const key of saysTls ? inherited : [...inherited, ...tls]) {
    if (complete[key] === undefined && writer[key] !== undefined) {
      Object.assign(complete, { [key]: writer[key] });
    }
  }
  if (saysTls || writer.parameters === undefined) return complete;
  const ofTls = Object.entries(writer.parameters).filter(([name]) => tls.includes(name as "ssl"));
  return { ...complete, parameters: { ...Object.fromEntries(ofTls), ...reader.parameters } };
}

/**
 * Decides what the settings of an endpoint mean, names and freezes it, and hides its password from
 * printing.
 *
 * @param option - name of the option or environment variable, for errors
 * @param zone - the availability zone of this process, where it is known
 * @throws ConfigError
 */
export function sealEndpoint(
  option: string,
  settings: EndpointSettings,
  auth: Auth | undefined,
  zone?: string,
): Endpoint {
  const {
    hostaddr,
    parameters = {},
    sslmode,
    sslrootcert,
    sslcert,
    sslkey,
    sslpassword,
    weight = 1,
    availabilityZone,
    ...client
  } = settings;
  const host = client.host ?? process.env["PGHOST"] ?? "localhost";
  const port = client.port ?? process.env["PGPORT"] ?? 5432;
  checkPort(client.port === undefined ? "PGPORT" : `${option}.port`, port);
  if (auth !== undefined && client.password !== undefined) {
    throw new ConfigError(
      option,
      `${option} has a password, and auth makes one. Take the password out, or leave auth (DATABASE_AUTH) out.`,
    );
  }
  const { ssl, mode, otherwise, warning } = decideTls({
    option,
    host,
    realHost: auth?.realHost?.(host),
    required: auth?.requiresTls === true,
    ssl: client.ssl,
    sslmode,
    sslrootcert,
    sslcert,
    sslkey,
    sslpassword,
  });
  if (hostaddr !== undefined) Object.assign(client, { stream: dialling(option, hostaddr, client) });
  if (ssl !== undefined) client.ssl = ssl;
  return Object.freeze({
    name: placeName({ host, port: Number(port) }),
    host,
    port: Number(port),
    client: Object.freeze(hideSecrets(client)),
    hostaddr,
    parameters: Object.freeze(parameters),
    sslmode: mode,
    auth,
    otherwise,
    weight,
    isNear: zone === undefined || availabilityZone === zone,
    warning,
    at: (place: Place) => {
      // A URL would have its own host put in place of this one.
      const { connectionString: _, hostaddr: __, ...others } = settings;
      const { host, port, address } = place;
      const there = { ...others, host, port };
      const endpoint = sealEndpoint(
        option,
        address === undefined ? there : { ...there, hostaddr: address },
        auth,
      );
      return Object.freeze({ ...endpoint, name: placeName(place) });
    },
  });
}

/**
 * Makes the secrets of pg's options invisible to `util.inspect`, `JSON.stringify` and spreading:
 * the password, a URL that may hold one, and the key of a client certificate.
 */
export function hideSecrets<T extends object>(options: T): T {
  for (const key of ["password", "connectionString"]) {
    if (key in options) {
      const value: unknown = Reflect.get(options, key);
      Object.defineProperty(options, key, {
        value,
        enumerable: false,
        writable: true,
        configurable: true,
      });
    }
  }
  const ssl: unknown = Reflect.get(options, "ssl");
  if (typeof ssl === "object" && ssl !== null) {
    const copy: object = { ...ssl };
    for (const key of sslSecrets) {
      const value: unknown = Reflect.get(ssl, key);
      if (value !== undefined) Object.defineProperty(copy, key, { value, enumerable: false });
    }
    Reflect.set(options, "ssl", copy);
  }
  return options;
}
