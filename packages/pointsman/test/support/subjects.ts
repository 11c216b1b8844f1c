import { type Cluster, type ClusterOptions, startCluster } from "@pointsman/local";
import pg, { type PoolConfig } from "pg";
import { Pool, type PoolOptions } from "pointsman";
import { afterAll, afterEach, beforeAll } from "vitest";

/** One way to make a pool. What holds of pg's own is what the others are held to. */
export interface Subject {
  readonly name: string;
  /** Opens a pool on the test's cluster; it is ended after the test if the test has not done so. */
  open(options?: PoolConfig): pg.Pool;
  /** One pool for all tests of the file, where none of them minds the others. */
  shared(): pg.Pool;
}

/** The same, where the test is about what only this library has. */
export interface OwnSubject extends Subject {
  open(options?: PoolOptions): Pool;
}

export interface Subjects {
  readonly cluster: () => Cluster;
  readonly reference: Subject;
  readonly oneServer: OwnSubject;
  readonly withReaders: OwnSubject;
  /** All three. */
  readonly all: readonly Subject[];
  /** Those whose clients are connections. */
  readonly direct: readonly Subject[];
  /** Those of this library. */
  readonly own: readonly OwnSubject[];
}

/** Starts a cluster for a file of tests and gives the pools that are compared on it. */
export function subjectsOnCluster(options: ClusterOptions = { readers: 1 }): Subjects {
  let running: Cluster | undefined;
  const opened: pg.Pool[] = [];
  const cluster = (): Cluster => {
    if (running === undefined) throw new Error("the cluster runs only while tests do");
    return running;
  };
  const subject = <O, P extends pg.Pool>(name: string, make: (options?: O) => P) => {
    let pool: P | undefined;
    return {
      name,
      open: (options?: O) => {
        const made = make(options);
        opened.push(made);
        return made;
      },
      shared: () => {
        pool ??= make();
        return pool;
      },
      close: () => pool?.end(),
    };
  };
  const reference = subject(
    "pg.Pool",
    (more?: PoolConfig) => new pg.Pool({ connectionString: cluster().writer.url, ...more }),
  );
  const oneServer = subject(
    "with one server",
    (more?: PoolOptions) => new Pool({ connectionString: cluster().writer.url, ...more }),
  );
  const withReaders = subject(
    "with readers",
    (more?: PoolOptions) =>
      new Pool({ writer: cluster().writer.url, reader: cluster().reader.url, ...more }),
  );

  beforeAll(async () => {
    running = await startCluster(options);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pool) => (pool.ending ? undefined : pool.end())));
  });
  afterAll(async () => {
    await Promise.all([reference, oneServer, withReaders].map((one) => one.close()));
    await running?.stop();
  });

  return {
    cluster,
    reference,
    oneServer,
    withReaders,
    all: [reference, oneServer, withReaders],
    direct: [reference, oneServer],
    own: [oneServer, withReaders],
  };
}
