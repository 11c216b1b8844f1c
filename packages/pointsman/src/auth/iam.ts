import type { Auth, AuthEndpoint, Refusal } from "./auth.ts";
import { awsPackage } from "./aws-package.ts";
import { CredentialSource, type CredentialsProvider } from "./credentials.ts";
import { checkIamOptions, type IamOptions } from "./iam-options.ts";
import { explainFailure, explainRefusal, type Identity, identityText } from "./iam-refusal.ts";
import { rdsHost } from "./rds-host.ts";
import { type SigningTarget, TokenMaker } from "./tokens.ts";

const packages = ["@aws-sdk/rds-signer", "@aws-sdk/credential-providers"] as const;

/**
 * Authentication by IAM: each new connection is opened with a token that is signed for the host,
 * port and user that it goes to, with whatever AWS identity the process has. There is no password.
 * TLS is required, and verified.
 *
 * Needs the packages `@aws-sdk/rds-signer` and `@aws-sdk/credential-providers`.
 *
 * @param options - see {@link IamOptions}
 * @throws ConfigError for options that make no sense
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
 *
 * @example
 * ```ts
 * import { createPool, iam } from "pointsman";
 *
 * const pool = createPool({
 *   writer: "postgres://app@shop.cluster-c1.eu-west-2.rds.amazonaws.com/shop",
 *   reader: "postgres://app@shop.cluster-ro-c1.eu-west-2.rds.amazonaws.com/shop",
 *   auth: iam(),
 * });
 * ```
 */
export function iam(options: IamOptions = {}): Auth {
  checkIamOptions(options);
  return new Iam(options);
}

class Iam implements Auth {
  readonly name = "IAM";
  readonly requiresTls = true;
  readonly connectionsPerSecond: number;
  readonly #hostname: IamOptions["hostname"];
  readonly #region: string | undefined;
  readonly #identity: Identity;
  readonly #credentials: CredentialSource;
  readonly #tokens: TokenMaker;

  constructor(options: IamOptions) {
    this.connectionsPerSecond = options.connectionsPerSecond ?? 100;
    this.#hostname = options.hostname;
    this.#region = options.region;
    this.#identity = identityOf(options);
    this.#credentials = new CredentialSource(() => providerOf(options));
    this.#tokens = new TokenMaker(
      this.#credentials,
      async (target, credentials) => {
        const { Signer } = await awsPackage("@aws-sdk/rds-signer", "IAM authentication", packages);
        const { hostname, port, username, region } = target;
        const signer = new Signer({
          hostname,
          port,
          username,
          credentials,
          ...(region === undefined ? {} : { region }),
          ...(options.profile === undefined ? {} : { profile: options.profile }),
        });
        return signer.getAuthToken();
      },
      options.reuseMillis,
    );
  }

  async password(endpoint: AuthEndpoint): Promise<string> {
    const target = this.#target(endpoint);
    return this.#tokens.token(target).catch((error) => {
      throw explainFailure(error, target);
    });
  }

  refused(endpoint: AuthEndpoint, password: string): Refusal {
    const target = this.#target(endpoint);
    const retry = this.#tokens.refused(target, password);
    const explanation = explainRefusal({
      endpoint,
      target,
      token: password,
      identity: this.#identity,
      credentials: this.#credentials.current,
    });
    return { retry, explanation };
  }

  async describe(endpoint: AuthEndpoint): Promise<Readonly<Record<string, string>>> {
    const { hostname, port, username, region } = this.#target(endpoint);
    const credentials = await this.#credentials.get();
    return {
      identity: identityText(this.#identity, credentials),
      "credentials end": credentials.expiration?.toISOString() ?? "never",
      "signed for": `${username} at ${hostname}:${port}`,
      region: region ?? "as the SDK finds it",
    };
  }

  realHost(host: string): string | undefined {
    return this.#realAddress(host)?.hostname;
  }

  #target({ host, port, user }: AuthEndpoint): SigningTarget {
    const real = this.#realAddress(host);
    const hostname = real?.hostname ?? host;
    return {
      hostname,
      port: real?.port ?? port,
      username: user,
      region: this.#region ?? rdsHost(hostname)?.region,
    };
  }

  #realAddress(host: string): { hostname: string; port: number | undefined } | undefined {
    const named = typeof this.#hostname === "string" ? this.#hostname : this.#hostname?.[host];
    if (named === undefined) return undefined;
    const [hostname, port] = named.split(":") as [string, string?];
    return { hostname, port: port === undefined ? undefined : Number(port) };
  }
}

/** The provider that the options ask for, made by the SDK. */
async function providerOf({
  credentials,
  profile,
  role,
  region,
}: IamOptions): Promise<CredentialsProvider> {
  const own = typeof credentials === "object" ? async () => credentials : credentials;
  if (own !== undefined && role === undefined) return own;
  const sdk = await awsPackage("@aws-sdk/credential-providers", "IAM authentication", packages);
  const base = own ?? sdk.fromNodeProviderChain(profile === undefined ? {} : { profile });
  if (role === undefined) return base;
  const {
    arn,
    sessionName = "pointsman",
    externalId,
  } = typeof role === "string" ? { arn: role } : role;
  const assumed = sdk.fromTemporaryCredentials({
    masterCredentials: base as never,
    params: {
      RoleArn: arn,
      RoleSessionName: sessionName,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    ...(region === undefined ? {} : { clientConfig: { region } }),
  });
  // The SDK passes options on that its types do not have: forceRefresh is one.
  return assumed as CredentialsProvider;
}

/** Who the tokens are signed as, as far as it is known without asking anybody. */
function identityOf({ role, profile }: IamOptions): Identity {
  const arn = (typeof role === "string" ? role : role?.arn) ?? process.env["AWS_ROLE_ARN"];
  return { arn, profile: profile ?? process.env["AWS_PROFILE"] };
}
