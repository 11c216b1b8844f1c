/** Where a connection is being opened to, and as whom. */
export interface AuthEndpoint {
  /** As it was configured. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** Why a password was refused, as far as the one who made it can tell. */
export interface Refusal {
  /** Another call of `password` may give one that is accepted; it is then tried once. */
  readonly retry: boolean;
  /** What was tried and what is to be checked, for the error. Never the password. */
  readonly explanation: string;
}

/** Gives the password for each new connection. */
export interface Auth {
  /** What errors call it, such as `IAM`. Default: `auth`. */
  readonly name?: string;
  /**
   * The password for a connection that is being opened now. Called once for each new connection,
   * when the server asks for it.
   */
  password(endpoint: AuthEndpoint): string | Promise<string>;
  /** Called when the server has refused what `password` gave. */
  refused?(endpoint: AuthEndpoint, password: string): Refusal;
  /**
   * Facts for whoever looks into a problem, such as who the process is and what a password would be
   * made for. Never a secret.
   *
   * @throws when no password could be made
   */
  describe?(endpoint: AuthEndpoint): Promise<Readonly<Record<string, string>>>;
  /** The password must not travel without verified TLS. Default: `false`. */
  readonly requiresTls?: boolean;
  /** The real name of a host that is configured by another: what its certificate must be for. */
  realHost?(host: string): string | undefined;
  /** How many connections a second may be opened to one endpoint. Default: any number. */
  readonly connectionsPerSecond?: number;
}

/** What the option `auth` takes. */
export type AuthOption = "iam" | Auth | Auth["password"];
