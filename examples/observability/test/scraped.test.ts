import { spawnSync } from "node:child_process";
import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../packages/pointsman/test/support/waiting.ts";
import { type Load, startLoad } from "../src/customers.ts";
import { createSchema } from "../src/schema.ts";
import { alertRules, asSent, dashboardQueries, rulesOf } from "./support/files.ts";
import {
  hasPrometheus,
  needsPrometheus,
  type Prometheus,
  startPrometheus,
} from "./support/prometheus.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";

/** What is empty as long as all is well, or before a thousand reads, by its panel or its metric. */
const mayBeEmpty = [
  "Errors by code",
  "Share of statements that fail",
  "Reads that go to the writer",
  "Connections that failed",
  "Statements sent again, or elsewhere",
  "pointsman_failover_duration_seconds",
];

describe.skipIf(!hasPrometheus)(
  `the shop under load, scraped by a Prometheus${hasPrometheus ? "" : ` (${needsPrometheus})`}`,
  () => {
    const opened: (() => Promise<unknown>)[] = [];
    let cluster: Cluster;
    let shop: ShopProcess;
    let customers: Load;
    let prometheus: Prometheus;

    beforeAll(async () => {
      cluster = await startCluster({ readers: 2 });
      opened.push(() => cluster.stop());
      const pool = createPool({ writer: cluster.writer.url, max: 1 });
      await createSchema(pool).finally(() => pool.end());
      await cluster.waitForReplay();
      shop = await startShop({
        DATABASE_URL: cluster.writer.url,
        DATABASE_READER_URL: cluster.readers.map(({ url }) => url).join(),
      });
      opened.push(() => shop.stop());
      customers = startLoad(shop.url, 40);
      opened.push(() => customers.stop());
      prometheus = await startPrometheus({ targets: [shop.target], rules: alertRules });
      opened.push(() => prometheus.stop());
      await until("customers are served", () => customers.counts.answered > 100, 60_000);
      await endConnections();
    }, 180_000);

    afterAll(async () => {
      while (opened.length > 0) await opened.pop()?.();
    });

    /** An administrator ends all connections of the shop to the writer. */
    async function endConnections(): Promise<void> {
      const client = new Client({ connectionString: cluster.writer.url });
      await client.connect();
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      await client.end();
    }

    /** The queries that say nothing yet, of those that must say something. */
    async function silentQueries(): Promise<readonly string[]> {
      const silent: string[] = [];
      for (const { panel, expression } of dashboardQueries) {
        const samples = await prometheus.query(asSent(expression, 10));
        if (mayBeEmpty.some((name) => panel === name || expression.includes(name))) continue;
        if (samples.some(({ value }) => Number.isFinite(value))) continue;
        silent.push(`${panel}: ${expression}`);
      }
      return silent;
    }

    it("answers every query of the dashboard, and has data for what there is always", async () => {
      let silent: readonly string[] = [];
      await until(
        "every query has data",
        async () => {
          silent = await silentQueries();
          return silent.length === 0;
        },
        40_000,
      ).catch(() => {});
      expect(silent).toEqual([]);
    }, 60_000);

    it("is given metrics in which promtool finds nothing wrong", async () => {
      const text = await (await fetch(`${shop.url}/metrics`)).text();
      const own = text.split("\n").filter((line) => line.includes("pointsman_"));
      expect(own.length).toBeGreaterThan(100);
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: `${own.join("\n")}\n`,
        encoding: "utf8",
      });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
    });

    it("can evaluate every alert", async () => {
      for (const { name, expression } of rulesOf(alertRules)) {
        await expect(prometheus.query(expression), name).resolves.toBeDefined();
      }
      expect(await prometheus.brokenRules()).toEqual([]);
    });

    it("tells of the shop what its customers have done", async () => {
      const count = async (role: string) => {
        const told = await prometheus.query(
          `sum by (pool) (pointsman_statements_total{role="${role}"})`,
        );
        expect(told.map(({ labels }) => labels)).toEqual([{ pool: "shop" }]);
        return told[0]?.value ?? 0;
      };
      const [reads, writes] = [await count("reader"), await count("writer")];
      expect(writes).toBeGreaterThan(5);
      expect(reads).toBeGreaterThan(writes);
      const readers = await prometheus.query("pointsman_reader_available == 1");
      expect(readers.map(({ labels }) => labels["endpoint"]).sort()).toEqual(
        cluster.readers.map(({ host, port }) => `${host}:${port}`).sort(),
      );
    });

    it("has counted the connections that an administrator has ended", async () => {
      const lost = await prometheus.query(
        "sum by (pool, role, reason) (pointsman_evictions_total)",
      );
      expect(lost.map(({ labels }) => labels)).toContainEqual({
        pool: "shop",
        role: "writer",
        reason: "lost",
      });
    });
  },
);
