import { readFileSync } from "node:fs";
import type { Cluster, ClusterOptions } from "@pointsman/local";
import pg from "pg";
import { createExtensions } from "./extensions.ts";

/** Nothing happens by itself, and libraries are loaded before their first use shows. */
export const clusterOptions: ClusterOptions = {
  readers: 2,
  settings: {
    autovacuum: "off",
    checkpoint_timeout: "1h",
    max_wal_size: "8GB",
    shared_preload_libraries: "pg_stat_statements",
    session_preload_libraries: "plpgsql,pg_trgm,postgres_fdw,dblink,isn,pltcl",
    // Every result is compared with that of another server, to the last digit.
    max_parallel_workers_per_gather: "0",
  },
};

/** What a session on the writer has done before each text: it can be used up, reset and closed. */
export const keptSession = `
  set corpus.setting = 'kept';
  prepare kept_read as select 1;
  prepare kept_write as insert into audit (what) values ('kept');
  prepare kept_argument (int) as select $1;
  select pg_advisory_lock(77), pg_advisory_lock(1), pg_advisory_lock(1, 1);
  select pg_advisory_lock_shared(1), pg_advisory_lock_shared(1, 1);
  declare kept_cursor cursor with hold for select id from notes`;

const template = "corpus_template";

/**
 * Makes the database of the corpus, and a copy of it to make it anew from.
 *
 * @param process - the number of a process of the writer, for texts to name
 */
export async function setUp(
  cluster: Cluster,
  process: number,
): Promise<{ readonly missing: readonly string[] }> {
  const client = await connect(cluster.writer.url);
  let missing: string[];
  try {
    for (const file of ["shop", "functions", "traps"]) await client.query(schema(file));
    missing = await createExtensions(client);
    await client.query(foreign(cluster));
    await client.query(`create table elsewhere as select ${process} as pid`);
    // Twice: what the first one has written is frozen too, and reading writes nothing from here on.
    await client.query("vacuum (freeze, analyze)");
    await client.query("vacuum (freeze)");
  } finally {
    await client.end();
  }
  const admin = await connect(elsewhere(cluster));
  try {
    await admin.query(`create database ${template} template ${cluster.database}`);
    await admin.query("begin; select txid_current(); prepare transaction 'waiting'");
    await admin.query("checkpoint");
  } finally {
    await admin.end();
  }
  await cluster.waitForReplay();
  return { missing };
}

/** A database beside that of the corpus, on the writer. */
export function elsewhere(cluster: Cluster): string {
  const url = new URL(cluster.writer.url);
  url.pathname = "/postgres";
  return url.href;
}

/** Makes the database anew, on a connection to another one. */
export async function renewDatabase(admin: pg.Client, name: string, major: number): Promise<void> {
  const strategy = major >= 15 ? " strategy file_copy" : "";
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.query(`create database ${name} template ${template}${strategy}`);
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => {});
  await client.connect();
  return client;
}

function schema(name: string): string {
  return readFileSync(new URL(`schema/${name}.sql`, import.meta.url), "utf8");
}

/** Foreign tables lead to the writer, from readers as well; a file is read where it is. */
function foreign(cluster: Cluster): string {
  const { password } = new URL(cluster.writer.url);
  const { host, port } = cluster.servers[0].direct;
  return `
    alter role clerk password '${password}';
    grant pg_monitor to clerk;
    grant execute on function pg_read_file(text), pg_ls_dir(text) to clerk;
    create server afar foreign data wrapper postgres_fdw
      options (host '${host}', port '${port}', dbname '${cluster.database}');
    create user mapping for ${cluster.user} server afar options (user '${cluster.user}', password '${password}');
    create foreign table notes_afar (id int, body text) server afar options (table_name 'notes');
    create foreign table carts_afar (id int, customer_id int) server afar options (table_name 'carts');
    create server files foreign data wrapper file_fdw;
    create foreign table books_from_file (line text) server files options (filename 'PG_VERSION', format 'text');`;
}
