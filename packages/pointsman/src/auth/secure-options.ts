import { type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import { type MarkedOptions, rdsRoots, trustedRoots } from "./trusted-roots.ts";

/** Fields of the `ssl` option that must not be printed. */
export const sslSecrets = ["key", "pfx", "passphrase"] as const;

/** What `tls.connect` takes that is no matter of the secure context. */
const others: ReadonlySet<string> = new Set([
  "checkServerIdentity",
  "rejectUnauthorized",
  "servername",
]);

const contexts = new WeakMap<MarkedOptions, SecureContext>();
let contextForRds: SecureContext | undefined;

/**
 * What a connection is encrypted with: TLS options with their secrets, which are hidden from
 * printing and so from spreading, and with their roots. The certificates are read once for all
 * connections: those of RDS take tens of milliseconds, and the event loop waits.
 */
export function secureOptions(ssl: MarkedOptions): ConnectionOptions {
  const { [rdsRoots]: forRds, ...options } = ssl;
  for (const name of sslSecrets) {
    if (ssl[name] !== undefined) Object.assign(options, { [name]: ssl[name] });
  }
  if (options.secureContext !== undefined) return options;
  const complete = forRds === true ? { ...options, ca: trustedRoots() } : options;
  try {
    return { ...complete, secureContext: contextOf(ssl, complete) };
  } catch {
    // The connection says what is wrong with a key or a certificate, where somebody hears it.
    return complete;
  }
}

function contextOf(ssl: MarkedOptions, complete: ConnectionOptions): SecureContext {
  const plainlyForRds =
    ssl[rdsRoots] === true && Object.keys(ssl).every((name) => others.has(name));
  const known = plainlyForRds ? contextForRds : contexts.get(ssl);
  if (known !== undefined) return known;
  const context = createSecureContext(complete);
  if (plainlyForRds) contextForRds = context;
  else contexts.set(ssl, context);
  return context;
}
