import type { Client } from "pg";
import type { ConfiguredEndpoint } from "pointsman/endpoints";
import type { CertificateFacts } from "./checks/certificate.ts";
import type { Secrets } from "./secrets.ts";

/** One endpoint that is being looked at, and what the checks so far have learnt of it. */
export interface Visit {
  readonly endpoint: ConfiguredEndpoint;
  /** What was configured; `auth` makes its own. */
  readonly password: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly secrets: Secrets;
  /** The writer, when this is a reader. */
  readonly writer: Visit | undefined;
  certificate?: CertificateFacts;
  /** When the credentials end that sign tokens. */
  credentialsEnd?: Date;
  /** For which tokens are signed, where the host's name or the options tell it. */
  region?: string;
  /** Logged in. */
  client?: Client;
  isStandby?: boolean;
}

/** The one row that a statement gives. */
export async function ask<Row extends object>(
  { client }: Visit,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  if (client === undefined) throw new Error("There is no connection.");
  const { rows } = await client.query<Row>(text, [...values]);
  return rows[0] as Row;
}
