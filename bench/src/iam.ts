import { readFileSync } from "node:fs";
import type { Cluster } from "@pointsman/local";
import pg from "pg";
import { iam, Pool } from "pointsman";
import { type Benchmark, type Contender, type Count, findCount } from "./harness/benchmark.ts";
import type { Servers } from "./harness/servers.ts";
import { closedLoop } from "./workloads/closed-loop.ts";

const unlimited = { connectionsPerSecond: Number.POSITIVE_INFINITY } as const;
/** Connections a second: so few that any machine could open more, and the limit is what is seen. */
const gentle = 20;

/** Every query opens a connection of its own, runs, and closes it. */
const each = { maxUses: 1, max: 10 } as const;

const contenders = {
  "pg.Pool, a password over TLS": (servers) => {
    const { username: user, password, port, searchParams } = withPassword(servers);
    const ca = readFileSync(searchParams.get("sslrootcert") as string);
    // It knows no hostaddr, so it cannot verify the name, which costs next to nothing.
    const ssl = { ca, checkServerIdentity: () => undefined };
    const to = { host: "127.0.0.1", port: Number(port), database: "app", user, password };
    return opening(new pg.Pool({ ...to, ssl, ...each }));
  },
  "pointsman, a password over TLS": (servers) =>
    opening(new Pool({ writer: withPassword(servers).href, ...each })),
  "pointsman, IAM": (servers) => opening(withIam(servers, {})),
  "pointsman, IAM, a token for each": (servers) => opening(withIam(servers, { reuseMillis: 0 })),
} as const satisfies Benchmark["contenders"];

export const benchmark: Benchmark = {
  title: "What a login costs: IAM against a password, and how often credentials are asked for.",
  cluster: { options: { readers: 0, iam: true, settings: { max_connections: "1200" } } },
  contenders,
  comparisons: [
    {
      name: "a connection opened, used once and closed",
      contenders: Object.keys(contenders),
      baseline: "pg.Pool, a password over TLS",
      concurrency: [1, 10],
    },
  ],
  // In this order: the gateway remembers the busiest second of all.
  counts: async (cluster, { quick }) => [
    ...(await countRate(cluster, quick ? 20 : 80)),
    ...(await countLogins(cluster, quick ? 50 : 1000)),
  ],
  goals: [
    {
      name: "credential calls per 1000 connections",
      atMost: 2,
      measured: (_results, counts) => findCount(counts, callsName),
    },
    {
      name: `logins in the busiest second, at ${gentle} a second`,
      // A busy machine bunches what was opened evenly on its way to the gateway.
      atMost: gentle * 1.5,
      measured: (_results, counts) => findCount(counts, busiestName),
    },
  ],
};

const callsName = "calls of the credential provider for 1000 connections opened at once";
const busiestName = `logins in the busiest second, with connectionsPerSecond: ${gentle}`;

async function countLogins(cluster: Cluster, connections: number): Promise<Count[]> {
  const gateway = gatewayOf(cluster);
  const servers = { ...gateway.environment };
  const [{ requests }, { distinctTokens, logins }] = [gateway.credentials, gateway.seen];
  const pool = withIam(servers, {}, { max: connections, maxUses: undefined });
  try {
    const hold = `select pg_sleep(${connections / 250})`;
    await Promise.all(Array.from({ length: connections }, () => pool.query(hold)));
    if (gateway.seen.logins - logins !== connections) throw new Error("Not every login was new.");
  } finally {
    await pool.end();
  }
  return [
    { name: callsName, value: gateway.credentials.requests - requests },
    {
      name: "tokens signed for 1000 connections opened at once",
      value: gateway.seen.distinctTokens - distinctTokens,
    },
    { name: "logins in the busiest second, without a limit", value: gateway.seen.peakPerSecond },
  ];
}

async function countRate(cluster: Cluster, connections: number): Promise<Count[]> {
  const gateway = gatewayOf(cluster);
  const pool = withIam(
    { ...gateway.environment },
    { connectionsPerSecond: gentle },
    { max: connections },
  );
  const { logins } = gateway.seen;
  try {
    const hold = `select pg_sleep(${connections / gentle + 2})`;
    await Promise.all(Array.from({ length: connections }, () => pool.query(hold)));
    if (gateway.seen.logins - logins !== connections) throw new Error("Not every login was new.");
  } finally {
    await pool.end();
  }
  return [{ name: busiestName, value: gateway.seen.peakPerSecond }];
}

async function opening(pool: pg.Pool): Promise<Contender> {
  await pool.query("select 1");
  return { run: closedLoop(() => pool.query("select 1")), close: () => pool.end() };
}

/** The gateway's writer endpoint, for the user that has a password. */
function withPassword({ DATABASE_URL, writer }: Servers): URL {
  const url = new URL(DATABASE_URL as string);
  const { username, password } = new URL(writer as string);
  return Object.assign(url, { username, password });
}

function gatewayOf({ iam: gateway }: Cluster): NonNullable<Cluster["iam"]> {
  if (gateway === undefined) throw new Error("The cluster has no gateway.");
  return gateway;
}

function withIam(
  servers: Servers,
  options: Parameters<typeof iam>[0],
  sizes: { max: number; maxUses?: number | undefined } = each,
): Pool {
  const aws = Object.entries(servers).filter(([name]) => name.startsWith("AWS_"));
  Object.assign(process.env, Object.fromEntries(aws));
  const auth = iam({ ...unlimited, ...options });
  return new Pool({ writer: servers["DATABASE_URL"], auth, ...sizes });
}
