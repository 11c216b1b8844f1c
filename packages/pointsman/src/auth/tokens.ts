import { type AwsCredentials, type CredentialSource, tokenLifeMillis } from "./credentials.ts";

/** What a token is signed for. */
export interface SigningTarget {
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  /** Absent: what the SDK finds. */
  readonly region: string | undefined;
}

/** Signs a token; no network is used. */
export type SignToken = (target: SigningTarget, credentials: AwsCredentials) => Promise<string>;

/** The safe part of a token's life, in milliseconds: logging in takes time, and clocks differ. */
export const mostReuseMillis = (tokenLifeMillis * 2) / 3;
/** How long before the end of the credentials a token is not used any more, in milliseconds. */
const marginMillis = 60_000;

interface Token {
  readonly text: string;
  /** `Date.now()` */
  readonly madeAt: number;
  readonly usableUntil: number;
  /** Connections that got it. */
  uses: number;
}

/** Makes tokens, one at a time for each target, and gives out each for a part of its life. */
export class TokenMaker {
  readonly #credentials: CredentialSource;
  readonly #sign: SignToken;
  readonly #reuseMillis: number;
  readonly #tokens = new Map<string, Token>();
  readonly #making = new Map<string, Promise<Token>>();

  constructor(credentials: CredentialSource, sign: SignToken, reuseMillis = mostReuseMillis) {
    this.#credentials = credentials;
    this.#sign = sign;
    this.#reuseMillis = reuseMillis;
  }

  /** A token for a connection that is being opened. */
  async token(target: SigningTarget): Promise<string> {
    const key = keyOf(target);
    const known = this.#tokens.get(key);
    const token = known !== undefined && isUsable(known) ? known : await this.#make(key, target);
    token.uses += 1;
    return token.text;
  }

  /**
   * Forgets a token that the server has refused.
   *
   * @returns whether another one may fare better: this one was not made for that connection alone
   */
  refused(target: SigningTarget, text: string): boolean {
    const key = keyOf(target);
    const known = this.#tokens.get(key);
    if (known === undefined || known.text !== text) return true;
    this.#tokens.delete(key);
    const signedWithOld = this.#credentials.fetchedAt < known.madeAt - 1000;
    this.#credentials.suspect();
    return known.uses > 1 || signedWithOld;
  }

  #make(key: string, target: SigningTarget): Promise<Token> {
    const underWay = this.#making.get(key);
    if (underWay !== undefined) return underWay;
    const making = this.#signed(target)
      .then((token) => {
        this.#tokens.set(key, token);
        return token;
      })
      .finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #signed(target: SigningTarget): Promise<Token> {
    const credentials = await this.#credentials.get();
    const madeAt = Date.now();
    const text = await this.#sign(target, credentials);
    const end = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    const usableUntil = Math.min(madeAt + this.#reuseMillis, end - marginMillis);
    return { text, madeAt, usableUntil, uses: 0 };
  }
}

/** The wall clock decides, as it does for the server; one that was set back makes a token void. */
function isUsable({ madeAt, usableUntil }: Token): boolean {
  const now = Date.now();
  return now >= madeAt && now < usableUntil;
}

function keyOf({ hostname, port, username, region }: SigningTarget): string {
  return JSON.stringify([hostname, port, username, region]);
}
