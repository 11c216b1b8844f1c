import { ConfigError } from "../errors.ts";
import type { CookieForm } from "./cookie.ts";
import type { TokenStore } from "./token-store.ts";

/** How the token of a session travels from a response to the next request. */
export interface CarryOptions<Request> {
  /**
   * Carries the token in cookies whose names begin with this, or not at all (`false`).
   *
   * Default: `"__Host-pointsman"`, with `secure: false` `"pointsman"`; `false` where `header` is
   * given.
   */
  readonly cookie?: string | false | undefined;
  /**
   * Carries the token in a header of this name, in both directions, for clients that keep no
   * cookies. A client sends what it was given last, or several with commas in between: of requests
   * that overlap it cannot know whose token is the newest. Default: none.
   */
  readonly header?: string | undefined;
  /**
   * How long a token is of use, in seconds: about the longest lag of a reader that is worth caring
   * about. Afterwards the client's reads are served by readers as they are. Default: 60.
   */
  readonly maxAgeSeconds?: number | undefined;
  /** Cookies travel over HTTPS alone. `false` for development over HTTP. Default: `true`. */
  readonly secure?: boolean | undefined;
  /** The cookies' `SameSite`; `"none"` for a page inside pages of other sites. Default: `"lax"`. */
  readonly sameSite?: "lax" | "strict" | "none" | undefined;
  /**
   * Where tokens are kept by user, so that another device sees the user's writes, too. Needs
   * `userId`. Default: none.
   */
  readonly store?: TokenStore | undefined;
  /**
   * Who sends the request; `undefined`: nobody that is known. It is asked when the request comes
   * in, and again when the response leaves, when a handler may have logged somebody in.
   */
  readonly userId?: ((request: Request) => string | undefined) | undefined;
  /**
   * How long a request waits for the store, and how long its response waits for the store and for
   * writes that are under way, in milliseconds. Neither can make a request fail. Default: 500.
   */
  readonly timeoutMillis?: number | undefined;
  /**
   * Is told of a write that ended when the headers had left, and could not carry its token any
   * more. With a store the token has been kept there.
   */
  readonly onLateWrite?: ((late: LateWrite<Request>) => void) | undefined;
  /**
   * Is told what the store or `userId` has thrown, or that the store was too slow. Default: a
   * process warning `POINTSMAN_TOKEN_STORE_FAILED`, once until the store works again.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A write whose token no header could carry any more. */
export interface LateWrite<Request> {
  /** For other ways to the client, such as the body of the response or a WebSocket. */
  readonly token: string;
  readonly request: Request;
}

/** Checked options. */
export interface Carrying<Request> {
  readonly cookie: CookieForm | undefined;
  readonly header: string | undefined;
  readonly maxAgeSeconds: number;
  readonly store: TokenStore | undefined;
  readonly userId: (request: Request) => string | undefined;
  readonly timeoutMillis: number;
  readonly onLateWrite: ((late: LateWrite<Request>) => void) | undefined;
  readonly onError: ((error: unknown) => void) | undefined;
}

const httpToken = /^[\w!#$%&'*+.^`|~-]+$/;

/** @throws ConfigError for the first mistake */
export function checkCarryOptions<Request>(options: CarryOptions<Request>): Carrying<Request> {
  const { header, maxAgeSeconds = 60, secure = true, sameSite = "lax" } = options;
  const { store, userId, timeoutMillis = 500, onLateWrite, onError } = options;
  const cookie =
    options.cookie ?? (header === undefined ? (secure ? "__Host-pointsman" : "pointsman") : false);
  mustBe("header", header === undefined || httpToken.test(header), "the name of a header");
  mustBe("maxAgeSeconds", isPositive(maxAgeSeconds), "a whole number of 1 or more");
  mustBe("timeoutMillis", isPositive(timeoutMillis), "a whole number of 1 or more");
  mustBe("sameSite", ["lax", "strict", "none"].includes(sameSite), '"lax", "strict" or "none"');
  mustBe("cookie", cookie === false || httpToken.test(cookie), "the name of a cookie or false");
  mustBe(
    "secure",
    secure || (sameSite !== "none" && !(cookie && /^__(host|secure)-/i.test(cookie))),
    'true where sameSite is "none" or the name of the cookie begins with __Host- or __Secure-: browsers refuse it otherwise',
  );
  mustBe(
    "userId",
    store === undefined || userId !== undefined,
    "a function where there is a store",
  );
  mustBe("store", userId === undefined || store !== undefined, "given where there is a userId");
  return Object.freeze({
    cookie: cookie === false ? undefined : { name: cookie, secure, sameSite, maxAgeSeconds },
    header: header?.toLowerCase(),
    maxAgeSeconds,
    store,
    userId: userId ?? (() => undefined),
    timeoutMillis,
    onLateWrite,
    onError,
  });
}

const isPositive = (number: number): boolean => Number.isInteger(number) && number >= 1;

function mustBe(option: string, holds: boolean, what: string): asserts holds {
  if (!holds) throw new ConfigError(option, `${option} must be ${what}.`);
}
