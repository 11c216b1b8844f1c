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

/**
 * Functions of extensions in C that are VOLATILE, and whose answer is as good from a reader. Of pages
 * and maps of visibility every server has the same; of free space it has not.
 */
const harmless = new Set(
  Object.entries({
    pageinspect: `
      brin_metapage_info brin_page_items brin_page_type brin_revmap_data bt_metap
      bt_multi_page_stats bt_page_items bt_page_stats fsm_page_contents get_raw_page
      gin_leafpage_items gin_metapage_info gin_page_opaque_info gist_page_items
      gist_page_items_bytea gist_page_opaque_info hash_bitmap_info hash_metapage_info
      hash_page_items hash_page_stats hash_page_type heap_page_items heap_tuple_infomask_flags
      page_checksum page_header tuple_data_split`,
    pg_visibility: "pg_visibility pg_visibility_map pg_visibility_map_summary",
    pgcrypto: `
      fips_mode gen_random_bytes gen_random_uuid gen_salt pgp_pub_encrypt pgp_pub_encrypt_bytea
      pgp_sym_encrypt pgp_sym_encrypt_bytea`,
    pgstattuple: `
      pg_relpages pgstatginindex pgstathashindex pgstatindex pgstattuple pgstattuple_approx`,
    sslinfo: `
      ssl_cipher ssl_client_cert_present ssl_client_dn ssl_client_dn_field ssl_client_serial
      ssl_extension_info ssl_is_used ssl_issuer_dn ssl_issuer_field ssl_version`,
    tablefunc: "normal_rand",
    "uuid-ossp": "uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4",
  }).flatMap(([extension, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => `${extension}.${name}`),
  ),
);

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
