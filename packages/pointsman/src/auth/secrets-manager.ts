import { ConfigError, PointsmanError } from "../errors.ts";
import type { Auth } from "./auth.ts";
import { awsPackage } from "./aws-package.ts";

/** Options of {@link secretsManager}. */
export interface SecretsManagerOptions {
  /** Name or ARN of the secret. */
  readonly secretId: string;
  /** Default: what the SDK finds. */
  readonly region?: string;
  /** How long a secret is used before it is read again, in milliseconds. Default: 300,000. */
  readonly reuseMillis?: number;
  /** Reads the secret's string. Default: `GetSecretValue` of the SDK, with its default credentials. */
  readonly read?: (secretId: string) => Promise<string>;
}

/**
 * Authentication by a password in AWS Secrets Manager, as RDS keeps and rotates it: a JSON text with
 * the field `password`, or the password alone. After a refusal it is read again, and tried once.
 *
 * Needs the package `@aws-sdk/client-secrets-manager`, unless `read` is given.
 *
 * @throws ConfigError without a `secretId`
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
 *
 * @example
 * ```ts
 * import { createPool, secretsManager } from "pointsman";
 *
 * const pool = createPool({
 *   host: "db.internal",
 *   user: "app",
 *   auth: secretsManager({ secretId: "shop/database" }),
 * });
 * ```
 */
export function secretsManager(options: SecretsManagerOptions): Auth {
  const { secretId, region, reuseMillis = 300_000 } = options;
  if (typeof secretId !== "string" || secretId === "") {
    throw new ConfigError("auth.secretId", "secretsManager() needs a secretId: a name or an ARN.");
  }
  const read = options.read ?? ((id: string) => readSecret(id, region));
  let known: { readonly password: string; readonly readAt: number } | undefined;
  let reading: Promise<string> | undefined;

  const readAgain = async (): Promise<string> => {
    const password = passwordIn(await read(secretId), secretId);
    known = { password, readAt: Date.now() };
    return password;
  };
  return {
    name: "secretsManager",
    async password() {
      const age = Date.now() - (known?.readAt ?? 0);
      if (known !== undefined && age >= 0 && age < reuseMillis) return known.password;
      reading ??= readAgain().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    refused(_endpoint, password) {
      if (known?.password === password) known = undefined;
      return {
        retry: true,
        explanation: `The password is that of the secret ${secretId}. Is it the one of this user, and has its rotation finished?`,
      };
    },
  };
}

async function readSecret(secretId: string, region: string | undefined): Promise<string> {
  const { SecretsManagerClient, GetSecretValueCommand } = await awsPackage(
    "@aws-sdk/client-secrets-manager",
    "secretsManager()",
  );
  const client = new SecretsManagerClient(region === undefined ? {} : { region });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return SecretString ?? "";
  } finally {
    client.destroy();
  }
}

function passwordIn(secret: string, secretId: string): string {
  const unusable = (why: string): PointsmanError =>
    new PointsmanError("PASSWORD_UNAVAILABLE", `The secret ${secretId} ${why}.`);
  if (secret === "") throw unusable("has no text");
  if (!secret.trimStart().startsWith("{")) return secret;
  let fields: { password?: unknown };
  try {
    fields = JSON.parse(secret) as { password?: unknown };
  } catch {
    // A password may begin with a brace.
    return secret;
  }
  if (typeof fields.password === "string" && fields.password !== "") return fields.password;
  throw unusable('is JSON without the field "password"');
}
