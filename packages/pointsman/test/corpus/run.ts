import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { createPool } from "pointsman";
import { allStatements } from "./all-statements.ts";
import { Asker } from "./asker.ts";
import { byKeyword, byTree, type Target } from "./baselines.ts";
import type { SeenOnReaders, SeenOnWriter } from "./evidence.ts";
import { Folder } from "./folder.ts";
import { Holder } from "./holder.ts";
import { type Label, labelOf } from "./label.ts";
import { OnReaders } from "./on-readers.ts";
import { OnWriter, type Position } from "./on-writer.ts";
import { clusterOptions, elsewhere, keptSession, renewDatabase, setUp } from "./set-up.ts";
import type { Role, Statement } from "./statement.ts";

/** A statement, where it belongs, and where each rule sends it. */
export interface Labelled {
  readonly statement: Statement;
  readonly label: Label;
  readonly routes: {
    /** The router, which asks the database. */
    readonly router: Target;
    /** The router that goes by the texts alone. */
    readonly texts: Target;
    readonly keyword: Target;
    readonly tree: Target;
  };
  /** The router's reason. */
  readonly reason: string;
}

export interface CorpusRun {
  readonly seed: number;
  /** How many statements there are, of which every so many was run. */
  readonly generated: number;
  readonly every: number;
  /** Of the servers: 14, 15… */
  readonly major: number;
  readonly labelled: readonly Labelled[];
  /** Extensions of the installation that cannot be created on this machine. */
  readonly missing: readonly string[];
  readonly seconds: number;
}

/**
 * Runs the statements of a seed on a writer and on readers, and asks the router about each of them.
 *
 * The readers are stopped at the state that every statement starts from. The writer's database is
 * made anew, from a copy of it, after each statement that has written anything.
 *
 * @param every - runs every so many of them: a sample of all classes
 */
export async function runCorpus(
  seed: number,
  { every = 1 }: { readonly every?: number } = {},
  progress: (phase: string, done: number, of: number) => void = () => {},
): Promise<CorpusRun> {
  const begun = performance.now();
  const folder = new Folder();
  try {
    await using cluster = await startCluster(clusterOptions);
    const major = Number.parseInt(cluster.version, 10);
    const idle = await idleConnection(cluster);
    const { missing } = await setUp(cluster, (idle as unknown as { processID: number }).processID);
    const client = new pg.Client({ connectionString: cluster.writer.url });
    await client.connect();
    const all = await allStatements(client, seed, { folder: folder.path, major });
    const statements = all.filter((_, index) => index % every === 0);
    await client.end();
    await cluster.waitForReplay();
    const routes = await routesOf(cluster, statements, true);
    const byTexts = await routesOf(cluster, statements, false);
    await cluster.pauseReplay();
    const labels = await labelsOf(cluster, statements, folder, major, progress);
    await idle.end();
    const labelled = statements.map((statement, index) => {
      const { target, reason } = routes[index] as Route;
      const baselines = { keyword: byKeyword(statement.text), tree: byTree(statement.text) };
      return {
        statement,
        label: labels[index] as Label,
        routes: { router: target, texts: (byTexts[index] as Route).target, ...baselines },
        reason,
      };
    });
    const generated = all.length;
    return {
      seed,
      generated,
      every,
      major,
      labelled,
      missing,
      seconds: (performance.now() - begun) / 1_000,
    };
  } finally {
    folder.remove();
  }
}

interface Route {
  readonly target: Target;
  readonly reason: string;
}

/** Where the router sends each text, asked by those who send it. */
async function routesOf(
  cluster: Cluster,
  statements: readonly Statement[],
  catalog: boolean,
): Promise<Route[]> {
  const pools = {
    app: createPool({ writer: cluster.writer.url, reader: cluster.reader.url, catalog }),
    clerk: createPool({
      writer: asClerk(cluster.writer.url),
      reader: asClerk(cluster.reader.url),
      catalog,
    }),
  };
  try {
    return await Promise.all(statements.map(({ text, as = "app" }) => pools[as].explain(text)));
  } finally {
    await Promise.all([pools.app.end(), pools.clerk.end()]);
  }
}

async function labelsOf(
  cluster: Cluster,
  statements: readonly Statement[],
  folder: Folder,
  major: number,
  progress: (phase: string, done: number, of: number) => void,
): Promise<Label[]> {
  const admin = new pg.Client({ connectionString: elsewhere(cluster) });
  admin.on("error", () => {});
  const position = async (): Promise<Position> => {
    const { rows } = await admin.query<Position>(
      "select pg_snapshot_xmax(pg_current_snapshot())::text as transaction, pg_current_wal_insert_lsn() as wal",
    );
    return rows[0] as Position;
  };
  const [one, two] = cluster.readers as [Cluster["readers"][0], Cluster["readers"][0]];
  const [first, second] = [askers(one.url), askers(two.url)];
  const writer = askers(cluster.writer.url, keptSession);
  const undoer = new Asker(cluster.writer.url, "app");
  const holder = new Holder(two.url);
  try {
    await admin.connect();
    await holder.open();
    const readers = new OnReaders({
      first,
      second,
      holder,
      writerMoves: async () => (await position()).transaction,
      folder,
      major,
    });
    const onReaders: SeenOnReaders[] = [];
    for (const statement of statements) {
      onReaders.push(await readers.see(statement));
      progress("readers", onReaders.length, statements.length);
    }
    const onWriter = new OnWriter({
      askers: writer,
      undoer,
      reader: first,
      position,
      renewDatabase: () => renewDatabase(admin, cluster.database, major),
      folder,
      major,
    });
    const seen = new Map<number, SeenOnWriter>();
    // What can be compared comes first, in a database that nothing has been done to.
    for (const accepted of [true, false]) {
      for (const [index, statement] of statements.entries()) {
        const reader = onReaders[index] as SeenOnReaders;
        if (reader.outcome.accepted !== accepted) continue;
        seen.set(
          index,
          await (accepted ? onWriter.see(statement, reader) : onWriter.try(statement)),
        );
        progress(accepted ? "writer, compared" : "writer", seen.size, statements.length);
      }
    }
    return statements.map((statement, index) =>
      labelOf(statement, {
        readers: onReaders[index] as SeenOnReaders,
        writer: seen.get(index) as SeenOnWriter,
      }),
    );
  } finally {
    const open = [
      ...Object.values(first),
      ...Object.values(second),
      ...Object.values(writer),
      undoer,
    ];
    await Promise.all(open.map((asker) => asker.close()));
    await holder.close();
    await admin.end();
  }
}

function askers(url: string, prelude?: string): Record<Role, Asker> {
  return { app: new Asker(url, "app", prelude), clerk: new Asker(url, "clerk") };
}

/** A process of the writer that texts can name: its number is in a table. */
async function idleConnection(cluster: Cluster): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: elsewhere(cluster) });
  client.on("error", () => {});
  await client.connect();
  return client;
}

function asClerk(text: string): string {
  const url = new URL(text);
  url.username = "clerk";
  return url.href;
}
