import type { IncomingMessage } from "node:http";
import { warn } from "../telemetry/warnings.ts";
import { type Carrying, type CarryOptions, checkCarryOptions } from "./carry-options.ts";
import { readCookies, tokensOfCookies } from "./cookie.ts";
import type { SessionHost } from "./session-host.ts";
import { rememberSession } from "./session-of.ts";
import { tokensOfHeader } from "./token-text.ts";
import { type Keeper, Trip } from "./trip.ts";
import { within } from "./within.ts";

/** A header of a request by its lower-case name. */
export type HeaderOf = (name: string) => string | undefined;

/** The headers of a request of `node:http`. */
export function headersOf({ headers }: IncomingMessage): HeaderOf {
  // What came several times has been joined, but for headers that no request has.
  return (name) => headers[name]?.toString();
}

/** Opens the sessions of requests. What is specific to a framework is around it. */
export class Carrier<Request extends object> {
  readonly #host: SessionHost;
  readonly #carrying: Carrying<Request>;
  /** The store has failed, and that has been told. */
  #outage = false;

  /** @throws ConfigError for the first mistake in the options */
  constructor(host: SessionHost, options: CarryOptions<Request>) {
    this.#host = host;
    this.#carrying = checkCarryOptions(options);
  }

  /** Whether a response may have to wait for the store. */
  get hasStore(): boolean {
    return this.#carrying.store !== undefined;
  }

  /**
   * Runs `fn` in a session that has seen what the request's tokens have seen: at once, or where the
   * store must be asked first, after that.
   *
   * @returns what `fn` returns, or a promise of it
   */
  open<T>(
    request: Request,
    headerOf: HeaderOf,
    fn: (trip: Trip<Request>) => T,
  ): T | Promise<Awaited<T>> {
    const { cookie, header } = this.#carrying;
    const cookies = cookie === undefined ? [] : readCookies(headerOf("cookie"), cookie.name);
    const carried = tokensOfCookies(cookies);
    if (header !== undefined) carried.push(...tokensOfHeader(headerOf(header)));
    const run = (kept: readonly string[]): T =>
      this.#host.session((session) => {
        for (const token of carried) session.see(token);
        for (const token of kept) session.see(token);
        rememberSession(request, session);
        return fn(new Trip({ request, session, cookies, kept }, this.#carrying, this.#keeper));
      });
    const user = this.#userOf(request);
    if (user === undefined) return run([]);
    return this.#kept(user).then(run) as Promise<Awaited<T>>;
  }

  readonly #keeper: Keeper<Request> = {
    userOf: (request) => this.#userOf(request),
    keep: async (user, token, replaces) => {
      const { store, maxAgeSeconds } = this.#carrying;
      await this.#ask("Keeping a token in the store", () =>
        store?.set(user, token, { maxAgeSeconds, replaces }),
      );
    },
    failed: (error) => {
      this.#failed(error);
    },
  };

  async #kept(user: string): Promise<readonly string[]> {
    const { store } = this.#carrying;
    const kept = await this.#ask("Reading tokens from the store", () => store?.get(user));
    return kept === undefined ? [] : typeof kept === "string" ? [kept] : kept;
  }

  async #ask<T>(what: string, call: () => Promise<T> | undefined): Promise<T | undefined> {
    try {
      const answer = await within((async () => call())(), this.#carrying.timeoutMillis, what);
      this.#outage = false;
      return answer;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #userOf(request: Request): string | undefined {
    if (!this.hasStore) return undefined;
    try {
      return this.#carrying.userId(request) || undefined;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error: unknown): void {
    const { onError } = this.#carrying;
    if (onError !== undefined) {
      onError(error);
      return;
    }
    if (this.#outage) return;
    this.#outage = true;
    const told = error instanceof Error ? error.message : String(error);
    warn(
      "POINTSMAN_TOKEN_STORE_FAILED",
      `The token of a session could not be read from its store or kept there (${told}). Until that works, reads may miss what the same user has written on another device.`,
    );
  }
}
