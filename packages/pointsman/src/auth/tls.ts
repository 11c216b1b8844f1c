import { readFileSync } from "node:fs";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";
import { ConfigError } from "../errors.ts";
import { rdsHost } from "./rds-host.ts";
import { rdsRoots } from "./trusted-roots.ts";

/**
 * What libpq calls `sslmode`, and what it means there.
 *
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export const sslModes = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
] as const;
export type SslMode = (typeof sslModes)[number];

/** What was configured about TLS for one endpoint, in any way. */
export interface TlsSettings {
  /** Given in code: it is stronger than all below. */
  readonly ssl?: boolean | ConnectionOptions | undefined;
  /** Parameters of a URL. */
  readonly sslmode?: string | undefined;
  readonly sslrootcert?: string | undefined;
  readonly sslcert?: string | undefined;
  readonly sslkey?: string | undefined;
  readonly sslpassword?: string | undefined;
}

/** The parameters of {@link TlsSettings} that a URL can have. */
export const tlsParameters = [
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
] as const satisfies readonly (keyof TlsSettings)[];

export interface TlsQuestion extends TlsSettings {
  /** What errors call the endpoint, such as `writer`. */
  readonly option: string;
  readonly host: string;
  /** The host's real name, where `host` is another name of it. */
  readonly realHost: string | undefined;
  /** The password must not travel without verified TLS. */
  readonly required: boolean;
}

/** How connections to an endpoint are encrypted. */
export interface TlsPolicy {
  /** For `pg`; `undefined` leaves it to `pg`'s own environment. */
  readonly ssl: boolean | ConnectionOptions | undefined;
  /** The same in libpq's words. */
  readonly mode: SslMode | undefined;
  /** What to do when the server does not want it so: libpq's `prefer` and `allow`. */
  readonly otherwise?: "plain" | ConnectionOptions;
  /** What is not as it was configured, and why. */
  readonly warning?: string;
}

/**
 * Decides how an endpoint is connected to.
 *
 * @throws ConfigError for an unknown `sslmode`, one too weak for `sslrootcert=system`, a file that
 * cannot be read, and for no TLS where it is required
 */
export function decideTls(question: TlsQuestion): TlsPolicy {
  const { ssl, required, option } = question;
  const name = rdsHost(question.host) ?? rdsHost(question.realHost ?? "");
  const raised = required || name !== undefined;
  if (ssl !== undefined) {
    if (required && ssl === false) throw withoutTls(option);
    if (ssl === false) return { ssl, mode: "disable" };
    return { ssl: verifying(ssl === true ? {} : ssl, question, raised), mode: sslModeOf(ssl) };
  }
  const mode = modeOf(question);
  if (raised) {
    const policy = {
      ssl: verifying(filesOf(question), question, true),
      mode: "verify-full",
    } as const;
    if (mode === undefined || mode === "verify-full") return policy;
    return {
      ...policy,
      warning: `sslmode=${mode} of ${option} is raised to verify-full, since ${required ? "its password is a token that must not reach anybody else" : "its host is one of RDS"}. Give an ssl object in code if something weaker is really meant.`,
    };
  }
  if (mode === undefined) return { ssl, mode };
  if (question.sslrootcert === "system" && mode !== "verify-full") {
    throw new ConfigError(
      option,
      `${option} has sslmode=${mode} with sslrootcert=system, which libpq refuses: anybody can get a certificate from the system's authorities, so the name must be verified too. Say sslmode=verify-full, or leave sslmode out.`,
    );
  }
  const verifies = mode === "require" && question.sslrootcert !== undefined;
  return { ...libpqPolicy(mode, question), mode: verifies ? "verify-ca" : mode };
}

/** What TLS options mean in libpq's words. */
export function sslModeOf(ssl: true | ConnectionOptions): SslMode {
  if (ssl === true) return "verify-full";
  if (ssl.rejectUnauthorized === false) return "require";
  return ssl.checkServerIdentity === undefined ? "verify-full" : "verify-ca";
}

/** What a mode means for a server that is not one of RDS. */
function libpqPolicy(mode: SslMode, question: TlsQuestion): Omit<TlsPolicy, "mode"> {
  const unverified = { ...filesOf(question), rejectUnauthorized: false };
  switch (mode) {
    case "disable":
      return { ssl: false };
    case "allow":
      return { ssl: false, otherwise: unverified };
    case "prefer":
      return { ssl: unverified, otherwise: "plain" };
    case "require":
      if (question.sslrootcert === undefined) return { ssl: unverified };
      return { ssl: withoutName(filesOf(question)) };
    case "verify-ca":
      return { ssl: withoutName(filesOf(question)) };
    case "verify-full":
      return { ssl: verifying(filesOf(question), question, false) };
  }
}

function modeOf({ sslmode, option, sslrootcert }: TlsQuestion): SslMode | undefined {
  if (sslmode === undefined) return sslrootcert === undefined ? undefined : "verify-full";
  if ((sslModes as readonly string[]).includes(sslmode)) return sslmode as SslMode;
  throw new ConfigError(
    option,
    `${option} has sslmode=${sslmode}, which does not exist. Known are: ${sslModes.join(", ")}.`,
  );
}

/** Verifies chain and name: against what was given, else against the system's roots. */
function verifying(
  ssl: ConnectionOptions,
  { host, realHost }: TlsQuestion,
  rds: boolean,
): ConnectionOptions {
  const { ca, secureContext, rejectUnauthorized, servername } = ssl;
  const ownRoots = ca !== undefined || secureContext !== undefined || rejectUnauthorized === false;
  const name = servername ?? realHost;
  const named = name !== undefined && name !== host && ssl.checkServerIdentity === undefined;
  return {
    ...ssl,
    ...(rds && !ownRoots ? { [rdsRoots]: true } : {}),
    // pg puts the host that it connects to in place of servername.
    ...(named ? { checkServerIdentity: identityCheck(name) } : {}),
  };
}

function withoutName(ssl: ConnectionOptions): ConnectionOptions {
  return { ...ssl, checkServerIdentity: () => undefined };
}

function identityCheck(name: string): NonNullable<ConnectionOptions["checkServerIdentity"]> {
  return (_host: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate);
}

/** The files that a URL names, read. */
function filesOf({ option, ...files }: TlsQuestion): ConnectionOptions {
  const read = (parameter: "sslrootcert" | "sslcert" | "sslkey"): string | undefined => {
    const path = files[parameter];
    if (path === undefined || (parameter === "sslrootcert" && path === "system")) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new ConfigError(
        option,
        `${parameter} of ${option} cannot be read: ${(error as Error).message}`,
        { cause: error },
      );
    }
  };
  const parts: ConnectionOptions = {
    ca: read("sslrootcert"),
    cert: read("sslcert"),
    key: read("sslkey"),
    passphrase: files.sslpassword,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}

function withoutTls(option: string): ConfigError {
  return new ConfigError(
    option,
    `${option} has ssl: false, but auth needs TLS: its password is a token that lets whoever reads it in as this user. Leave ssl out.`,
  );
}
