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

/** What a server was recognised by. */
export type RecognisedBy = "name" | "address";

/** A server among the attached readers. */
export interface Recognition {
  readonly reader: AttachedReader;
  readonly by: RecognisedBy;
}

/**
 * Recognises a server among the attached readers, where there is no doubt: by its name, else by its
 * address. Several may share a machine, and all members of a cluster may have one `cluster_name`.
 *
 * @param before - what it was recognised by before: nothing else counts from then on
 * @param others - who the other configured readers are
 */
export function recognise(
  { name, address }: ReaderIdentity,
  attached: readonly AttachedReader[],
  before: RecognisedBy | undefined,
  others: readonly ReaderIdentity[],
): Recognition | undefined {
  const named = attached.filter((one) => name !== "" && one.name === name);
  if (before !== "address" && named.length > 0) return onlyOne(named, "name");
  if (before === "name" || address === undefined) return undefined;
  if (others.some((other) => other.address === address)) return undefined;
  return onlyOne(
    attached.filter((one) => one.address === address),
    "address",
  );
}

function onlyOne(found: readonly AttachedReader[], by: RecognisedBy): Recognition | undefined {
  const [reader, another] = found;
  return reader === undefined || another !== undefined ? undefined : { reader, by };
}
