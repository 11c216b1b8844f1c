import { PointsmanError } from "../errors.ts";
import { reasonFrom } from "../reason-from.ts";
import type { AuthEndpoint } from "./auth.ts";
import type { AwsCredentials } from "./credentials.ts";
import type { SigningTarget } from "./tokens.ts";

/** Who tokens are signed as, as far as it is known without a network call. */
export interface Identity {
  readonly arn: string | undefined;
  readonly profile: string | undefined;
}

/** What was tried. */
export interface Attempt {
  readonly endpoint: AuthEndpoint;
  readonly target: SigningTarget;
  readonly token: string;
  readonly identity: Identity;
  readonly credentials: AwsCredentials | undefined;
}

/** No credentials of a role live longer than this, in milliseconds. */
const longestRoleMillis = 36 * 3_600_000;

/** Tells what was tried and what to check, since the server gives one reason for all causes. */
export function explainRefusal(attempt: Attempt): string {
  const { endpoint, target, token, credentials } = attempt;
  const { region, signedAt } = readToken(token);
  const now = Date.now();
  const signedFor =
    target.hostname === endpoint.host && target.port === endpoint.port
      ? ""
      : `signed for ${target.hostname}:${target.port}, `;
  const age = signedAt === undefined ? "unknown" : seconds(now - signedAt);
  const tried = `Tried: ${endpoint.host}:${endpoint.port}, ${signedFor}user ${endpoint.user}, region ${region ?? "unknown"}, identity ${identityText(attempt.identity, credentials)}, token age ${age}.`;
  const account = credentials?.accountId ?? "<account>";
  const causes = [
    `the user lacks the role: GRANT rds_iam TO "${endpoint.user.replaceAll('"', '""')}"`,
    `the identity's policy does not allow rds-db:connect on arn:aws:rds-db:${region ?? "<region>"}:${account}:dbuser:<resource id>/${endpoint.user} (the resource id begins with cluster-, db- or prx-; it is not the name)`,
    "IAM authentication is not enabled on the instance or cluster",
    "this machine's clock is more than 5 minutes off",
    "TLS is off",
    "more than 200 connections a second are being opened",
  ].map((cause, index) => `(${index + 1}) ${cause}`);
  return [
    tried,
    ...clockHint(credentials, now),
    `Usual causes: ${causes.join("; ")}.`,
    "The server's own reason is in the CloudWatch log iam-db-auth-error.",
  ].join(" ");
}

/** Why no token could be made, with the remedy where the SDK does not tell one. */
export function explainFailure(error: unknown, { hostname, region }: SigningTarget): unknown {
  const { name, message } = error as Error;
  if (region === undefined && /region/i.test(message)) {
    return new PointsmanError(
      "PASSWORD_UNAVAILABLE",
      `IAM does not know the region of ${hostname}, which is no host name of RDS. Give iam({ region }) or set AWS_REGION; iam({ hostname }) when it is another name of an RDS host.`,
      { cause: error },
    );
  }
  if (name === "CredentialsProviderError") {
    return new PointsmanError(
      "PASSWORD_UNAVAILABLE",
      `IAM has no AWS credentials to sign with: ${reasonFrom(error)}. Give the process an identity: a role of its platform, a profile (AWS_PROFILE, after aws sso login), or keys.`,
      { cause: error },
    );
  }
  return error;
}

/** Who tokens are signed as, for people. */
export function identityText(identity: Identity, credentials: AwsCredentials | undefined): string {
  const known = [
    identity.arn,
    identity.profile === undefined ? undefined : `profile ${identity.profile}`,
    credentials?.accountId === undefined ? undefined : `account ${credentials.accountId}`,
  ].filter((part) => part !== undefined);
  return known.length > 0 ? known.join(", ") : "unknown (aws sts get-caller-identity tells)";
}

/** Temporary credentials carry a time of AWS's own clock, which tells when ours is far off. */
function clockHint(credentials: AwsCredentials | undefined, now: number): string[] {
  const left = (credentials?.expiration?.getTime() ?? now + 1) - now;
  if (left <= 0) {
    return [
      `The clock of this machine is probably fast, or the source of credentials is stuck: it gives credentials that ended ${seconds(-left)} ago.`,
    ];
  }
  if (left > longestRoleMillis) {
    return [
      `The clock of this machine is probably slow: its credentials seem to live for ${Math.round(left / 3_600_000)} more hours, which none do.`,
    ];
  }
  return [];
}

/** The parts of a token that are no secret. */
function readToken(token: string): { region: string | undefined; signedAt: number | undefined } {
  const query = new URLSearchParams(token.slice(token.indexOf("?") + 1));
  const region = query.get("X-Amz-Credential")?.split("/")[2];
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  if (date === null) return { region, signedAt: undefined };
  const [, year, month, day, hour, minute, second] = date;
  return { region, signedAt: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) };
}

function seconds(millis: number): string {
  return `${Math.max(0, Math.round(millis / 1000))} s`;
}
