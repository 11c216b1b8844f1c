import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
const KEY_BYTES = 32;
// No channel binding, no other identity: what "n,," is in base64.
const GS2_HEADER = "n,,";

export const MECHANISM = "SCRAM-SHA-256";

/**
 * The client's part of a login with a password, as PostgreSQL asks for it: RFC 5802 and RFC 7677.
 * The server's proof is not checked: it is one that we have started.
 */
export class Scram {
  readonly #password: string;
  readonly #nonce = randomBytes(18).toString("base64");
  readonly #bare = `n=,r=${this.#nonce}`;

  constructor(password: string) {
    this.#password = password;
  }

  get first(): string {
    return GS2_HEADER + this.#bare;
  }

  /** The answer to the server's first message. */
  async final(challenge: string): Promise<string> {
    const { r: nonce = "", s: salt = "", i: iterations = "" } = attributes(challenge);
    const salted = await derive(
      this.#password.normalize("NFKC"),
      Buffer.from(salt, "base64"),
      Number(iterations),
      KEY_BYTES,
      "sha256",
    );
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString("base64")},r=${nonce}`;
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const signature = hmac(storedKey, `${this.#bare},${challenge},${withoutProof}`);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }
}

function attributes(message: string): Partial<Record<string, string>> {
  return Object.fromEntries(message.split(",").map((part) => [part[0], part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
