import "reflect-metadata";
import type { LogLevel } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { Pool } from "pointsman";
import { sessionPerRequest } from "pointsman/nestjs";
import { AppModule } from "./app.module.ts";
import type { DatabaseUrls } from "./database.ts";
import { ProblemFilter } from "./problems.ts";

/** The shop, ready to listen. */
export async function createApp(
  urls?: DatabaseUrls,
  logger: LogLevel[] = ["log", "warn", "error", "fatal"],
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.on(urls), { logger });
  // Who has written something finds it with the next request, whichever process serves that.
  // Browsers keep the cookie's secure form over HTTPS alone, which development has not.
  const secure = process.env["NODE_ENV"] === "production";
  app.use(sessionPerRequest(app.get(Pool), { secure }));
  app.useGlobalFilters(new ProblemFilter());
  return app;
}
