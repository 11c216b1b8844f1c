import type { Auth, AuthEndpoint } from "../auth/auth.ts";
import { PointsmanError } from "../errors.ts";

/** What a server answers when it does not let somebody in. */
const refusals: ReadonlySet<unknown> = new Set(["28P01", "28000"]);

/** One attempt to log in with a password that `auth` makes. */
export class Login {
  readonly #auth: Auth;
  #given: { readonly endpoint: AuthEndpoint; readonly password: string } | undefined;

  constructor(auth: Auth) {
    this.#auth = auth;
  }

  /**
   * The password, made when the server asks for it.
   *
   * @throws PointsmanError `PASSWORD_UNAVAILABLE`, `PACKAGE_MISSING`
   */
  async password({ host, port, user, database }: AuthEndpoint): Promise<string> {
    const endpoint = { host, port, user, database };
    let password: unknown;
    try {
      password = await this.#auth.password(endpoint);
    } catch (error) {
      if (error instanceof PointsmanError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PointsmanError(
        "PASSWORD_UNAVAILABLE",
        `${this.#name} could not make a password for ${host}:${port}: ${reason}`,
        { cause: error },
      );
    }
    if (typeof password !== "string" || password === "") {
      throw new PointsmanError(
        "PASSWORD_UNAVAILABLE",
        `${this.#name} gave no password for ${host}:${port}, but ${password === "" ? "an empty text" : typeof password}.`,
      );
    }
    this.#given = { endpoint, password };
    return password;
  }

  /**
   * What a failure to connect means: an error that says what was tried, when it was the password
   * that was refused, and whether another attempt may succeed.
   */
  failed(error: Error): { readonly error: Error; readonly retry: boolean } {
    const { code } = error as { code?: unknown };
    if (!refusals.has(code)) return { error, retry: false };
    const given = this.#given;
    if (given === undefined) return { error, retry: false };
    const { endpoint, password } = given;
    const refusal = this.#auth.refused?.(endpoint, password);
    const message = `${endpoint.host}:${endpoint.port} refused the login of ${endpoint.user} by ${this.#name}: ${error.message}. ${refusal?.explanation ?? ""}`;
    return {
      error: new PointsmanError("AUTHENTICATION_FAILED", message.trim(), { cause: error }),
      retry: refusal?.retry ?? false,
    };
  }

  get #name(): string {
    return this.#auth.name ?? "auth";
  }
}
