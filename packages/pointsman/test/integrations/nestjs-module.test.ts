import "reflect-metadata";
import type { Server } from "node:http";
import {
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Module,
  type ModuleMetadata,
  Post,
  Req,
  type Type,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Test } from "@nestjs/testing";
import { ConfigError, onWriter, Pool, type PoolOptions } from "pointsman";
import {
  getPoolToken,
  InjectPool,
  OnWriter,
  PointsmanModule,
  type PointsmanModuleAsyncOptions,
  type PointsmanOptionsFactory,
  sessionOf,
} from "pointsman/nestjs";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";
import { Browser } from "./support/browser.ts";
import { decorate, injected } from "./support/nest.ts";
import { listening } from "./support/serving.ts";

const local = localCluster({
  readers: 1,
  schema: "create table orders (id serial primary key, customer int)",
});

// What the test before has written keeps no read of the next one from readers.
beforeEach(() => local.cluster.waitForReplay());

const options = (): PoolOptions => ({
  writer: local.cluster.writer.url,
  reader: local.cluster.reader.url,
  catalog: false,
});

const whereReads = async (pool: Pool): Promise<string> =>
  (await pool.query(`select ${here} as server`)).rows[0].server;

function moduleOf(metadata: ModuleMetadata, hooks: object = {}): Type {
  class AppModule {}
  Object.assign(AppModule.prototype, hooks);
  Module(metadata)(AppModule);
  return AppModule;
}

async function started(...imports: (DynamicModule | Type)[]): Promise<INestApplication> {
  const app = await NestFactory.create(moduleOf({ imports }), {
    logger: false,
    abortOnError: false,
  });
  onTestFinished(() => app.close());
  return app.init();
}

/** What the start of an application with these options fails with. */
async function failure(async: PointsmanModuleAsyncOptions): Promise<Error> {
  const imports = [PointsmanModule.forRootAsync(async)];
  return rejection(
    NestFactory.create(moduleOf({ imports }), { logger: false, abortOnError: false }),
  );
}

/** A provider that has both pools injected. */
class Shop {
  readonly orders: Pool;
  declare readonly reports: Pool;
  constructor(orders: Pool) {
    this.orders = orders;
  }
}
injected(Shop, [Pool]);
InjectPool("reports")(Shop.prototype, "reports");

describe("PointsmanModule", () => {
  it("makes a pool that providers of other modules have injected by its class", async () => {
    const feature = moduleOf({
      providers: [{ provide: "where", inject: [Pool], useFactory: whereReads }],
    });
    const app = await started(PointsmanModule.forRoot(options()), feature);
    expect(app.get("where", { strict: false })).toBe("reader1");
  });

  it("makes several, by name", async () => {
    const app = await started(
      PointsmanModule.forRoot(options()),
      PointsmanModule.forRoot({ ...options(), name: "reports", mode: "writer-only" }),
      moduleOf({ providers: [Shop] }),
    );
    const { orders, reports } = app.get(Shop, { strict: false });
    expect([
      await whereReads(orders),
      await whereReads(reports),
      app.get(getPoolToken("reports"), { strict: false }) === reports,
    ]).toEqual(["reader1", "writer", true]);
  });

  it("shows a pool that is not global to those who import it alone", async () => {
    const own = PointsmanModule.forRoot({ ...options(), isGlobal: false });
    const stranger = moduleOf({
      providers: [{ provide: "own", inject: [Pool], useFactory: (pool: Pool) => pool }],
    });
    await expect(started(own, stranger)).rejects.toThrow(
      "Nest can't resolve dependencies of the own",
    );
    const friend = moduleOf({
      imports: [own],
      providers: [{ provide: "own", inject: [Pool], useFactory: whereReads }],
    });
    const app = await started(friend);
    expect(app.get("own", { strict: false })).toBe("reader1");
  });

  it("refuses wrong options when the application starts", async () => {
    const wrong = PointsmanModule.forRoot({ ...options(), mode: "often" as never });
    await expect(started(wrong)).rejects.toThrow(ConfigError);
  });
});

