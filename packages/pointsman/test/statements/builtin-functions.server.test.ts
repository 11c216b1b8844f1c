import { type Cluster, findBinaries, startCluster } from "@pointsman/local";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtinFunction } from "../../src/statements/builtin-functions.ts";
import { classify } from "../../src/statements/classify.ts";
import { readOnlyTransactions, reads, schema, writes } from "./cases.ts";

/** It asks for the temporary schema of the connection, to tell its own temporary tables. */
const tellsTemporaryTables = "information_schema.tables";

/** Functions whose answers or effects no volatility tells; the list of R5 and of the design. */
const toTheWriter = [
  "nextval setval currval lastval setseed set_config txid_current pg_current_xact_id pg_notify",
  "pg_is_in_recovery pg_current_wal_lsn pg_current_wal_insert_lsn pg_current_wal_flush_lsn",
  "pg_export_snapshot pg_backend_pid pg_terminate_backend pg_cancel_backend lo_open lo_export",
  "pg_listening_channels query_to_xml pg_stat_reset pg_logical_emit_message lo_create lowrite",
  "pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_advisory_unlock_all",
]
  .join(" ")
  .split(" ");

for (const version of ["14", "18"]) {
  describe(`PostgreSQL ${version}`, () => {
    let cluster: Cluster;
    let writer: pg.Client;
    let reader: pg.Client;

    beforeAll(async () => {
      await findBinaries({ version });
      // Prepared transactions are off by default, and are refused for that reason alone.
      cluster = await startCluster({
        version,
        readers: 1,
        settings: { max_prepared_transactions: "5" },
      });
      writer = await connect(cluster.writer.url);
      await writer.query(schema);
      await cluster.waitForReplay();
      reader = await connect((cluster.readers[0] as Cluster["readers"][0]).url);
    });
    afterAll(async () => {
      await Promise.all([writer?.end(), reader?.end()]);
      await cluster?.stop();
    });

    it("has no function in pg_catalog that is unknown", async () => {
      const names = await column(
        writer,
        "select distinct proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace",
      );
      expect(names.length).toBeGreaterThan(2500);
      expect(names.filter((name) => builtinFunction(undefined, name) === undefined)).toEqual([]);
    });

    it("has no function in information_schema that is unknown", async () => {
      const names = await column(
        writer,
        "select distinct proname from pg_proc where pronamespace = 'information_schema'::regnamespace",
      );
      expect(names.length).toBeGreaterThan(5);
      const unknown = names.filter(
        (name) => builtinFunction("information_schema", name) === undefined,
      );
      expect(unknown).toEqual([]);
    });

    it("R5: has no system view on functions of one server that is not one of one server itself", async () => {
      const { rows } = await writer.query(
        `select n.nspname, c.relname, pg_get_viewdef(c.oid) as sql
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'v' and n.nspname in ('pg_catalog', 'information_schema')`,
      );
      expect(rows.length).toBeGreaterThan(100);
      const escaped = rows.filter(({ nspname, relname, sql }) => {
        const { verdict } = classify(sql);
        return verdict !== "plain-read" && classify(`table ${nspname}.${relname}`).reader;
      });
      const names = escaped.map(({ nspname, relname }) => `${nspname}.${relname}`);
      expect(names).toEqual([tellsTemporaryTables]);
    });

    it("R5: has the functions that belong on the writer", () => {
      for (const name of toTheWriter) {
        expect([name, classify(`select ${name}()`).reader]).toEqual([name, false]);
      }
    });

    it("runs every text on a reader that is said to be for one, as the writer does", async () => {
      const texts = [
        ...Object.values(reads).flat(),
        ...readOnlyTransactions,
        ...Object.values(writes)
          .flat()
          .map(([sql]) => sql)
          .filter((sql) => classify(sql).reader),
      ];
      const refused: string[] = [];
      let ran = 0;
      for (const sql of texts) {
        if ((await run(writer, sql)) !== undefined) continue;
        ran++;
        const error = await run(reader, sql);
        if (error !== undefined) refused.push(`${sql}: ${error}`);
      }
      expect(refused).toEqual([]);
      // PostgreSQL 14 does not know all of the syntax of 18.
      expect(ran).toBeGreaterThanOrEqual(texts.length - (version === "18" ? 2 : 8));
    });

    it("is refused by a reader, where it is refused, only what was sent to the writer", async () => {
      const refused = [];
      for (const [sql] of Object.values(writes).flat()) {
        if (sql.includes("\0") || /^(copy|select pg_(cancel|terminate))/.test(sql)) continue;
        if ((await run(reader, sql)) !== undefined) refused.push(sql);
      }
      expect(refused.filter((sql) => classify(sql).reader)).toEqual([]);
      expect(refused.length).toBeGreaterThan(80);
    });
  });
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

async function column(client: pg.Client, sql: string): Promise<string[]> {
  const { rows } = await client.query({ text: sql, rowMode: "array" });
  return rows.map(([value]) => String(value));
}

/** Runs a text and undoes what it did; gives the error, if there was one. */
async function run(client: pg.Client, sql: string): Promise<string | undefined> {
  try {
    await (/^copy/i.test(sql) ? copyOut(client, sql) : client.query(sql));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.query("rollback");
    await client.query("discard all");
  }
}

/** `pg` alone has no COPY; what is streamed is of no interest here, only whether it is. */
function copyOut(client: pg.Client, sql: string): Promise<unknown> {
  return client.query(
    `explain analyze ${sql.replace(/^copy \((.*)\) to stdout.*$/is, "$1").replace(/^copy (\w+).*$/is, "table $1")}`,
  );
}
