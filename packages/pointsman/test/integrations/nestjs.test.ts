import "reflect-metadata";
import type { Server } from "node:http";
import {
  All,
  Controller,
  Get,
  HttpException,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Req,
  Res,
  UseGuards,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request, Response } from "express";
import { sessionPerRequest } from "pointsman/nestjs";
import { expect, onTestFinished, test } from "vitest";
import { Browser } from "./support/browser.ts";
import { describeCarrying } from "./support/carrying.ts";
import { FakePool, type MustSee } from "./support/fake-pool.ts";
import { decorate } from "./support/nest.ts";
import { listening, type Serve } from "./support/serving.ts";

async function started(module: new () => object): Promise<INestApplication> {
  return NestFactory.create(module, { logger: false });
}

const serve: Serve = async ({ pool, options, users, handlers, stream }) => {
  class Stage {
    async stream(response: Response): Promise<void> {
      await pool.write();
      for await (const piece of stream()) response.write(piece);
      response.end();
    }
    async answer(request: Request): Promise<object | undefined> {
      const body = await handlers[request.path.slice(1)]?.(JSON.stringify(request.body));
      request.app.locals["user"] = request.query["as"];
      return body;
    }
  }
  decorate(Stage, "stream", [All("/stream")], [Res()]);
  decorate(Stage, "answer", [All("/:name")], [Req()]);
  Controller()(Stage);
  class AppModule {}
  Module({ controllers: [Stage] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false, bodyParser: false });
  const userId = (request: Request) => request.get("x-user") ?? request.app.locals["user"];
  app.use(sessionPerRequest(pool, { ...options, ...(users && { userId }) }));
  const { json } = await import("express");
  app.use(json({ limit: "1mb" }));
  await app.init();
  return listening(app.getHttpServer() as Server);
};

describeCarrying("NestJS", serve, { waitsForWrites: false });

test("NestJS: a guard runs in the session of its request", async () => {
  const pool = new FakePool();
  const seen: number[] = [];
  class Guard {
    canActivate(): boolean {
      seen.push(pool.mustSee().position);
      return true;
    }
  }
  class Books {
    read(): MustSee {
      return pool.mustSee();
    }
  }
  decorate(Books, "read", [Get("/"), UseGuards(Guard)]);
  Controller()(Books);
  class AppModule {}
  Module({ controllers: [Books] })(AppModule);
  const app = await started(AppModule);
  app.use(sessionPerRequest(pool, { header: "x-token" }));
  await app.init();
  const { url, close } = await listening(app.getHttpServer() as Server);
  onTestFinished(close);
  const { body } = await new Browser(url).ask<MustSee>("/", { headers: { "x-token": "p.4" } });
  expect([seen, body.position]).toEqual([[4], 4]);
});

test("NestJS: a module can apply it to its routes, and an exception carries the token", async () => {
  const pool = new FakePool();
  class Books {
    async write(): Promise<void> {
      await pool.write();
      throw new HttpException("taken", 409);
    }
  }
  decorate(Books, "write", [Get("books")]);
  Controller()(Books);
  class AppModule implements NestModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer.apply(sessionPerRequest(pool)).forRoutes("books");
    }
  }
  Module({ controllers: [Books] })(AppModule);
  const app = await started(AppModule);
  await app.init();
  const { url, close } = await listening(app.getHttpServer() as Server);
  onTestFinished(close);
  const { status, cookies } = await new Browser(url).ask("/books");
  expect([status, cookies.length]).toEqual([409, 1]);
});
