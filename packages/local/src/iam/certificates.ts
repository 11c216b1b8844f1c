import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { der } from "./der.ts";

/**
 * What certificate the gateway shows:
 *
 * - `"valid"`: one for the names of all endpoints, from the gateway's own authority.
 * - `"other-host"`: the same for a host that is none of the endpoints.
 * - `"self-signed"`: one for the right names that nobody vouches for.
 * - `"expired"`: a right one that ended yesterday.
 */
export type CertificateKind = "valid" | "other-host" | "self-signed" | "expired";

const DAY_MS = 86_400_000;
const OTHER_HOST = "other.cffffffffffff.eu-west-2.rds.amazonaws.com";

interface Identity {
  readonly name: string;
  /** PKCS #8, PEM. */
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

/** A certificate authority, made on the spot, and what it vouches for. */
export class Certificates {
  /** The authority's own certificate, as PEM. */
  readonly ca: string;
  readonly #authority: Identity;
  readonly #server: Identity;
  readonly #hostnames: string[];

  /** @param hostnames the names of all endpoints */
  constructor(hostnames: readonly string[]) {
    this.#authority = newIdentity("pointsman-local RDS authority");
    this.#server = newIdentity("pointsman-local RDS gateway");
    this.#hostnames = [...hostnames];
    this.ca = issue(this.#authority, this.#authority, {
      // Older than all that it signs, also than what has ended.
      days: [-90, 365],
      extensions: [
        extension("2.5.29.19", der.sequence(der.true()), "critical"), // basic constraints: a CA
        // key usage: certificates, revocation lists
        extension("2.5.29.15", der.bits(Buffer.of(0b0000_0110), 1), "critical"),
      ],
    });
  }

  /** Has the certificates that are made from now on name one endpoint more. */
  add(hostname: string): void {
    this.#hostnames.push(hostname);
  }

  /** What a TLS server needs to show a certificate of this kind. */
  context(kind: CertificateKind): SecureContext {
    const hostnames = kind === "other-host" ? [OTHER_HOST] : this.#hostnames;
    const issuer = kind === "self-signed" ? this.#server : this.#authority;
    const cert = issue(this.#server, issuer, {
      days: kind === "expired" ? [-30, -1] : [-1, 365],
      extensions: [
        extension("2.5.29.15", der.bits(Buffer.of(0b1000_0000), 7), "critical"), // key usage: signatures
        extension("2.5.29.37", der.sequence(der.oid("1.3.6.1.5.5.7.3.1"))), // for: TLS servers
        // subject alternative names, of which number 2 is a name in the DNS
        extension(
          "2.5.29.17",
          der.sequence(...hostnames.map((name) => der.implicit(2, Buffer.from(name, "latin1")))),
        ),
      ],
    });
    const key = this.#server.key.export({ type: "pkcs8", format: "pem" });
    return createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  }
}

function newIdentity(name: string): Identity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  return { name, key: createPrivateKey(privateKey), publicKey };
}

/** A certificate as in https://www.rfc-editor.org/rfc/rfc5280#section-4.1, as PEM. */
function issue(
  subject: Identity,
  issuer: Identity,
  { days, extensions }: { days: readonly [number, number]; extensions: readonly Buffer[] },
): string {
  const algorithm = der.sequence(der.oid("1.2.840.10045.4.3.2")); // ECDSA with SHA-256
  const serial = randomBytes(16);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f); // neither negative nor with a zero in front
  const body = der.sequence(
    der.tagged(0, der.integer(Buffer.of(2))), // version 3
    der.integer(serial),
    algorithm,
    nameOf(issuer),
    der.sequence(...days.map((day) => der.time(new Date(Date.now() + day * DAY_MS)))),
    nameOf(subject),
    subject.publicKey,
    der.tagged(
      3,
      der.sequence(
        ...extensions,
        extension("2.5.29.14", der.octets(keyIdOf(subject))),
        extension("2.5.29.35", der.sequence(der.implicit(0, keyIdOf(issuer)))),
      ),
    ),
  );
  const signature = sign("sha256", body, issuer.key);
  const base64 = der.sequence(body, algorithm, der.bits(signature)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function nameOf({ name }: Identity): Buffer {
  const commonName = der.sequence(der.oid("2.5.4.3"), der.text(name));
  return der.sequence(der.set(commonName));
}

function keyIdOf({ publicKey }: Identity): Buffer {
  return createHash("sha256").update(publicKey).digest().subarray(0, 20);
}

function extension(oid: string, value: Buffer, critical?: "critical"): Buffer {
  return der.sequence(der.oid(oid), ...(critical ? [der.true()] : []), der.octets(value));
}