describe("PointsmanModule.forRootAsync", () => {
  class Settings implements PointsmanOptionsFactory {
    async createPointsmanOptions(): Promise<PoolOptions> {
      return options();
    }
  }
  const config = moduleOf({
    providers: [Settings, { provide: "options", useFactory: options }],
    exports: [Settings, "options"],
  });
  const useFactory = async (given: PoolOptions) => given;

  const ways: Record<string, PointsmanModuleAsyncOptions> = {
    useFactory: { imports: [config], inject: ["options"], useFactory },
    useClass: { useClass: Settings },
    useExisting: { imports: [config], useExisting: Settings },
  };

  it.each(Object.entries(ways))("takes options from %s", async (_, way) => {
    const app = await started(PointsmanModule.forRootAsync(way));
    expect(await whereReads(app.get(Pool, { strict: false }))).toBe("reader1");
  });

  it("has names, too", async () => {
    const app = await started(
      PointsmanModule.forRootAsync({ name: "reports", useFactory: options }),
    );
    expect(await whereReads(app.get(getPoolToken("reports"), { strict: false }))).toBe("reader1");
  });

  it("fails with what its factory throws", async () => {
    const error = await failure({
      useFactory: async () => {
        throw new Error("the vault is sealed");
      },
    });
    expect(error.message).toBe("the vault is sealed");
  });

  it("fails when its factory returns nothing, which would mean the environment", async () => {
    const error = await failure({ useFactory: (() => {}) as never });
    expect([error.constructor, error.message]).toEqual([
      ConfigError,
      expect.stringContaining("has returned no options"),
    ]);
  });

  it("refuses to choose between two sources of options", () => {
    const both = { useFactory: options, useClass: Settings };
    expect(() => PointsmanModule.forRootAsync(both)).toThrow("exactly one of");
    expect(() => PointsmanModule.forRootAsync({})).toThrow("got 0");
  });
});

describe("PointsmanModule, when the application is closed", () => {
  it("ends its pools, which other modules can use until then, and leaves nothing that hangs", async () => {
    const places: string[] = [];
    class Worker {
      readonly pool: Pool;
      constructor(pool: Pool) {
        this.pool = pool;
      }
      async note(hook: string): Promise<void> {
        places.push(`${hook} ${await whereReads(this.pool)}`);
      }
      onModuleDestroy = () => this.note("onModuleDestroy");
      beforeApplicationShutdown = () => this.note("beforeApplicationShutdown");
      onApplicationShutdown = () => this.note("onApplicationShutdown");
    }
    injected(Worker, [Pool]);
    const app = await started(
      moduleOf({ providers: [Worker] }),
      PointsmanModule.forRoot(options()),
      PointsmanModule.forRoot({ ...options(), name: "reports" }),
    );
    const pools = [Pool, getPoolToken("reports")].map((token) =>
      app.get<Pool>(token, { strict: false }),
    );
    await Promise.all(pools.map(whereReads));
    await app.close();
    expect([places, pools.map(({ ended, totalCount }) => [ended, totalCount])]).toEqual([
      ["onModuleDestroy", "beforeApplicationShutdown", "onApplicationShutdown"].map(
        (hook) => `${hook} reader1`,
      ),
      [
        [true, 0],
        [true, 0],
      ],
    ]);
  });

  it("waits for requests that are under way, with their queries", async () => {
    class Slow {
      readonly pool: Pool;
      constructor(pool: Pool) {
        this.pool = pool;
      }
      async answer(): Promise<unknown> {
        await this.pool.query("select pg_sleep(0.3)");
        return { server: await whereReads(this.pool) };
      }
    }
    injected(Slow, [Pool]);
    decorate(Slow, "answer", [Get()]);
    Controller("slow")(Slow);
    const feature = moduleOf({ controllers: [Slow] });
    const app = await started(PointsmanModule.forRoot(options()), feature);
    const { url } = await listening(app.getHttpServer() as Server);
    const answer = fetch(`${url}/slow`);
    const { pool } = app.get(Slow, { strict: false });
    await expect.poll(() => pool.stats().reader?.total).toBeGreaterThan(0);
    await app.close();
    expect([await (await answer).json(), pool.ended]).toEqual([{ server: "reader1" }, true]);
  });

  it("leaves a pool alone that was ended by hand", async () => {
    const app = await started(PointsmanModule.forRoot(options()));
    await app.get(Pool, { strict: false }).end();
    await expect(app.close()).resolves.toBeUndefined();
  });
});

