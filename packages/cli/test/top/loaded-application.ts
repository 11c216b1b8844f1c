// An application under a steady load, until it is told to end. What each text costs is far from what
// the next one costs, so that their order is known.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createPool, withWriter } from "pointsman";
import { Gauge, Registry } from "prom-client";
import { metrics } from "../../../pointsman/src/monitoring/metrics.ts";
import { readPool } from "../../../pointsman/src/monitoring/pool-meter.ts";

const pool = createPool({ consistency: "eventual", catalog: false, lanes: false });
const busy = new AbortController();
const { signal } = busy;

async function keep(pauseMillis: number, send: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await send().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, pauseMillis));
  }
}

/** What a scrape tells, of the metrics that are read on demand. */
const registry = new Registry();
for (const { prometheus: name, description: help, labels } of Object.values(metrics)) {
  const mine = readPool(pool).some(({ metric }) => metrics[metric].prometheus === name);
  if (!mine) continue;
  new Gauge({
    ...{ name, help, labelNames: labels, registers: [registry] },
    collect() {
      for (const { metric, value, labels: own } of readPool(pool)) {
        if (metrics[metric].prometheus === name) this.set(own, value);
      }
    },
  });
}
const statements = new Gauge({
  ...{ name: metrics.statements.prometheus, help: "Statements.", registers: [registry] },
  labelNames: metrics.statements.labels,
});
const server = createServer(async (request, response) => {
  if (request.url !== "/metrics") {
    response.writeHead(404).end();
    return;
  }
  const { reader, writer } = pool.stats().targets;
  statements.set({ role: "reader", reason: "plain-read", endpoint: "r.internal:5432" }, reader);
  statements.set({ role: "writer", reason: "data-change", endpoint: "w.internal:5432" }, writer);
  response.setHeader("content-type", registry.contentType);
  response.end(await registry.metrics());
}).listen(0, "127.0.0.1");

await pool.query("create table if not exists books (id int, title text, stock int)");
const under = Promise.all([
  keep(10, () => pool.query("insert into books select 1, 'A', 2 from pg_sleep(0.5)")),
  keep(200, () => pool.query("select pg_sleep(0.2) -- slow")),
  keep(100, () =>
    pool.query(
      "select id, '\x1b[31m' from (select pg_sleep(0.05)) as s left join books on title = '表'",
    ),
  ),
  keep(150, () => withWriter(() => pool.query("select 2 from pg_sleep(0.02)"))),
  keep(300, () => pool.query('select $1::int as "表の名前" from pg_sleep(0.005)', [1])),
]);
process.once("SIGTERM", async () => {
  busy.abort();
  await under;
  await pool.end();
  server.close();
  process.exit(0);
});
console.log((server.address() as AddressInfo).port);
