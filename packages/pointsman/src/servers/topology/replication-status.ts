/** A reader that is connected to the writer, as the writer has it. */
export interface AttachedReader {
  /** Its `application_name`, which is its `cluster_name` unless it was told otherwise. */
  readonly name: string;
  /** Where its connection comes from; `undefined`: from the same machine. */
  readonly address: string | undefined;
  readonly lagMillis: number | undefined;
}

/** Who a server is: what can be found of it at the writer. */
export interface ReaderIdentity {
  readonly name: string;
  readonly address: string | undefined;
}

/** Whether the rows may be read, and the rows themselves, as one text. */
export const replicationStatus = `select
 pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
 (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', application_name, 'address', pg_catalog.host(client_addr), 'state', state,
  'lag', pg_catalog.round(1000 * extract(epoch from replay_lag))
 )), '[]')::text from pg_catalog.pg_stat_replication)`;

/** Asks a server for its {@link ReaderIdentity}. */
export const whoAreYou =
  "select pg_catalog.current_setting('cluster_name'), pg_catalog.host(pg_catalog.inet_server_addr())";

/** The readers that stream, or are about to. */
export function readReplicationStatus(text: string): readonly AttachedReader[] {
  const rows = JSON.parse(text) as readonly Readonly<Record<string, unknown>>[];
  return rows
    .filter(({ state }) => state === "streaming" || state === "catchup")
    .map(({ name, address, lag }) => ({
      name: typeof name === "string" ? name : "",
      address: typeof address === "string" ? address : undefined,
      lagMillis: typeof lag === "number" && lag >= 0 ? lag : undefined,
    }));
}

/** Which of the attached readers a server is, where there is no doubt. */
export function attachmentOf(
  { name, address }: ReaderIdentity,
  attached: readonly AttachedReader[],
): AttachedReader | undefined {
  const byName = attached.filter((one) => name !== "" && one.name === name);
  if (byName.length > 0) return byName.length === 1 ? byName[0] : undefined;
  const byAddress = attached.filter((one) => address !== undefined && one.address === address);
  return byAddress.length === 1 ? byAddress[0] : undefined;
}
