import { type DynamicModule, Module } from "@nestjs/common";
import { BackOfficeModule } from "./back-office/back-office.module.ts";
import { CatalogueModule } from "./catalogue/catalogue.module.ts";
import { CustomersModule } from "./customers/customers.module.ts";
import { DatabaseModule } from "./database.module.ts";
import type { DatabaseUrls } from "./database.ts";
import { OrdersModule } from "./orders/orders.module.ts";

@Module({ imports: [CatalogueModule, CustomersModule, OrdersModule, BackOfficeModule] })
export class AppModule {
  /** The shop on a database; by default on that which the environment names. */
  static on(urls?: DatabaseUrls): DynamicModule {
    return { module: AppModule, imports: [DatabaseModule.on(urls)] };
  }
}
