import type { IncomingMessage } from "node:http";
import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  type InjectionToken,
  type MiddlewareConsumer,
  Module,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
  RequestMethod,
  type Type,
} from "@nestjs/common";
import type { PoolOptions } from "../config/options.ts";
import { ConfigError } from "../errors.ts";
import { createPool, Pool } from "../pool.ts";
import type { CarryOptions } from "./carry-options.ts";
import { nodeMiddleware } from "./node-http.ts";

/** What the module makes of a pool: options of `createPool()`, and what becomes of requests. */
export interface PointsmanModuleOptions extends PoolOptions {
  /**
   * Runs each request in a session of its own, like `sessionPerRequest()`: for all routes, before
   * guards. `true`, or options of that. Where several pools of an application have sessions, each
   * needs a `cookie` or `header` of its own. Default: `false`.
   */
  session?: boolean | CarryOptions<IncomingMessage> | undefined;
}

/** How the pool is found by those who want it. */
export interface PointsmanModuleScope {
  /** For `@InjectPool(name)`. Default: none; the pool is that of `@InjectPool()` and of `Pool`. */
  name?: string | undefined;
  /** Every module can have the pool injected, without importing this one. Default: `true`. */
  isGlobal?: boolean | undefined;
}

/** A class that gives options, for `forRootAsync()`. */
export interface PointsmanOptionsFactory {
  /** Called once, when the application starts. */
  createPointsmanOptions(): PointsmanModuleOptions | Promise<PointsmanModuleOptions>;
}

/** Where options come from: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface PointsmanModuleAsyncOptions
  extends PointsmanModuleScope,
    Pick<ModuleMetadata, "imports"> {
  /** What `useFactory` is called with. */
  inject?: FactoryProvider["inject"];
  /** Gives the options; may be asynchronous. */
  useFactory?: (...injected: never[]) => PointsmanModuleOptions | Promise<PointsmanModuleOptions>;
  /** A class that gives them, made for this. */
  useClass?: Type<PointsmanOptionsFactory>;
  /** A provider that gives them, of one of `imports` or of a global module. */
  useExisting?: InjectionToken<PointsmanOptionsFactory>;
}

/** What one registration of the module keeps for itself. */
const tokens = {
  options: Symbol("pointsman.options"),
  factory: Symbol("pointsman.optionsFactory"),
  made: Symbol("pointsman.made"),
  pool: Symbol("pointsman.pool"),
};

/** The pool that a registration has made: none where a test has put another in its place. */
interface Made {
  pool?: Pool;
}

/**
 * What a pool of {@link PointsmanModule} is known by, for `overrideProvider()` in tests and for
 * `inject` of other providers.
 *
 * @param name - as given to the module
 * @returns the class `Pool` where there is no name
 *
 * @example
 * ```ts
 * import { getPoolToken } from "pointsman/nestjs";
 *
 * console.log(getPoolToken("reports")); // pointsman.pool.reports
 * ```
 */
export function getPoolToken(name?: string): string | typeof Pool {
  return name === undefined ? Pool : `pointsman.pool.${name}`;
}

/**
 * Injects a pool of {@link PointsmanModule} into a constructor or a property. For the pool without
 * a name its class does, too: `constructor(private readonly pool: Pool)`.
 *
 * @param name - as given to the module
 *
 * @example
 * ```ts
 * import "reflect-metadata";
 * import { Injectable } from "@nestjs/common";
 * import type { Pool } from "pointsman";
 * import { InjectPool } from "pointsman/nestjs";
 *
 * @Injectable()
 * class Reports {
 *   @InjectPool("reports") readonly pool!: Pool;
 * }
 * ```
 */
export function InjectPool(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getPoolToken(name));
}

/**
 * A module of NestJS that makes a pool, has it injected as `Pool` or by `@InjectPool()`, and ends it
 * when the application is closed: no request is under way any more, and `onModuleDestroy` and
 * `beforeApplicationShutdown` of all modules are over. With NestJS 12 a pool that is global outlives
 * `onApplicationShutdown` of the other modules, too. Several pools have names.
 *
 * A pool that a test has put in its place by `overrideProvider(Pool)` is the test's to end.
 *
 * @example
 * ```ts
 * import "reflect-metadata";
 * import { Injectable, Module } from "@nestjs/common";
 * import { NestFactory } from "@nestjs/core";
 * import { Pool } from "pointsman";
 * import { PointsmanModule } from "pointsman/nestjs";
 *
 * @Module({ imports: [PointsmanModule.forRoot({ session: true })] })
 * class AppModule {}
 *
 * const app = await NestFactory.create(AppModule, { logger: false });
 * const { rows } = await app.get(Pool).query("select count(*)::int as count from books");
 * console.log(rows[0].count); // 3
 * await app.close();
 * ```
 */
