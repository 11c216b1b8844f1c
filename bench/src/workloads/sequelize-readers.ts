import type { Options } from "sequelize";
import { addressOf } from "./address-of.ts";
import type { OpenOrmReader, OrmReader } from "./orm-reader.ts";
import { connections, readerOf, writerOf } from "./split-accesses.ts";

/**
 * Sequelize on one server, and on its own replication. It has a pool of its own, of clients of pg.
 * There is none on Pointsman: it takes clients, where Pointsman is a pool.
 */
export const sequelizeReaders: Readonly<Record<string, OpenOrmReader>> = {
  "Sequelize on pg.Pool": (servers) => through(server(readerOf(servers))),
  "Sequelize replication": (servers) =>
    through({
      replication: { write: server(writerOf(servers)), read: [server(readerOf(servers))] },
    }),
};

async function through(to: Options): Promise<OrmReader> {
  // Loaded here: what it does to its process must not weigh on the contenders that are without it.
  const { DataTypes, Sequelize } = await import("sequelize");
  const database = new Sequelize({
    dialect: "postgres",
    logging: false,
    pool: { max: connections },
    ...to,
  });
  const kv = database.define(
    "kv",
    { id: { type: DataTypes.INTEGER, primaryKey: true }, value: DataTypes.TEXT },
    { freezeTableName: true, timestamps: false },
  );
  return { read: (id) => kv.findByPk(id, { raw: true }), close: () => database.close() };
}

function server(url: string) {
  const { user, ...rest } = addressOf(url);
  return { username: user, ...rest };
}
