import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IamCluster, startCluster } from "@pointsman/local";
import { createPool } from "pointsman";
import { type Ended, runCli } from "../../../../packages/cli/test/helpers.ts";
import { until } from "../../../../packages/pointsman/test/support/waiting.ts";
import { type Load, startLoad } from "../../src/customers.ts";
import { createSchema } from "../../src/schema.ts";
import { hurriedRules } from "../support/hurried-rules.ts";
import { type Prometheus, startPrometheus } from "../support/prometheus.ts";
import { type ShopProcess, startShop } from "../support/shop-process.ts";
import { superuser } from "./superuser.ts";

/** What an operator's afternoon takes place on. */
export interface Stage {
  /** Logins are with tokens, as on RDS. */
  readonly cluster: IamCluster;
  readonly shop: ShopProcess;
  readonly customers: Load;
  /** Has the alert rules of the example, in a hurry. */
  readonly prometheus: Prometheus;
  /** A frame of `pointsman top`. */
  top(): Promise<Ended>;
  /** `pointsman doctor`, with the environment of the shop. */
  doctor(): Promise<Ended>;
  /** Whatever was done to it. */
  stop(): Promise<void>;
}

const rulesFile = new URL("../../prometheus/alerts.yml", import.meta.url);

/** A cluster with two readers, the shop on it, its customers, and Prometheus. */
export async function setStage(customersPerSecond: number): Promise<Stage> {
  const opened: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    while (opened.length > 0) await opened.pop()?.();
  };
  try {
    const cluster = await startCluster({ readers: 2, iam: true, settings: kept });
    opened.push(() => cluster.stop());
    await prepare(cluster);

    const folder = await mkdtemp(join(tmpdir(), "pointsman-afternoon-"));
    opened.push(() => rm(folder, { recursive: true, force: true }));
    const environment = environmentOf(cluster, folder);
    const shop = await startShop(environment);
    opened.push(() => shop.stop());
    const rules = hurriedRules(await readFile(rulesFile, "utf8"), 5, 1);
    const prometheus = await startPrometheus({ targets: [shop.target], rules });
    opened.push(() => prometheus.stop());
    const customers = startLoad(shop.url, customersPerSecond);
    opened.push(() => customers.stop());
    await calm(prometheus);
    return {
      cluster,
      shop,
      customers,
      prometheus,
      top: () => runCli(["top", folder, "--once", "--interval", "0.5"], { COLUMNS: "80" }),
      doctor: () => runCli(["doctor", "--timeout", "5"], environment),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until readers serve, as they have for as long as the alerts look back, and no alert is left. */
async function calm(prometheus: Prometheus): Promise<void> {
  await until(
    "readers serve, and no alert is left",
    async () => {
      const [served] = await prometheus.query(
        'sum(pointsman_statements_total{role="reader"} offset 5s)',
      );
      return served !== undefined && (await prometheus.alerts()).length === 0;
    },
    60_000,
  );
}

/** What was acknowledged is on a reader, too: a writer that is lost takes nothing along. */
const kept = { synchronous_standby_names: "ANY 1 (*)", synchronous_commit: "on" };

/** Makes the tables and the function of the shop as the shop wants them. */
export async function migrate({ writer }: IamCluster): Promise<void> {
  const pool = createPool({ writer: writer.url, max: 1 });
  try {
    await createSchema(pool);
  } finally {
    await pool.end();
  }
}

/** Makes the tables, and lets the shop's user at them. */
async function prepare(cluster: IamCluster): Promise<void> {
  await migrate(cluster);
  await superuser(
    cluster.writer.url,
    `grant select, insert on all tables in schema public to ${cluster.iam.user};
     -- So that it sees at once which writer a reader follows.
     grant pg_read_all_stats to ${cluster.iam.user}`,
  );
  await cluster.waitForReplay();
}

/** The readers one by one, as where each has an endpoint of its own. */
function environmentOf({ iam }: IamCluster, statsSocket: string): NodeJS.ProcessEnv {
  const [, ...readers] = iam.servers;
  return {
    ...iam.environment,
    DATABASE_READER_URL: readers.map(({ url }) => url).join(","),
    DATABASE_POOL_MAX: "4",
    DATABASE_READER_POOL_MAX: "8",
    DATABASE_STATS_SOCKET: statsSocket,
  };
}