export class PointsmanModule implements NestModule, OnApplicationShutdown {
  readonly #pool: Pool;
  readonly #session: PointsmanModuleOptions["session"];
  readonly #made: Made;

  /** Called by NestJS. */
  constructor(pool: Pool, options: PointsmanModuleOptions, made: Made) {
    this.#pool = pool;
    this.#session = options.session;
    this.#made = made;
  }

  /**
   * A pool with options that are known when the module is loaded.
   *
   * @param options - those of `createPool()`, `session`, `name` and `isGlobal`; what is left out
   * comes from the environment
   * @throws ConfigError for the first mistake in options or environment, when the application starts
   */
  static forRoot(options: PointsmanModuleOptions & PointsmanModuleScope = {}): DynamicModule {
    const { name, isGlobal, ...others } = options;
    return registration({ name, isGlobal }, [{ provide: tokens.options, useValue: others }]);
  }

  /**
   * A pool with options that others give: a module for configuration, a vault.
   *
   * @throws ConfigError where there is not exactly one of `useFactory`, `useClass` and
   * `useExisting`; when the application starts, what the factory throws, and ConfigError for a
   * factory that gives no options or the first mistake in them
   *
   * @example
   * ```ts
   * import { PointsmanModule } from "pointsman/nestjs";
   *
   * const database = PointsmanModule.forRootAsync({
   *   name: "reports",
   *   useFactory: async () => ({ writer: process.env["DATABASE_URL"], mirror: true }),
   * });
   * ```
   */
  static forRootAsync(options: PointsmanModuleAsyncOptions): DynamicModule {
    return registration(options, optionProviders(options), options.imports);
  }

  /** Called by NestJS. */
  configure(consumer: MiddlewareConsumer): void {
    const session = this.#session;
    if (session === undefined || session === false) return;
    const carrying = session === true ? {} : session;
    consumer
      .apply(nodeMiddleware(this.#pool, carrying))
      .forRoutes({ path: "{*path}", method: RequestMethod.ALL });
  }

  /** Called by NestJS: the last of the hooks, when no request is under way any more. */
  async onApplicationShutdown(): Promise<void> {
    const { pool } = this.#made;
    if (pool !== undefined && !pool.ending && !pool.ended) await pool.end();
  }
}

// TypeScript's older decorators, written out: the newer ones know no parameters.
Module({})(PointsmanModule);
Inject(tokens.pool)(PointsmanModule, undefined, 0);
Inject(tokens.options)(PointsmanModule, undefined, 1);
Inject(tokens.made)(PointsmanModule, undefined, 2);

function registration(
  { name, isGlobal = true }: PointsmanModuleScope,
  providers: Provider[],
  imports: ModuleMetadata["imports"] = [],
): DynamicModule {
  const token = getPoolToken(name);
  return {
    module: PointsmanModule,
    global: isGlobal,
    imports,
    providers: [
      ...providers,
      { provide: tokens.made, useFactory: (): Made => ({}) },
      { provide: tokens.pool, useExisting: token },
      { provide: token, inject: [tokens.options, tokens.made], useFactory: makePool },
    ],
    exports: [token],
  };
}

function makePool(options: PointsmanModuleOptions, made: Made): Pool {
  const { session: _, ...others } = options;
  made.pool = createPool(others);
  return made.pool;
}

function optionProviders(options: PointsmanModuleAsyncOptions): Provider[] {
  const { inject = [], useFactory, useClass, useExisting } = options;
  const given = [useFactory, useClass, useExisting].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new ConfigError(
      "forRootAsync",
      `forRootAsync() takes exactly one of useFactory, useClass and useExisting; got ${given.length}.`,
    );
  }
  if (useFactory !== undefined) {
    const give = async (...injected: never[]) => checked(await useFactory(...injected));
    return [{ provide: tokens.options, inject, useFactory: give as () => unknown }];
  }
  const factory: Provider =
    useClass === undefined
      ? { provide: tokens.factory, useExisting }
      : { provide: tokens.factory, useClass };
  const give = async (from: PointsmanOptionsFactory) =>
    checked(await from.createPointsmanOptions());
  return [factory, { provide: tokens.options, inject: [tokens.factory], useFactory: give }];
}

/** Options out of a factory. One that has forgotten to return them must not mean the environment. */
function checked(options: PointsmanModuleOptions | undefined): PointsmanModuleOptions {
  if (typeof options === "object" && options !== null) return options;
  throw new ConfigError(
    "forRootAsync",
    "The factory of forRootAsync() has returned no options. Return {} where all of them come from the environment.",
  );
}