describe("PointsmanModule in a test of an application", () => {
  it("uses the pool in its place, makes none, and leaves that to the test", async () => {
    const pool = local.pool({ mode: "writer-only" });
    const wrong = PointsmanModule.forRoot({ mode: "often" as never, session: true });
    const feature = moduleOf({
      providers: [{ provide: "where", inject: [Pool], useFactory: whereReads }],
    });
    const module = await Test.createTestingModule({ imports: [wrong, feature] })
      .overrideProvider(Pool)
      .useValue(pool)
      .compile();
    const app = await module.createNestApplication({ logger: false }).init();
    const place = app.get("where", { strict: false });
    await app.close();
    expect([place, pool.ended, await whereReads(pool)]).toEqual(["writer", false, "writer"]);
  });
});

describe("PointsmanModule with sessions", () => {
  class Orders {
    readonly pool: Pool;
    constructor(pool: Pool) {
      this.pool = pool;
    }
    async create(): Promise<object> {
      await this.pool.query("insert into orders (customer) values (7)");
      return {};
    }
    async count(request: object): Promise<object> {
      const text = `select count(*)::int as count, ${here} as server from orders`;
      const { rows } = await this.pool.query(text);
      return { ...rows[0], session: sessionOf(request) !== undefined };
    }
  }
  injected(Orders, [Pool]);
  decorate(Orders, "create", [Post()]);
  decorate(Orders, "count", [Get("count")], [Req()]);
  Controller("orders")(Orders);

  interface Count {
    count: number;
    server: string;
    session: boolean;
  }

  async function served(session: boolean | object): Promise<Browser> {
    // Of other modules, before and behind it.
    const feature = moduleOf({ controllers: [Orders] });
    const app = await NestFactory.create(
      moduleOf({ imports: [feature, PointsmanModule.forRoot({ ...options(), session })] }),
      { logger: false },
    );
    app.setGlobalPrefix("api");
    onTestFinished(() => app.close());
    await app.init();
    const { url, close } = await listening(app.getHttpServer() as Server);
    onTestFinished(close);
    return new Browser(url);
  }

  it("opens one for each request, whose token finds elsewhere what was written in it", async () => {
    const [first, second] = [await served({ secure: false }), await served({ secure: false })];
    await local.cluster.lag(300);
    onTestFinished(() => local.cluster.lag(0));
    const { body: before } = await second.ask<Count>("/api/orders/count");
    const { cookies } = await first.ask("/api/orders", { method: "POST" });
    const cookie = cookies.map((one) => one.split(";")[0]).join("; ");
    const { body: after } = await second.ask<Count>("/api/orders/count", { headers: { cookie } });
    expect([before.session, cookies.length, after.count - before.count]).toEqual([true, 1, 1]);
  });

  it("opens none where it is not told to", async () => {
    const { body } = await (await served(false)).ask<Count>("/api/orders/count");
    expect([body.session, body.server]).toEqual([false, "reader1"]);
  });
});

describe("@OnWriter()", () => {
  it("sends what a handler reads to the writer, in any order with other decorators", async () => {
    class Places {
      readonly pool: Pool;
      constructor(pool: Pool) {
        this.pool = pool;
      }
      async where(): Promise<object> {
        return { server: await whereReads(this.pool) };
      }
      async above(): Promise<object> {
        return this.where();
      }
      async below(): Promise<object> {
        return this.where();
      }
      async bare(): Promise<object> {
        return this.where();
      }
    }
    injected(Places, [Pool]);
    decorate(Places, "where", [Get("where")]);
    // The decorator that stands nearest to a method is applied first.
    decorate(Places, "above", [Get("above"), OnWriter()]);
    decorate(Places, "below", [OnWriter(), Get("below")]);
    decorate(Places, "bare", [Get("bare"), onWriter as MethodDecorator]);
    Controller()(Places);
    const app = await started(
      PointsmanModule.forRoot(options()),
      moduleOf({ controllers: [Places] }),
    );
    const { url, close } = await listening(app.getHttpServer() as Server);
    onTestFinished(close);
    const places = [];
    for (const path of ["/where", "/above", "/below", "/bare"]) {
      const { body } = await new Browser(url).ask<{ server: string }>(path);
      places.push(body.server);
    }
    expect(places).toEqual(["reader1", "writer", "writer", "writer"]);
  });
});
