import { ClusterError } from "./errors.ts";

/** Settings of postgresql.conf, by name. */
export type Settings = Readonly<Record<string, string>>;

/**
 * What every server of a cluster starts with. Data is not meant to survive the machine, so what
 * only protects it from a power cut is off; what an application can notice is as in production.
 */
export const BASE_SETTINGS: Settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "64MB",
  timezone: "UTC",
  log_timezone: "UTC",

  wal_level: "replica",
  fsync: "off",
  full_page_writes: "off",
  // Asynchronous commit would leave a commit unsent for up to three times wal_writer_delay, which
  // looks just like a lagging reader.
  synchronous_commit: "on",
  wal_writer_delay: "10ms",
  max_wal_senders: "20",
  wal_keep_size: "256MB",
  max_prepared_transactions: "8",

  hot_standby: "on",
  hot_standby_feedback: "off",
  wal_retrieve_retry_interval: "50ms",

  logging_collector: "off",
  log_destination: "stderr",
  log_line_prefix: "%m [%p] ",
  log_min_messages: "warning",
  log_checkpoints: "off",
};

// Each of them is this package's way to find, tell apart or connect the servers.
const RESERVED = new Set([
  "port",
  "listen_addresses",
  "unix_socket_directories",
  "cluster_name",
  "primary_conninfo",
  "hot_standby",
  "data_directory",
  "external_pid_file",
  "logging_collector",
  "log_destination",
]);

/**
 * Refuses settings that cannot be given.
 *
 * @throws ClusterError `INVALID_OPTION`
 */
export function checkSettings(settings: Settings): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name)) {
      throw new ClusterError("INVALID_OPTION", `${JSON.stringify(name)} is no name of a setting.`);
    }
    if (typeof value !== "string") {
      throw new ClusterError(
        "INVALID_OPTION",
        `The setting ${name} is ${typeof value}. Give settings as text, as in postgresql.conf.`,
      );
    }
    if (RESERVED.has(name.toLowerCase())) {
      throw new ClusterError(
        "INVALID_OPTION",
        `The setting ${name} is the cluster's own: without its value the servers are not found. ` +
          "Leave it out.",
      );
    }
  }
}

/**
 * Settings as lines of postgresql.conf.
 *
 * @example
 * formatSettings({ work_mem: "4MB" }); // "work_mem = '4MB'\n"
 */
export function formatSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quote(value)}\n`)
    .join("");
}

function quote(value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n");
  return `'${escaped}'`;
}

/**
 * A libpq connection string.
 *
 * @example
 * formatConninfo({ host: "127.0.0.1", password: "it's" }); // "host='127.0.0.1' password='it\\'s'"
 */
export function formatConninfo(parameters: Readonly<Record<string, string | number>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => {
      const escaped = String(value).replaceAll("\\", "\\\\").replaceAll("'", "\\'");
      return `${name}='${escaped}'`;
    })
    .join(" ");
}
