import { startCluster } from "@pointsman/local";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { classify } from "../../src/statements/classify.ts";

/** A value of each type for which there is a value that most functions take. */
const samples: Readonly<Record<string, string>> = {
  bigint: "1",
  boolean: "true",
  bytea: "'a'",
  "double precision": "1",
  integer: "1",
  json: "'{}'",
  jsonb: "'{}'",
  name: "'pg_class'",
  numeric: "1",
  oid: "'pg_class'::regclass::oid",
  pg_lsn: "'0/1'",
  regclass: "'pg_class'",
  smallint: "1",
  text: "'a'",
  "timestamp with time zone": "now()",
  xid: "'3'",
  xid8: "'3'",
};

/** Functions that give another answer each time, wherever they are asked. */
const changing =
  /^(age|clock_timestamp|gen_random_uuid|now|random.*|statement_timestamp|time|timeofday|timestamp.*|timetz|timezone|transaction_timestamp|uuidv\d|pg_stat_get_.*)$/;

interface Candidate {
  readonly name: string;
  readonly sql: string;
}

describe("a builtin that is said to be harmless", () => {
  it.each(["14", "18"])("does on a reader what it does on the writer, in %s", async (version) => {
    await using cluster = await startCluster({ version, readers: 1 });
    const writer = await connect(cluster.writer.url);
    const reader = await connect((cluster.readers[0] as (typeof cluster.readers)[0]).url);
    const candidates = (await callable(writer)).filter(({ sql }) => classify(sql).reader);
    expect(candidates.length).toBeGreaterThan(900);

    const different: string[] = [];
    for (const { name, sql } of candidates) {
      const [here, there] = await Promise.all([answer(writer, sql), answer(reader, sql)]);
      const same = here.value === there.value || changing.test(name);
      if (here.error !== there.error || !same) {
        different.push(`${sql}: ${JSON.stringify(here)}, ${JSON.stringify(there)}`);
      }
    }
    await Promise.all([writer.end(), reader.end()]);
    expect(different).toEqual([]);
  });
});

/** A call of every builtin function for whose arguments there are samples. */
async function callable(client: pg.Client): Promise<Candidate[]> {
  const { rows } = await client.query<{ name: string; types: string[] }>(
    `select proname as name, array(select format_type(t, null) from unnest(proargtypes) t) as types
     from pg_proc
     where pronamespace = 'pg_catalog'::regnamespace and prokind = 'f' and proname !~ '^pg_sleep'
       and prorettype not in ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)`,
  );
  return rows
    .filter(({ types }) => types.every((type) => type in samples))
    .map(({ name, types }) => {
      const args = types.map((type) => `(${samples[type]})::${type}`).join(", ");
      return { name, sql: `select * from pg_catalog."${name}"(${args}) limit 3` };
    });
}

async function answer(
  client: pg.Client,
  sql: string,
): Promise<{ readonly value?: string; readonly error?: string }> {
  try {
    return { value: JSON.stringify((await client.query(sql)).rows) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, statement_timeout: 5_000 });
  await client.connect();
  return client;
}
