import { randomBytes } from "node:crypto";
import { itemsOf, looksLikeToken, maxTokens } from "./token-text.ts";

/**
 * Each response sets a cookie of its own name, so that responses that overtake each other never
 * put an older token in the place of a newer one. The next request brings them all, and the
 * response to it that sets a newer one lets them expire.
 */
export interface TokenCookie {
  readonly name: string;
  readonly token: string;
}

/** How the cookies are written. */
export interface CookieForm {
  /** What all their names begin with. */
  readonly name: string;
  readonly secure: boolean;
  readonly sameSite: "lax" | "strict" | "none";
  readonly maxAgeSeconds: number;
}

const suffixPattern = /^[\w-]{8}$/;

/** The token cookies in a `Cookie` header: of more than 16, those that were set last. */
export function readCookies(header: string | undefined, name: string): TokenCookie[] {
  if (header === undefined || !header.includes(name)) return [];
  return itemsOf(header, ";")
    .flatMap((item) => {
      const equals = item.indexOf("=");
      const cookie = { name: item.slice(0, equals), token: item.slice(equals + 1) };
      return isOurs(cookie.name, name) ? [cookie] : [];
    })
    .slice(-maxTokens);
}

function isOurs(cookieName: string, name: string): boolean {
  return cookieName.startsWith(`${name}.`) && suffixPattern.test(cookieName.slice(name.length + 1));
}

/** Those of the cookies whose value can be a token. */
export function tokensOfCookies(cookies: readonly TokenCookie[]): string[] {
  return cookies.map(({ token }) => token).filter(looksLikeToken);
}

/** A name that no other response uses. */
export function newCookieName(name: string): string {
  return `${name}.${randomBytes(6).toString("base64url")}`;
}

/** A cookie for a response, with the attributes as frameworks name them. */
export interface SetCookie {
  readonly name: string;
  readonly value: string;
  readonly path: "/";
  /** Seconds; 0 lets it expire at once. */
  readonly maxAge: number;
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: "lax" | "strict" | "none";
}

/** The cookies that put one in the place of others. */
export function replaceCookies(
  token: string,
  replaced: readonly TokenCookie[],
  form: CookieForm,
): SetCookie[] {
  const { secure, sameSite, maxAgeSeconds } = form;
  const make = (name: string, value: string, maxAge: number): SetCookie => ({
    name,
    value,
    path: "/",
    maxAge,
    httpOnly: true,
    secure,
    sameSite,
  });
  return [
    make(newCookieName(form.name), token, maxAgeSeconds),
    ...replaced.map(({ name }) => make(name, "", 0)),
  ];
}

/** A cookie as the value of a `Set-Cookie` header. */
export function setCookieHeader({ name, value, maxAge, secure, sameSite }: SetCookie): string {
  const site = `${sameSite.charAt(0).toUpperCase()}${sameSite.slice(1)}`;
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly${secure ? "; Secure" : ""}; SameSite=${site}`;
}
