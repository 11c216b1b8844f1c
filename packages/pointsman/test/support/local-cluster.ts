import { randomUUID } from "node:crypto";
import { type Cluster, type ClusterOptions, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";

/** SQL that tells, from inside a statement, which server runs it. */
export const here = "current_setting('cluster_name')";

/** A real cluster for the tests of one file, and what they ask of it. */
export interface LocalCluster {
  readonly cluster: Cluster;
  /** A pool on the writer and reader endpoints, ended when the test is over. */
  pool(options?: PoolOptions): Pool;
  /** A plain connection of `pg`, closed when the test is over. Default: to the writer. */
  connect(url?: string): Promise<Client>;
  /** Runs SQL on the writer, past the library, and waits until the readers have it too. */
  setUp(sql: string): Promise<void>;
  /** The servers that a text with this mark has reached, as their logs tell. */
  reached(mark: string): string[];
  /** How often each of those servers has run a text with this mark. */
  runs(mark: string): Record<string, number>;
}

/**
 * Starts one cluster for the file that calls it, and asserts at the end that its readers were used:
 * a library that sends everything to the writer would pass many a test.
 */
export function localCluster(options: ClusterOptions & { readonly schema?: string }): LocalCluster {
  const { schema, ...clusterOptions } = options;
  let cluster: Cluster | undefined;
  const running = (): Cluster => {
    if (cluster === undefined) throw new Error("The cluster runs only during tests.");
    return cluster;
  };
  const local: LocalCluster = {
    get cluster() {
      return running();
    },
    pool(poolOptions = {}) {
      const { writer, reader } = running();
      const readers =
        "reader" in poolOptions || "readers" in poolOptions || poolOptions.mirror === true
          ? {}
          : { reader: reader.url };
      // The catalog's connections would be among those that a test counts: who wants it says so.
      const pool = createPool({
        writer: writer.url,
        catalog: false,
        ...readers,
        ...poolOptions,
      });
      onTestFinished(() => endPool(pool), 5_000);
      return pool;
    },
    async connect(url = running().writer.url) {
      const client = new Client({ connectionString: url });
      client.on("error", () => {});
      await client.connect();
      onTestFinished(() => client.end());
      return client;
    },
    setUp: (sql) => setUp(running(), sql),
    reached: (mark) =>
      running()
        .servers.filter((server) => server.log().includes(mark))
        .map(({ name }) => name),
    runs: (mark) =>
      Object.fromEntries(
        running()
          .servers.map((server) => [server.name, timesRun(server.log(), mark)] as const)
          .filter(([, times]) => times > 0),
      ),
  };
  let readsAtStart = 0;
  beforeAll(async () => {
    cluster = await startCluster({ logStatements: true, ...clusterOptions });
    if (schema !== undefined) await setUp(cluster, schema);
    readsAtStart = statementsOnReaders(cluster);
  });
  afterAll(async () => {
    const used = statementsOnReaders(running()) - readsAtStart;
    await running().stop();
    expect(used, "no statement of these tests has reached a reader").toBeGreaterThan(0);
  });
  return local;
}

async function setUp(cluster: Cluster, sql: string): Promise<void> {
  const client = new Client({ connectionString: cluster.writer.url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
  await cluster.waitForReplay();
}

async function endPool(pool: Pool): Promise<void> {
  await pool.end().catch((error: Error) => {
    if (error.message !== "Called end on pool more than once") throw error;
  });
}

/** A comment that occurs in no other text. */
export function newMark(): string {
  return `/* ${randomUUID()} */`;
}

const entryStart = /^\d{4}-\d{2}-\d{2} [\d:.]+ \S+ \[\d+\] /m;

function timesRun(log: string, mark: string): number {
  return log
    .split(entryStart)
    .filter((entry) => /^LOG: {2}(statement|execute [^:]*): /.test(entry) && entry.includes(mark))
    .length;
}

function statementsOnReaders(cluster: Cluster): number {
  return cluster.readers
    .flatMap((reader) => reader.log().split(entryStart))
    .filter((entry) => /^LOG: {2}(statement|execute [^:]*): (?!.*pg_control_system)/.test(entry))
    .length;
}
