import { Pool } from "pointsman";
import type { DataSource } from "typeorm";
import type { OpenOrmReader, OrmReader } from "./orm-reader.ts";
import { connections, readerOf, writerOf } from "./split-accesses.ts";

interface Row {
  id: number;
  value: string;
}

type Options = Extract<ConstructorParameters<typeof DataSource>[0], { type: "postgres" }>;

/** TypeORM on one pool, on its own replication, and on Pointsman in place of its driver's pool. */
export const typeormReaders: Readonly<Record<string, OpenOrmReader>> = {
  "TypeORM on pg.Pool": (servers) => through({ url: readerOf(servers) }),
  "TypeORM replication": (servers) =>
    through({
      replication: { master: { url: writerOf(servers) }, slaves: [{ url: readerOf(servers) }] },
    }),
  "TypeORM on pointsman": (servers) => {
    const routed = { writer: writerOf(servers), reader: readerOf(servers), max: connections };
    return through({ driver: { Pool: Pool.bind(null, routed) } });
  },
};

async function through(to: Partial<Options>): Promise<OrmReader> {
  // Loaded here: what it does to its process must not weigh on the contenders that are without it.
  const { DataSource, EntitySchema } = await import("typeorm");
  const kv = new EntitySchema<Row>({
    name: "kv",
    columns: { id: { type: Number, primary: true }, value: { type: String } },
  });
  const source = new DataSource({ type: "postgres", entities: [kv], poolSize: connections, ...to });
  await source.initialize();
  const rows = source.getRepository(kv);
  return { read: (id) => rows.findOneBy({ id }), close: () => source.destroy() };
}
