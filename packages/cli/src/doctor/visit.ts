import type { Client } from "pg";
import type { ConfiguredEndpoint, TablePattern } from "pointsman/endpoints";
import { codeOf } from "../errors.ts";
import type { Secrets } from "../secrets.ts";
import type { CertificateFacts } from "./checks/certificate.ts";
import type { WallFacts } from "./wall/facts.ts";

/** One endpoint that is being looked at, and what the checks so far have learnt of it. */
export interface Visit {
  readonly endpoint: ConfiguredEndpoint;
  /** What was configured; `auth` makes its own. */
  readonly password: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly secrets: Secrets;
  /** The writer, when this is a reader. */
  readonly writer: Visit | undefined;
  /** What a service that must not write may write all the same; `undefined`: it may write. */
  readonly allowedWrites: readonly TablePattern[] | undefined;
  certificate?: CertificateFacts;
  /** When the credentials end that sign tokens. */
  credentialsEnd?: Date;
  /** For which tokens are signed, where the host's name or the options tell it. */
  region?: string;
  /** Logged in. */
  client?: Client;
  isStandby?: boolean;
  /** What the server has reported of its role by itself, at login. */
  reportedStandby?: boolean | undefined;
  /** Of its role, where that must not write. */
  wall?: WallFacts;
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

/** `undefined` where the server has no such function, or none that works, as it is on Aurora. */
export async function told<Row extends object>(
  visit: Visit,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row | undefined> {
  try {
    return await ask<Row>(visit, text, values);
  } catch (error) {
    const code = codeOf(error);
    if (code === "0A000" || code === "55000" || code === "42883" || code === "42501") {
      return undefined;
    }
    throw error;
  }
}
