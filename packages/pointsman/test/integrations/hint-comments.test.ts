import {
  EntitySchema,
  knex as knexOfMikroOrm,
  MikroORM,
  PostgreSqlKnexDialect,
} from "@mikro-orm/postgresql";
import { knex } from "knex";
import PostgresClient from "knex/lib/dialects/postgres/index.js";
import { withWriter } from "pointsman";
import driver, { withOptions } from "pointsman/pg";
import { DataTypes, type Model, QueryTypes, Sequelize } from "sequelize";
import { DataSource, EntitySchema as TypeOrmSchema } from "typeorm";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";

// The view tells where it was read, also where an ORM writes the whole text.
const local = localCluster({
  readers: 1,
  schema: `create view places as select 1 as id, ${here} as server`,
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

interface Place {
  id: number;
  server: string;
}

const hint = "pointsman:writer";

const connection = () => ({
  connectionString: local.cluster.writer.url,
  reader: local.cluster.reader.url,
  catalog: false,
});

const openKnex = () => {
  class RoutedClient extends PostgresClient {
    override _driver(): object {
      return driver;
    }
  }
  const db = knex({ client: RoutedClient as never, connection: connection() as object });
  onTestFinished(() => db.destroy());
  return db;
};

const openTypeOrm = async () => {
  const { connectionString: url, ...extra } = connection();
  const places = new TypeOrmSchema<Place>({
    name: "places",
    columns: { id: { type: Number, primary: true }, server: { type: "text" } },
  });
  const source = new DataSource({ type: "postgres", driver, url, extra, entities: [places] });
  await source.initialize();
  onTestFinished(() => source.destroy());
  return source.getRepository(places);
};

const openMikroOrm = async () => {
  class RoutedDialect extends PostgreSqlKnexDialect {
    _driver(): object {
      return driver;
    }
  }
  const places = new EntitySchema<Place>({
    name: "Place",
    tableName: "places",
    properties: { id: { type: "number", primary: true }, server: { type: "text" } },
  });
  const orm = await MikroORM.init({
    entities: [places],
    dbName: "postgres",
    driverOptions: knexOfMikroOrm({
      client: RoutedDialect as never,
      connection: connection() as object,
    }),
    connect: false,
  });
  onTestFinished(() => orm.close());
  return { em: orm.em.fork(), places };
};

/** A read of each library that can write a comment before it, without and with the hint. */
const reads: Record<string, (comment: string | undefined) => Promise<Place | null | undefined>> = {
  "Knex's comment()": async (comment) => {
    const query = openKnex()<Place>("places").first();
    return comment === undefined ? query : query.comment(comment);
  },
  "TypeORM's option comment": async (comment) =>
    (await openTypeOrm()).findOne({ where: { id: 1 }, ...(comment && { comment }) }),
  "TypeORM's builders": async (comment) => {
    const query = (await openTypeOrm()).createQueryBuilder("place");
    return (comment === undefined ? query : query.comment(comment)).getOne();
  },
  "MikroORM's option comments": async (comment) => {
    const { em, places } = await openMikroOrm();
    return em.findOne(places, { id: 1 }, { ...(comment && { comments: comment }) } as object);
  },
  "MikroORM's builders": async (comment) => {
    const { em, places } = await openMikroOrm();
    const query = em.createQueryBuilder(places, "place").select("*");
    return (comment === undefined ? query : query.comment(comment)).getSingleResult();
  },
};

describe.each(Object.entries(reads))("%s", (_, read) => {
  it("sends one read to the writer", async () => {
    expect([(await read(undefined))?.server, (await read(hint))?.server]).toEqual([
      "reader1",
      "writer",
    ]);
  });
});

const openSequelize = () => {
  const { connectionString, ...others } = connection();
  const sequelize = new Sequelize(connectionString, {
    dialect: "postgres",
    dialectModule: withOptions(others),
    logging: false,
  });
  onTestFinished(() => sequelize.close());
  return sequelize;
};

/** A read of each library that sends it at once, and not when it is awaited. */
const eager: Record<string, () => Promise<() => Promise<Place | null | undefined>>> = {
  TypeORM: async () => {
    const places = await openTypeOrm();
    return () => places.findOneBy({ id: 1 });
  },
  MikroORM: async () => {
    const { em, places } = await openMikroOrm();
    return () => em.findOne(places, { id: 1 }, { refresh: true });
  },
  "Sequelize's models": async () => {
    const columns = { id: { type: DataTypes.INTEGER, primaryKey: true }, server: DataTypes.TEXT };
    const places = openSequelize().define<Model<Place> & Place>("places", columns, {
      timestamps: false,
    });
    return () => places.findByPk(1);
  },
  "Sequelize's query()": async () => {
    const sequelize = openSequelize();
    const text = "select server from places";
    return async () => (await sequelize.query<Place>(text, { type: QueryTypes.SELECT }))[0];
  },
};

it.each(Object.entries(eager))("%s is sent to the writer by withWriter()", async (_, open) => {
  const read = await open();
  const places = [(await read())?.server, (await withWriter(read))?.server];
  expect(places).toEqual(["reader1", "writer"]);
});
