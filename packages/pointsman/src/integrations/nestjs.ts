import type { IncomingMessage } from "node:http";
import { onWriter } from "../scope.ts";
import type { CarryOptions } from "./carry-options.ts";
import { type NodeMiddleware, nodeMiddleware } from "./node-http.ts";
import type { SessionHost } from "./session-host.ts";

export type { CarryOptions, LateWrite } from "./carry-options.ts";
export {
  getPoolToken,
  InjectPool,
  PointsmanModule,
  type PointsmanModuleAsyncOptions,
  type PointsmanModuleOptions,
  type PointsmanModuleScope,
  type PointsmanOptionsFactory,
} from "./nestjs-module.ts";
export type { NodeMiddleware } from "./node-http.ts";
export type { Session, SessionHost } from "./session-host.ts";
export { sessionOf } from "./session-of.ts";
export type { TokenStore, TokenStoreSetOptions } from "./token-store.ts";

/**
 * A middleware of NestJS on Express that runs guards, interceptors, pipes and handlers in a session
 * of its own for each request, and carries the session's token to the client and back: who has
 * written something finds it with the next request, whichever process and whichever reader serves
 * that.
 *
 * `PointsmanModule` applies it to all routes with its option `session`. By itself, give it to
 * `app.use()`, or to `consumer.apply()` of a module where it is to hold for some routes.
 * It runs before guards: what `userId` returns when the request comes in must not depend on them.
 * The token is put on the response when its headers leave, and only when it has changed. Nothing can
 * be awaited at that moment: a write that is still under way is carried as one whose position is not
 * known. With a store, the end of a response that carries a new token waits for the store.
 *
 * @param pool - the pool whose sessions these are
 * @param options - see {@link CarryOptions}; requests are those of Express
 * @throws ConfigError for the first mistake in the options
 *
 * @example
 * ```ts
 * import "reflect-metadata";
 * import { Module } from "@nestjs/common";
 * import { NestFactory } from "@nestjs/core";
 * import { createPool, Pool } from "pointsman";
 * import { sessionPerRequest } from "pointsman/nestjs";
 *
 * @Module({ providers: [{ provide: Pool, useFactory: () => createPool() }] })
 * class AppModule {}
 *
 * const app = await NestFactory.create(AppModule, { logger: false });
 * app.use(sessionPerRequest(app.get(Pool)));
 * await app.init();
 * ```
 */
export function sessionPerRequest<Request extends IncomingMessage = IncomingMessage>(
  pool: SessionHost,
  options: CarryOptions<Request> = {},
): NodeMiddleware<Request> {
  return nodeMiddleware(pool, options);
}

/**
 * A decorator for methods of controllers and providers: all that they send goes to the writer, like
 * `withWriter()`. It stands in any order with other decorators.
 *
 * @example
 * ```ts
 * import "reflect-metadata";
 * import { Controller, Get, Param } from "@nestjs/common";
 * import { Pool } from "pointsman";
 * import { InjectPool, OnWriter } from "pointsman/nestjs";
 *
 * @Controller("books")
 * class Books {
 *   @InjectPool() readonly pool!: Pool;
 *
 *   @Get(":id/stock")
 *   @OnWriter()
 *   async stock(@Param("id") id: string) {
 *     const { rows } = await this.pool.query("select stock from books where id = $1", [id]);
 *     return rows[0];
 *   }
 * }
 * ```
 */
export function OnWriter(): MethodDecorator {
  return onWriter as MethodDecorator;
}
