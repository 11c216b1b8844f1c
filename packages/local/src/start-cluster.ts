import { serverAccount } from "./account.ts";
import { admit, databaseUrl, openRelay } from "./admit.ts";
import { imitateAurora } from "./aurora.ts";
import { findBinaries } from "./binaries.ts";
import type { Cluster, IamCluster } from "./cluster.ts";
import type { ControlConnection } from "./control-connection.ts";
import { choosePath, makeFolder } from "./data-folder.ts";
import { openIam } from "./iam/members.ts";
import { identifier } from "./identifier.ts";
import { inTurn } from "./in-turn.ts";
import { launch, prepare, START_TIMEOUT_MS } from "./launch.ts";
import { LocalCluster } from "./local-cluster.ts";
import { type ClusterOptions, type IamOptions, resolveOptions } from "./options.ts";
import type { Postmaster } from "./postmaster.ts";
import { RelayEndpoint } from "./relay-endpoint.ts";
import { Running } from "./running.ts";
import type { Site } from "./site.ts";
import { Watchdog } from "./watchdog.ts";

/**
 * Starts a cluster with a gateway in front of it, where users log in as on RDS with IAM
 * authentication; all else is as without.
 *
 * @throws ClusterError with any code but `STOPPED`; nothing is left behind then
 * @example
 * const { iam } = await startCluster({ iam: { region: "eu-central-1" } });
 * console.log(iam.environment);
 */
export async function startCluster(
  options: ClusterOptions & { readonly iam: true | IamOptions },
): Promise<IamCluster>;
/**
 * Starts a real PostgreSQL cluster on this machine: one writer, and readers that follow it by
 * streaming replication. It keeps the process running until it is stopped, and is gone, servers
 * and files, as soon as the process is, however that ends.
 *
 * @throws ClusterError with any code but `STOPPED`; nothing is left behind then
 * @example
 * const cluster = await startCluster({ readers: 2 });
 * const writer = new pg.Pool({ connectionString: cluster.writer.url });
 * const reader = new pg.Pool({ connectionString: cluster.reader.url });
 * // …
 * await cluster.stop();
 */
export async function startCluster(options?: ClusterOptions): Promise<Cluster>;
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const config = resolveOptions(options);
  const binaries = await findBinaries(config);
  const account = serverAccount();
  const folder = await choosePath(account, { forSockets: config.iam !== undefined });
  // Before the folder is made: there is no moment at which it could be left behind.
  const watchdog = new Watchdog(folder);
  const site: Site = { config, binaries, account, folder, watchdog };
  const running = new Running();
  try {
    await makeFolder(folder, account);
    await prepare(site);
    return await open(site, running, await launch(site, running));
  } catch (error) {
    await running.tearDown(site);
    throw error;
  }
}

/** Puts the endpoints in front of running servers and makes the application's database. */
async function open(
  site: Site,
  running: Running,
  postmasters: readonly Postmaster[],
): Promise<Cluster> {
  const { config } = site;
  const { roster } = running;
  const writer = await openRelay(site, running, () => running.writerEndpoint.server.direct, 0);
  const nextReader = inTurn(() => roster.forReads);
  const reader = await openRelay(site, running, () => nextReader().direct, 1);
  for (const [index, postmaster] of postmasters.entries()) {
    const follows = index === 0 ? undefined : roster.writer;
    await admit(site, running, postmaster, follows, 2 + index);
  }

  const { control } = roster.writer;
  if (config.aurora) await imitateAurora((database) => control.to(database));
  await createDatabase(control, config.database);
  if (config.iam) await openIam(site, running, config.iam);
  const cluster = new LocalCluster(site, running, {
    writer: new RelayEndpoint(writer, databaseUrl(config, writer)),
    reader: new RelayEndpoint(reader, databaseUrl(config, reader)),
  });
  await cluster.waitForReplay(START_TIMEOUT_MS);
  return cluster;
}

async function createDatabase(control: ControlConnection, database: string): Promise<void> {
  const existing = ["postgres", "template1"];
  if (existing.includes(database)) return;
  await control.query(`CREATE DATABASE ${identifier(database)}`);
}
