/**
 * Functions of extensions in C that are declared STABLE or IMMUTABLE and do more than that says:
 * they run the SQL that they are given as a value.
 */
const running = new Set([
  "tablefunc.crosstab",
  "tablefunc.crosstab2",
  "tablefunc.crosstab3",
  "tablefunc.crosstab4",
  "tablefunc.connectby",
  "xml2.xpath_table",
]);

/** Functions of extensions in C that are VOLATILE, and whose answer is as good from a reader. */
const harmless = new Set([
  "pgcrypto.gen_random_bytes",
  "pgcrypto.gen_random_uuid",
  "pgcrypto.gen_salt",
  "pgcrypto.pgp_pub_encrypt",
  "pgcrypto.pgp_pub_encrypt_bytea",
  "pgcrypto.pgp_sym_encrypt",
  "pgcrypto.pgp_sym_encrypt_bytea",
  "tablefunc.normal_rand",
  "uuid-ossp.uuid_generate_v1",
  "uuid-ossp.uuid_generate_v1mc",
  "uuid-ossp.uuid_generate_v4",
]);

/**
 * Why nobody knows what a function of an extension in C does; `undefined`: it only computes or
 * reads. What its authors declare is believed, unless it is known to be otherwise.
 */
export function doubtOfExtensionFunction(
  extension: string,
  name: string,
  volatility: string,
): string | undefined {
  const full = `${extension}.${name}`;
  if (running.has(full)) return "runs the SQL that it is given";
  if (volatility !== "v" || harmless.has(full)) return undefined;
  return `is a VOLATILE function in C of the extension ${extension}`;
}
