/** AWS credentials, as the SDK has them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When they end; absent: never. */
  readonly expiration?: Date;
  readonly accountId?: string;
}

/** A credential provider of the SDK, or a function of the application. */
export type CredentialsProvider = (options?: {
  readonly forceRefresh?: boolean;
}) => Promise<AwsCredentials>;

/** A token lives this long, in milliseconds, and credentials should live as long as what they sign. */
export const tokenLifeMillis = 15 * 60_000;
/** How often a provider is asked for younger credentials at most, in milliseconds. */
const askAgainMillis = 30_000;
/** Credentials as young as this are not asked for again for being refused, in milliseconds. */
const mistrustMillis = 1000;
/** How long credentials that never end are used before the provider is asked again. */
const recheckMillis = 5 * 60_000;

interface Fetched {
  readonly credentials: AwsCredentials;
  /** `Date.now()` */
  readonly fetchedAt: number;
}

/**
 * Credentials of one provider, fetched by one call at a time however many need them, and again
 * before a token that is signed with them could outlive them.
 */
export class CredentialSource {
  readonly #provider: () => Promise<CredentialsProvider>;
  #current: Fetched | undefined;
  #fetching: Promise<AwsCredentials> | undefined;
  #suspect = false;

  constructor(provider: () => Promise<CredentialsProvider>) {
    this.#provider = provider;
  }

  /** Credentials to sign with now. */
  async get(): Promise<AwsCredentials> {
    const current = this.#current;
    if (current !== undefined && !this.#isOld(current)) return current.credentials;
    try {
      return await this.#fetch();
    } catch (error) {
      if (current !== undefined && !this.#suspect && !hasEnded(current.credentials)) {
        return current.credentials;
      }
      throw error;
    }
  }

  /** What there is now, for a look. */
  get current(): AwsCredentials | undefined {
    return this.#current?.credentials;
  }

  /** When they were fetched (`Date.now()`); 0 before. */
  get fetchedAt(): number {
    return this.#current?.fetchedAt ?? 0;
  }

  /** What was signed with these has been refused: they are asked for again before they are used. */
  suspect(): void {
    this.#suspect = true;
  }

  #isOld({ credentials, fetchedAt }: Fetched): boolean {
    const now = Date.now();
    const age = now - fetchedAt;
    if ((this.#suspect && age >= mistrustMillis) || age < 0 || hasEnded(credentials)) return true;
    if (credentials.expiration === undefined) return age >= recheckMillis;
    // Some sources renew late: what is there is used until the next look.
    return credentials.expiration.getTime() - now < tokenLifeMillis && age >= askAgainMillis;
  }

  #fetch(): Promise<AwsCredentials> {
    this.#fetching ??= this.#ask().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #ask(): Promise<AwsCredentials> {
    const provider = await this.#provider();
    const credentials = await provider(this.#current === undefined ? {} : { forceRefresh: true });
    this.#current = { credentials, fetchedAt: Date.now() };
    this.#suspect = false;
    return credentials;
  }
}

function hasEnded({ expiration }: AwsCredentials): boolean {
  return expiration !== undefined && expiration.getTime() <= Date.now();
}
