import { ConfigError } from "../errors.ts";
import type { AwsCredentials, CredentialsProvider } from "./credentials.ts";
import { mostReuseMillis } from "./tokens.ts";

/** Options of `iam()`; none is needed where the platform gives the process an identity. */
export interface IamOptions {
  /**
   * The region of the database. Default: the one in its RDS host name, else `AWS_REGION`, else what
   * the SDK finds in its own configuration.
   */
  readonly region?: string;
  /**
   * The real host that tokens are signed for, where the configured one is another name of it (a
   * CNAME, an address, a tunnel), with its port where that differs: `"host"` or `"host:port"`. An
   * object gives one for each configured host. The certificate must be for it as well.
   */
  readonly hostname?: string | Readonly<Record<string, string>>;
  /** A profile of the AWS configuration files. Default: `AWS_PROFILE`, else none. */
  readonly profile?: string;
  /** Credentials, or a provider of them. Default: the SDK's default credential chain. */
  readonly credentials?: AwsCredentials | CredentialsProvider;
  /** A role to assume first: its ARN, or more. */
  readonly role?: string | IamRole;
  /**
   * How long a token is used for new connections, in milliseconds. Never beyond the end of the
   * credentials that signed it. 0: each connection gets its own. At most, and by default, 600,000 (10
   * of the 15 minutes that it is valid).
   */
  readonly reuseMillis?: number;
  /**
   * How many connections a second are opened to one endpoint, with a short burst at the start.
   * `Infinity`: any number. Default: 100; RDS asks for fewer than 200 by all processes together.
   */
  readonly connectionsPerSecond?: number;
}

/** A role that is assumed. */
export interface IamRole {
  readonly arn: string;
  /** Default: `pointsman`. */
  readonly sessionName?: string;
  readonly externalId?: string;
}

const known: readonly (keyof IamOptions)[] = [
  "region",
  "hostname",
  "profile",
  "credentials",
  "role",
  "reuseMillis",
  "connectionsPerSecond",
];

/** @throws ConfigError for the first mistake */
export function checkIamOptions(options: IamOptions): void {
  for (const name of Object.keys(options)) {
    if (!(known as readonly string[]).includes(name)) {
      throw mistake(name, `is not an option of iam(). Known are: ${known.join(", ")}.`);
    }
  }
  const { region, hostname, reuseMillis, connectionsPerSecond, credentials, profile } = options;
  if (region !== undefined && !/^[a-z0-9-]+$/.test(region)) {
    throw mistake("region", `must be a region such as "eu-west-2"; got ${shown(region)}.`);
  }
  const hosts = typeof hostname === "object" ? Object.values(hostname) : [hostname];
  for (const host of hosts) {
    if (host !== undefined && !/^[^\s:/@]+(:\d+)?$/.test(host)) {
      throw mistake("hostname", `must be "host" or "host:port"; got ${shown(host)}.`);
    }
  }
  if (reuseMillis !== undefined && !(reuseMillis >= 0 && reuseMillis <= mostReuseMillis)) {
    throw mistake(
      "reuseMillis",
      `must be from 0 to ${mostReuseMillis} (10 of a token's 15 minutes); got ${shown(reuseMillis)}.`,
    );
  }
  if (connectionsPerSecond !== undefined && !(connectionsPerSecond > 0)) {
    throw mistake("connectionsPerSecond", `must be above 0; got ${shown(connectionsPerSecond)}.`);
  }
  if (credentials !== undefined && profile !== undefined) {
    throw mistake("credentials", "and profile both say where credentials come from. Give one.");
  }
}

function mistake(name: string, problem: string): ConfigError {
  return new ConfigError(`auth.${name}`, `iam(): ${name} ${problem}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
