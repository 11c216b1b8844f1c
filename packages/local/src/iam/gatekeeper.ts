import { createHash } from "node:crypto";
import { ClusterError } from "../errors.ts";
import type { IssuedCredentials } from "./credentials.ts";
import type { RefusalCause } from "./refusals.ts";
import { type TokenTarget, whyRefused } from "./token.ts";

/** What the gateway has seen since the start. */
export interface IamSeen {
  /** Connections accepted, at all endpoints. */
  readonly connections: number;
  /** Those of them that were encrypted. */
  readonly tls: number;
  /** Those of them that sent a start-up message without encryption. */
  readonly plain: number;
  /** Logins with a token that was good. */
  readonly logins: number;
  /** Refused logins of users with `rds_iam`, by cause; a cause that never came is not there. */
  readonly refusals: Readonly<Partial<Record<RefusalCause, number>>>;
  /** How many different tokens were sent, good or not. */
  readonly distinctTokens: number;
  /** The most logins with a token, good or not, within one second. */
  readonly peakPerSecond: number;
}

/** Decides who may log in with a token, and keeps count. */
export class Gatekeeper {
  connections = 0;
  tls = 0;
  plain = 0;
  readonly #region: string;
  readonly #credentials: (accessKeyId: string) => IssuedCredentials | undefined;
  readonly #rejected = new Set<string>();
  readonly #refusals: Partial<Record<RefusalCause, number>> = {};
  /** Digests: a token itself is kept nowhere. */
  readonly #tokens = new Set<string>();
  readonly #attempts = new LastSecond();
  readonly #admitted = new LastSecond();
  #logins = 0;
  #peak = 0;
  #acceptedForMs = Number.POSITIVE_INFINITY;
  #skewMs = 0;
  #mostPerSecond = Number.POSITIVE_INFINITY;

  constructor(region: string, credentials: (accessKeyId: string) => IssuedCredentials | undefined) {
    this.#region = region;
    this.#credentials = credentials;
  }

  /** Whether a token lets its user in. Why not is counted, and told to nobody. */
  async admits(token: string, target: Omit<TokenTarget, "region">): Promise<boolean> {
    if (token !== "") this.#tokens.add(createHash("sha256").update(token).digest("base64"));
    this.#peak = Math.max(this.#peak, this.#attempts.add());
    const cause = await this.#whyRefused(token, target);
    if (cause === undefined) this.#logins += 1;
    else this.refused(cause);
    return cause === undefined;
  }

  refused(cause: RefusalCause): void {
    this.#refusals[cause] = (this.#refusals[cause] ?? 0) + 1;
  }

  get seen(): IamSeen {
    return {
      connections: this.connections,
      tls: this.tls,
      plain: this.plain,
      logins: this.#logins,
      refusals: { ...this.#refusals },
      distinctTokens: this.#tokens.size,
      peakPerSecond: this.#peak,
    };
  }

  reject(user: string): void {
    this.#rejected.add(user);
  }

  accept(user: string): void {
    this.#rejected.delete(user);
  }

  expireTokensAfter(milliseconds: number | undefined): void {
    mustBe(milliseconds === undefined || milliseconds >= 0, `A token's life of ${milliseconds} ms`);
    this.#acceptedForMs = milliseconds ?? Number.POSITIVE_INFINITY;
  }

  skewClock(milliseconds: number): void {
    mustBe(Number.isFinite(milliseconds), `A skew of ${milliseconds} ms`);
    this.#skewMs = milliseconds;
  }

  throttle(perSecond: number | undefined): void {
    mustBe(perSecond === undefined || perSecond >= 0, `A limit of ${perSecond} a second`);
    this.#mostPerSecond = perSecond ?? Number.POSITIVE_INFINITY;
  }

  async #whyRefused(
    token: string,
    target: Omit<TokenTarget, "region">,
  ): Promise<RefusalCause | undefined> {
    if (this.#admitted.count() >= this.#mostPerSecond) return "throttled";
    this.#admitted.add();
    if (this.#rejected.has(target.user)) return "rejected-user";
    return whyRefused(
      token,
      { ...target, region: this.#region },
      {
        now: Date.now() + this.#skewMs,
        acceptedForMs: this.#acceptedForMs,
        credentials: this.#credentials,
      },
    );
  }
}

/** Events within the second before now. */
class LastSecond {
  #times: number[] = [];

  /** Adds one now, and returns how many there are. */
  add(): number {
    const count = this.count();
    this.#times.push(performance.now());
    return count + 1;
  }

  count(): number {
    const start = performance.now() - 1000;
    const first = this.#times.findIndex((time) => time > start);
    this.#times = first < 0 ? [] : this.#times.slice(first);
    return this.#times.length;
  }
}

function mustBe(sensible: boolean, what: string): void {
  if (!sensible) throw new ClusterError("INVALID_OPTION", `${what} makes no sense.`);
}
