/** A response, as a client has got it, before or after it has looked at its cookies. */
export interface Got<Body> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
  /** The `Set-Cookie` headers. */
  readonly cookies: readonly string[];
  /** Takes the cookies over, as a browser does when a response arrives. */
  take(): void;
}

/** A client that keeps cookies as a browser does. */
export class Browser {
  readonly #url: string;
  readonly #jar = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#jar;
  }

  /** Sends a request, and takes over the cookies of the response. */
  async ask<Body>(path: string, init?: RequestInit, onHeaders?: () => void): Promise<Got<Body>> {
    const got = await this.send<Body>(path, init, onHeaders);
    got.take();
    return got;
  }

  /** Sends a request with the cookies of now; those of the response are left to the caller. */
  async send<Body>(
    path: string,
    init: RequestInit = {},
    onHeaders = (): void => {},
  ): Promise<Got<Body>> {
    const headers = new Headers(init.headers);
    if (this.#jar.size > 0 && !headers.has("cookie")) {
      headers.set("cookie", [...this.#jar].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await fetch(this.#url + path, { redirect: "manual", ...init, headers });
    onHeaders();
    const text = await response.text();
    const cookies = response.headers.getSetCookie();
    return {
      status: response.status,
      body: (text.startsWith("{") ? JSON.parse(text) : text) as Body,
      headers: response.headers,
      cookies,
      take: () => {
        for (const cookie of cookies) this.#take(cookie);
      },
    };
  }

  #take(cookie: string): void {
    const [pair = "", ...attributes] = cookie.split("; ");
    const [name = "", value = ""] = pair.split("=");
    if (attributes.includes("Max-Age=0")) this.#jar.delete(name);
    else this.#jar.set(name, value);
  }
}
