import { timingSafeEqual } from "node:crypto";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { IssuedCredentials } from "./credentials.ts";
import type { RefusalCause } from "./refusals.ts";

/** What a token must be for. */
export interface TokenTarget {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly region: string;
}

export interface TokenRules {
  /** The time at the gateway; milliseconds since 1970. */
  readonly now: number;
  /** How long after its date a token is accepted, whatever it says itself; in milliseconds. */
  readonly acceptedForMs: number;
  /** The credentials with an access key, if there are any. */
  readonly credentials: (accessKeyId: string) => IssuedCredentials | undefined;
}

const SERVICE = "rds-db";
const LONGEST_LIFE_S = 900;
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Why RDS would not take a token; `undefined` when it would. */
export async function whyRefused(
  text: string,
  target: TokenTarget,
  rules: TokenRules,
): Promise<RefusalCause | undefined> {
  if (text === "") return "empty";
  const token = parse(text);
  if (token === undefined) return "malformed";
  if (token.hostname.toLowerCase() !== target.hostname) return "wrong-host";
  if (token.port !== target.port) return "wrong-port";
  if (token.query["DBUser"] !== target.user) return "wrong-user";
  if (token.region !== target.region) return "wrong-region";
  if (token.expiresS > LONGEST_LIFE_S) return "lifetime-too-long";
  if (token.date > rules.now + CLOCK_TOLERANCE_MS) return "from-the-future";
  const acceptedForMs = Math.min(token.expiresS * 1000, rules.acceptedForMs);
  if (rules.now > token.date + acceptedForMs) return "expired";
  const credentials = rules.credentials(token.accessKeyId);
  if (credentials === undefined) return "unknown-key";
  if (rules.now >= credentials.expires) return "credentials-expired";
  if (token.sessionToken !== credentials.sessionToken) return "wrong-session-token";
  const signature = await sign(token, credentials);
  return timingSafeEqual(Buffer.from(signature), Buffer.from(token.signature))
    ? undefined
    : "wrong-signature";
}

interface Token {
  /** As it is written in the token. */
  readonly hostname: string;
  readonly port: number;
  /** What is signed beside the fields below. */
  readonly query: Readonly<Record<string, string>>;
  readonly accessKeyId: string;
  readonly region: string;
  /** When it was made; milliseconds since 1970. */
  readonly date: number;
  /** How long it says that it is good for, in seconds. */
  readonly expiresS: number;
  readonly sessionToken: string | undefined;
  /** 64 hexadecimal digits. */
  readonly signature: string;
}

function parse(text: string): Token | undefined {
  const [, hostname, port, search] = /^([\w.-]+):(\d{1,5})\/\?(.+)$/.exec(text) ?? [];
  const parameters = search === undefined ? undefined : parseQuery(search);
  if (hostname === undefined || parameters === undefined) return undefined;
  const {
    "X-Amz-Algorithm": algorithm,
    "X-Amz-Credential": credential = "",
    "X-Amz-Date": longDate = "",
    "X-Amz-Expires": expires = "",
    "X-Amz-Security-Token": sessionToken,
    "X-Amz-SignedHeaders": signedHeaders,
    "X-Amz-Signature": signature = "",
    ...query
  } = parameters;
  const [accessKeyId = "", day, region = "", ...service] = credential.split("/");
  const date = parseDate(longDate);
  if (
    query["Action"] !== "connect" ||
    algorithm !== "AWS4-HMAC-SHA256" ||
    signedHeaders !== "host" ||
    service.join("/") !== `${SERVICE}/aws4_request` ||
    date === undefined ||
    day !== longDate.slice(0, 8) ||
    !/^[1-9]\d{0,8}$/.test(expires) ||
    !/^[0-9a-f]{64}$/.test(signature)
  ) {
    return undefined;
  }
  return {
    hostname,
    port: Number(port),
    query,
    accessKeyId,
    region,
    date,
    expiresS: Number(expires),
    sessionToken,
    signature,
  };
}

/** The parameters of a query; `undefined` when one is there twice or not rightly encoded. */
function parseQuery(search: string): Record<string, string> | undefined {
  const parameters: Record<string, string> = Object.create(null);
  for (const pair of search.split("&")) {
    const equals = pair.indexOf("=");
    if (equals < 0) return undefined;
    try {
      const name = decodeURIComponent(pair.slice(0, equals));
      if (name in parameters) return undefined;
      parameters[name] = decodeURIComponent(pair.slice(equals + 1));
    } catch {
      return undefined;
    }
  }
  return parameters;
}

function parseDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** The signature that a token must have, by AWS's own code. */
async function sign(token: Token, credentials: IssuedCredentials): Promise<string> {
  const signer = new SignatureV4({
    service: SERVICE,
    region: token.region,
    credentials,
    sha256: Sha256,
  });
  const presigned = await signer.presign(
    {
      method: "GET",
      protocol: "https:",
      hostname: token.hostname,
      port: token.port,
      path: "/",
      query: { ...token.query },
      headers: { host: `${token.hostname}:${token.port}` },
    },
    { signingDate: new Date(token.date), expiresIn: token.expiresS },
  );
  return String(presigned.query?.["X-Amz-Signature"]);
}
