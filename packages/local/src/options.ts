import { randomBytes } from "node:crypto";
import { ClusterError } from "./errors.ts";
import { checkSettings } from "./settings.ts";

/** What {@link startCluster} can be told; all of it has a default. */
export interface ClusterOptions {
  /** How many readers follow the writer: 0 to 15, as many as Aurora has. Default: 1. */
  readonly readers?: number | undefined;
  /**
   * The folder with `initdb` and `postgres` of the PostgreSQL to run, 14 or newer. Default: see
   * `version`.
   */
  readonly bin?: string | undefined;
  /**
   * The major version to run, such as "14", from what is installed (see {@link findBinaries}).
   * Default: what the environment variable `POINTSMAN_PG_BIN` names, else the version that came
   * with this package.
   */
  readonly version?: string | undefined;
  /**
   * More of postgresql.conf, for all servers; stronger than this package's own choices, except for
   * what the cluster needs to find its servers (`port`, `cluster_name`…), which is refused.
   */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Log every statement of the application (`log_statement = all`). Default: false. */
  readonly logStatements?: boolean | undefined;
  /** The database that the URLs name; it is created. Default: "app". */
  readonly database?: string | undefined;
  /** The user that the URLs name, a superuser. Default: "app". */
  readonly user?: string | undefined;
  /**
   * The user's password. Default: a random one, since whoever knows it can run programs as you
   * through PostgreSQL, and everyone on the machine can reach its ports.
   */
  readonly password?: string | undefined;
  /**
   * The port of the writer endpoint; the reader endpoint gets the next one, and the instance
   * endpoints the ones after that. Default: any free ports.
   */
  readonly portBase?: number | undefined;
  /**
   * Put a gateway in front of the cluster where users log in as on RDS with IAM authentication: see
   * {@link IamGateway}. It has endpoints of its own; with `portBase`, their ports are those after
   * the others'. Default: false.
   */
  readonly iam?: boolean | IamOptions | undefined;
  /**
   * Look like Aurora to clients: functions of the WAL, such as `pg_current_wal_lsn()` and
   * `pg_last_wal_replay_lsn()`, fail with Aurora's errors; `aurora_version()`,
   * `aurora_db_instance_identifier()` and `aurora_replica_status()` are there; and the setting
   * `rds.extensions` names `aurora_stat_utils`. The cluster is replicated by streaming all the same.
   * With the setting `wal_level = logical`, `pg_current_wal_lsn()` works, as there. Default: false.
   */
  readonly aurora?: boolean | undefined;
}

/** What there is to choose about the gateway of {@link ClusterOptions.iam}. */
export interface IamOptions {
  /** The AWS region in the endpoints' names. Default: "eu-west-2". */
  readonly region?: string | undefined;
  /** The database user that is made for it, with `rds_iam`. Default: "app_iam". */
  readonly user?: string | undefined;
}

/** {@link ClusterOptions} after their check, with nothing left open. */
export interface ClusterConfig {
  readonly readers: number;
  readonly bin: string | undefined;
  readonly version: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly portBase: number | undefined;
  readonly iam: { readonly region: string; readonly user: string } | undefined;
  readonly aurora: boolean;
}

/** The most readers that a cluster can have. */
export const MOST_READERS = 15;

const LONGEST_NAME = 63;

/**
 * Checks options and fills in the defaults.
 *
 * @throws ClusterError `INVALID_OPTION`
 */
export function resolveOptions(options: ClusterOptions): ClusterConfig {
  const { readers = 1, portBase, settings = {}, logStatements = false } = options;
  const { database = "app", user = "app", password = randomBytes(12).toString("hex") } = options;
  if (!Number.isInteger(readers) || readers < 0 || readers > MOST_READERS) {
    throw invalid(`readers is ${readers}: give a whole number from 0 to ${MOST_READERS}.`);
  }
  const iam = resolveIam(options.iam, user);
  const ports = (readers + 3) * (iam ? 2 : 1);
  const lastPort = (portBase ?? 1) + ports - 1;
  if (!Number.isInteger(portBase ?? 1) || (portBase ?? 1) < 1 || lastPort > 65_535) {
    throw invalid(`portBase is ${portBase}: give a port with ${ports} in a row up to 65535.`);
  }
  if (database === "") throw invalid("database is empty: give a name, or leave it out.");
  if (!isUserName(user)) {
    throw invalid(
      `user is ${JSON.stringify(user)}: give a name of 1 to ${LONGEST_NAME} bytes that does not ` +
        'begin with "pg_", or leave it out.',
    );
  }
  if (password === "" || /[\r\n]/.test(password)) {
    throw invalid("password is empty or has a line break: give one line, or leave it out.");
  }
  checkSettings(settings);
  return {
    readers,
    bin: options.bin,
    version: options.version,
    settings: { ...(logStatements ? { log_statement: "all" } : {}), ...settings },
    database,
    user,
    password,
    portBase,
    iam,
    aurora: options.aurora ?? false,
  };
}

function resolveIam(given: ClusterOptions["iam"], superuser: string): ClusterConfig["iam"] {
  if (given === undefined || given === false) return undefined;
  const { region = "eu-west-2", user = "app_iam" } = given === true ? {} : given;
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    throw invalid(`iam.region is ${JSON.stringify(region)}: give a region, such as "eu-west-2".`);
  }
  if (!isUserName(user) || [superuser, "rds_iam"].includes(user)) {
    throw invalid(
      `iam.user is ${JSON.stringify(user)}: give a name of 1 to ${LONGEST_NAME} bytes that is ` +
        "neither PostgreSQL's own nor the superuser's.",
    );
  }
  return { region, user };
}

/** Whether PostgreSQL takes it as the name of a user; some are its own. */
function isUserName(name: string): boolean {
  const reserved = ["public", "none"].includes(name) || /^pg_|\0/.test(name);
  return name !== "" && Buffer.byteLength(name) <= LONGEST_NAME && !reserved;
}

function invalid(message: string): ClusterError {
  return new ClusterError("INVALID_OPTION", message);
}
