import { type DynamicModule, Global, Module } from "@nestjs/common";
import { TypeOrmModule } from "@nestjs/typeorm";
import { Pool } from "pointsman";
import { DataSource } from "typeorm";
import type { PostgresDriver } from "typeorm/driver/postgres/PostgresDriver.js";
import { type DatabaseUrls, databaseOptions } from "./database.ts";

/** TypeORM, and the pool below it for what TypeORM has no word for: sessions. */
@Global()
@Module({})
export class DatabaseModule {
  static on(urls?: DatabaseUrls): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [TypeOrmModule.forRoot(databaseOptions(urls))],
      providers: [
        {
          provide: Pool,
          // "master" is TypeORM's name for the pool that it has made of the driver.
          useFactory: (source: DataSource): Pool => (source.driver as PostgresDriver).master,
          inject: [DataSource],
        },
      ],
      exports: [Pool],
    };
  }
}
