import { HIDDEN_SCHEMA } from "./hidden-schema.ts";
import { identifier } from "./identifier.ts";

/** Refused on Aurora unless `wal_level` is `logical`, which makes them real again there. */
const NEED_LOGICAL = [
  "pg_current_wal_lsn",
  "pg_current_wal_insert_lsn",
  "pg_current_wal_flush_lsn",
];

/** Refused on Aurora, whose servers share their storage, so that none receives or replays files. */
const UNSUPPORTED = [
  "pg_last_wal_receive_lsn",
  "pg_last_wal_replay_lsn",
  "pg_last_xact_replay_timestamp",
  "pg_walfile_name",
  "pg_walfile_name_offset",
];

/**
 * SQL that makes one database look like Aurora's: functions of the WAL refuse as they do there, and
 * Aurora's own are there.
 *
 * @param walLevel what the servers run with
 */
export function auroraFunctions(walLevel: string): string {
  const refusals = [
    ...UNSUPPORTED.map((name) =>
      refusal(name, {
        code: "0A000",
        message: `Function ${name}() is currently not supported for Aurora`,
      }),
    ),
    ...(walLevel === "logical" ? [] : NEED_LOGICAL).map((name) =>
      refusal(name, {
        code: "55000",
        message: "wal_level must be set to 'logical'",
        hint: "WAL control functions cannot be executed when wal_level < logical.",
      }),
    ),
  ];
  return `${schema()}${refusals.join("")}${OWN}`;
}

function schema(): string {
  const name = identifier(HIDDEN_SCHEMA);
  // Only whoever may modify catalogs may name a schema like one of PostgreSQL's own.
  return `SET allow_system_table_mods = on; CREATE SCHEMA ${name}; RESET allow_system_table_mods;
`;
}

/** Moves a builtin function aside and puts one in its place that does nothing but fail. */
function refusal(
  name: string,
  { code, message, hint = "" }: { code: string; message: string; hint?: string },
): string {
  const quoted = [message, hint].map((text) => `'${text.replaceAll("'", "''")}'`);
  // PostgreSQL finds what a builtin does by its OID: to write another body under the same OID would
  // change nothing. A function that is merely moved keeps its OID, and with it all that uses it.
  return `DO $move$
DECLARE
  builtin regprocedure := (
    SELECT oid FROM pg_proc WHERE proname = '${name}' AND pronamespace = 'pg_catalog'::regnamespace
  );
  shape pg_proc := (SELECT p FROM pg_proc p WHERE oid = builtin);
  arguments text := pg_get_function_arguments(builtin);
  result text := pg_get_function_result(builtin);
BEGIN
  EXECUTE format('ALTER FUNCTION %s SET SCHEMA ${identifier(HIDDEN_SCHEMA)}', builtin);
  EXECUTE format(
    'CREATE FUNCTION pg_catalog.${name}(%s) RETURNS %s LANGUAGE plpgsql %s STRICT PARALLEL SAFE AS %L',
    arguments,
    result,
    CASE shape.provolatile WHEN 'i' THEN 'IMMUTABLE' ELSE 'VOLATILE' END,
    $body$BEGIN
  RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = ${quoted[0]}, HINT = ${quoted[1]};
END$body$
  );
END $move$;
`;
}

/** The functions that only Aurora has. They see what is kept from ordinary users elsewhere. */
const OWN = `
CREATE FUNCTION pg_catalog.aurora_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $body$
  SELECT split_part(current_setting('server_version'), ' ', 1) || '.1'
$body$;

CREATE FUNCTION pg_catalog.aurora_db_instance_identifier() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $body$
  SELECT current_setting('cluster_name')
$body$;

CREATE FUNCTION pg_catalog.aurora_replica_status(
  OUT server_id text,
  OUT session_id text,
  OUT durable_lsn bigint,
  OUT highest_lsn_rcvd bigint,
  OUT current_read_lsn bigint,
  OUT cur_replay_latency_in_usec bigint,
  OUT active_txns bigint,
  OUT is_current boolean,
  OUT last_transport_error bigint,
  OUT last_error_timestamp timestamptz,
  OUT last_update_timestamp timestamptz,
  OUT feedback_xmin bigint,
  OUT feedback_epoch bigint,
  OUT replica_lag_in_msec bigint,
  OUT log_stream_speed_in_kib_per_second double precision,
  OUT log_buffer_sequence_number bigint,
  OUT oldest_read_view_trx_id bigint,
  OUT oldest_read_view_lsn bigint,
  OUT pending_read_ios bigint,
  OUT read_ios bigint,
  OUT iops bigint,
  OUT cpu bigint
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = ${identifier(HIDDEN_SCHEMA)}, pg_catalog
AS $body$
DECLARE
  start constant pg_lsn := '0/0';
BEGIN
  SELECT count(*) INTO active_txns FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND xact_start IS NOT NULL;

  server_id := current_setting('cluster_name');
  IF NOT pg_is_in_recovery() THEN
    session_id := 'MASTER_SESSION_ID';
    durable_lsn := pg_current_wal_flush_lsn() - start;
    current_read_lsn := durable_lsn;
    RETURN NEXT;

    active_txns := NULL;
    FOR
      server_id, durable_lsn, highest_lsn_rcvd, last_update_timestamp, feedback_xmin,
      cur_replay_latency_in_usec
    IN
      SELECT
        application_name, replay_lsn - start, flush_lsn - start, reply_time,
        backend_xmin::text::bigint, coalesce(extract(epoch FROM replay_lag) * 1e6, 0)
      FROM pg_stat_replication
      ORDER BY application_name
    LOOP
      session_id := md5(server_id)::uuid;
      current_read_lsn := durable_lsn;
      replica_lag_in_msec := cur_replay_latency_in_usec / 1000;
      RETURN NEXT;
    END LOOP;
  ELSE
    session_id := md5(server_id)::uuid;
    durable_lsn := pg_last_wal_replay_lsn() - start;
    highest_lsn_rcvd := pg_last_wal_receive_lsn() - start;
    current_read_lsn := durable_lsn;
    -- A lag can only be told while there is something that was received and not replayed.
    cur_replay_latency_in_usec := CASE
      WHEN durable_lsn < highest_lsn_rcvd
        THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1e6
      ELSE 0
    END;
    replica_lag_in_msec := cur_replay_latency_in_usec / 1000;
    RETURN NEXT;

    active_txns := NULL;
    highest_lsn_rcvd := NULL;
    cur_replay_latency_in_usec := NULL;
    replica_lag_in_msec := NULL;
    FOR durable_lsn, last_update_timestamp IN
      SELECT latest_end_lsn - start, last_msg_receipt_time FROM pg_stat_wal_receiver
    LOOP
      server_id := current_setting('pointsman_local.writer');
      session_id := 'MASTER_SESSION_ID';
      current_read_lsn := durable_lsn;
      RETURN NEXT;
    END LOOP;
  END IF;
END $body$;
`;
