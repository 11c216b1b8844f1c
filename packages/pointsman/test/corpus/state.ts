import type { Asker } from "./asker.ts";

/** State of a connection and of its server, by name: what a statement may have left behind. */
export type State = Readonly<Record<string, string | null>>;

/** Settings, prepared statements and so on of this connection, and what its server tells of itself. */
function question(major: number): string {
  // Until version 14 a process of its own collects statistics, and a reset shows when it pleases.
  const resets =
    major < 15
      ? ["null"]
      : [
          "(select max(stats_reset) from pg_stat_database)",
          "(select stats_reset from pg_stat_bgwriter)",
          "(select stats_reset from pg_stat_archiver)",
          "(select stats_reset from pg_stat_wal)",
          "(select max(stats_reset) from pg_stat_slru)",
          "(select max(stats_reset) from pg_stat_replication_slots)",
          "(select stats_reset from pg_stat_statements_info)",
          "(select max(stats_reset) from pg_stat_subscription_stats)",
          "(select stats_reset from pg_stat_recovery_prefetch)",
          ...(major >= 16 ? ["(select max(stats_reset) from pg_stat_io)"] : []),
          ...(major >= 17 ? ["(select stats_reset from pg_stat_checkpointer)"] : []),
          ...(major >= 18
            ? ["(select max(stats_reset) from pg_stat_get_backend_io(pg_backend_pid()))"]
            : []),
        ];
  return `select random()::text as "next random", current_user as role, session_user as login,
    concat_ws('; ', current_setting('corpus.setting', true),
      (select string_agg(name || '=' || setting, ', ' order by name) from pg_settings where source = 'session' or name like 'auto_explain.%')) as settings,
    (select string_agg(name, ', ' order by name) from pg_prepared_statements) as prepared,
    (select string_agg(name, ', ' order by name) from pg_cursors where name <> '') as cursors,
    (select string_agg(c, ', ' order by c) from pg_listening_channels() c) as channels,
    (select string_agg(concat_ws(':', classid, objid, mode), ', ' order by classid, objid, mode) from pg_locks
      where locktype = 'advisory' and pid = pg_backend_pid()) as "advisory locks",
    (select count(*) from pg_class where relnamespace = pg_my_temp_schema()) as "temporary tables",
    public.dblink_get_connections()::text as "connections of its own",
    (select checkpoint_lsn from pg_control_checkpoint()) as checkpoint,
    md5(pg_read_file('postgresql.auto.conf')) as configuration,
    pg_conf_load_time() as "configuration loaded",
    (select string_agg(slot_name, ', ' order by slot_name) from pg_replication_slots) as slots,
    (select count(*) from pg_prepared_xacts) as "prepared transactions",
    concat_ws(', ', ${resets.join(", ")}) as "statistics reset"`;
}

export interface Told {
  readonly state: State;
  /** The next random number of the session, which only one that was seeded gives twice. */
  readonly random: string | undefined;
}

/** The state now; what cannot be asked any more is a state too. */
export async function stateOf(asker: Asker, major: number): Promise<Told> {
  try {
    const { "next random": random, ...state } = await asker.row<Record<string, unknown>>(
      question(major),
    );
    const told = Object.entries(state).map(([name, value]) => [
      name,
      value instanceof Date ? value.toISOString() : value === null ? null : String(value),
    ]);
    return { state: Object.fromEntries(told) as State, random: String(random) };
  } catch (error) {
    return { state: { "cannot be asked": (error as Error).message }, random: undefined };
  }
}

/** The names of what is not as it was. */
export function changes(before: State, after: State): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => before[name] !== after[name],
  );
}

/** The state that each connection has had before anybody did anything with it. */
export class CleanStates {
  readonly #major: number;
  readonly #known = new Map<Asker, State>();

  constructor(major: number) {
    this.#major = major;
  }

  async of(asker: Asker): Promise<State> {
    const known = this.#known.get(asker);
    if (known !== undefined) return known;
    const { state } = await stateOf(asker, this.#major);
    this.#known.set(asker, state);
    return state;
  }

  /** The connection is closed, or will be another one. */
  forget(asker: Asker): void {
    this.#known.delete(asker);
  }
}
