import type { DetailedPeerCertificate } from "node:tls";
import type { ConfiguredEndpoint } from "pointsman/endpoints";
import { bad, type Finding, look, ok } from "../finding.ts";

/** What a certificate says, and what verifying it has said. */
export interface CertificateFacts {
  readonly subject: string;
  /** From the one who signed it to the root, as far as the server shows them. */
  readonly issuers: readonly string[];
  readonly names: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
  /** Why it is not trusted; OpenSSL's name of the reason, or Node's. */
  readonly problem: string | undefined;
}

const dayMillis = 86_400_000;
/** RDS renews its own well before; what has less left than this has been forgotten. */
const fewDays = 14;

export function readCertificate(
  certificate: DetailedPeerCertificate,
  problem: string | undefined,
): CertificateFacts {
  const issuers: string[] = [];
  let last = certificate;
  while (last.issuerCertificate !== undefined && last.issuerCertificate !== last) {
    last = last.issuerCertificate;
    issuers.push(nameIn(last.subject));
  }
  if (issuers.length === 0) issuers.push(nameIn(certificate.issuer));
  return {
    subject: nameIn(certificate.subject),
    issuers,
    names: (certificate.subjectaltname ?? "")
      .split(", ")
      .map((name) => name.replace(/^(DNS|IP Address):/, ""))
      .filter((name) => name !== ""),
    validFrom: new Date(certificate.valid_from),
    validTo: new Date(certificate.valid_to),
    problem,
  };
}

function nameIn(subject: DetailedPeerCertificate["subject"] | undefined): string {
  const { CN, O } = subject ?? {};
  return [CN ?? O].flat()[0] ?? "no name";
}

/** What a certificate means for connections that are opened in this mode, as a sentence. */
export function judgeCertificate(
  facts: CertificateFacts,
  mode: NonNullable<ConfiguredEndpoint["sslmode"]>,
  host: string,
  now: number,
): Finding {
  const { subject, issuers, validFrom, validTo, names, problem } = facts;
  const days = Math.floor((validTo.getTime() - now) / dayMillis);
  if (mode !== "verify-full" && mode !== "verify-ca") {
    return look(
      `encrypted, but not verified (sslmode ${mode}): ${subject} by ${issuers.join(", ")}`,
      "Whoever stands between could pretend to be the server. Say sslmode=verify-full in the URL, with sslrootcert=/path/to/ca.pem where its authority is not a public one.",
    );
  }
  switch (problem) {
    case undefined:
      break;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return bad(
        `the certificate is not for ${host}, but for ${some(names.length > 0 ? names : [subject])}`,
        "Connect by a name that is in the certificate. Where that name leads elsewhere (a tunnel, a CNAME), give the name as host and the address as hostaddr=… in the URL.",
      );
    case "CERT_HAS_EXPIRED":
      return bad(
        `a certificate of the chain has ended (the server's own: ${dayOf(validTo)})`,
        "Renew the server's certificate. If it is not that old, the clock of this machine is wrong.",
      );
    case "CERT_NOT_YET_VALID":
      return bad(
        `a certificate of the chain is not valid yet (the server's own: from ${dayOf(validFrom)})`,
        "The clock of this machine is probably slow: compare it with date -u elsewhere.",
      );
    default:
      return bad(
        `the certificate of ${subject} is not trusted: it is signed by ${issuers.join(", ")} (${problem})`,
        "If that is your own authority, give its certificate: sslrootcert=/path/to/ca.pem in the URL. Those of RDS are known; then somebody else has answered in its place (a proxy, a tunnel, the wrong host).",
      );
  }
  const found = `${subject} by ${issuers.join(", ")}, ${days} ${days === 1 ? "day" : "days"} left`;
  if (days < fewDays) {
    return look(
      found,
      `Renew the server's certificate before ${dayOf(validTo)}: logins fail after that.`,
    );
  }
  return ok(found);
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

function some(names: readonly string[]): string {
  const more = names.length - 2;
  return names.slice(0, 2).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
