import { expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({
  readers: 1,
  schema: "create function one() returns int language sql as 'select 1'",
  settings: { log_connections: "on" },
});

/** The names of the connections that servers have been asked for since a moment. */
function namesSince(moment: ReadonlyMap<string, number>): Record<string, string[]> {
  return Object.fromEntries(
    local.cluster.servers.map((server) => {
      const lines = server.log().slice(moment.get(server.name)).split("\n");
      const opened = lines.filter((line) => line.includes("connection authorized: "));
      const names = opened.map((line) => /application_name=(\S+)/.exec(line)?.[1] ?? "none");
      return [server.name, [...new Set(names)].sort()];
    }),
  );
}

const now = (): ReadonlyMap<string, number> =>
  new Map(local.cluster.servers.map((server) => [server.name, server.log().length]));

it("application_name is that of every connection, the library's own too", async () => {
  const begun = now();
  const pool = local.pool({
    application_name: "shop",
    catalog: true,
    topology: { type: "replication", interval: "100ms" },
    maxLag: "10s",
    lanes: { after: 0 },
  });
  await pool.query("select 1");
  await pool.query("create table if not exists names (id int)");
  await pool.transaction((tx) => tx.query("select 1"));
  await until("functions are known", async () => {
    await pool.query("select one()");
    return (await pool.explain("select one()")).target === "reader";
  });
  await until("the topology was looked at", () => (pool.stats().topology?.looks ?? 0) > 1);
  await pool.end();
  expect(namesSince(begun)).toEqual({ writer: ["shop"], reader1: ["shop"] });
});

it("application_name may be another one for each endpoint", async () => {
  const begun = now();
  const { writer, reader } = local.cluster;
  const pool = local.pool({
    writer: { connectionString: writer.url, application_name: "shop-writes" },
    reader: { connectionString: reader.url, application_name: "shop-reads" },
  });
  await pool.query("select 1");
  await pool.query("create table if not exists names (id int)");
  await pool.end();
  expect(namesSince(begun)).toEqual({ writer: ["shop-writes"], reader1: ["shop-reads"] });
});

it("application_name may stand in the URLs", async () => {
  const begun = now();
  const { writer, reader } = local.cluster;
  const pool = local.pool({
    writer: `${writer.url}?application_name=shop-writes`,
    reader: `${reader.url}?application_name=shop-reads`,
  });
  await pool.query("select 1");
  await pool.query("create table if not exists names (id int)");
  await pool.end();
  expect(namesSince(begun)).toEqual({ writer: ["shop-writes"], reader1: ["shop-reads"] });
});
