import { setTimeout as pause } from "node:timers/promises";
import { redisTokenStore } from "pointsman/redis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hasRedis, needsRedis, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/waiting.ts";

const options = { maxAgeSeconds: 60, replaces: [] };

test("a prefix that is empty is refused", () => {
  const client = createClient();
  expect(() => redisTokenStore(client, { prefix: "" })).toThrow("prefix must not be empty.");
});

describe.skipIf(!hasRedis)(`tokens in Redis (${needsRedis})`, () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(() => server?.stop());

  async function connected() {
    const client = createClient({ url: server.url });
    client.on("error", () => {});
    await client.connect();
    await client.flushAll();
    onTestFinished(() => client.destroy());
    return client;
  }

  test("there are none of a user who has written nothing", async () => {
    const store = redisTokenStore(await connected());
    expect(await store.get("ada")).toEqual([]);
  });

  test("are those of one user", async () => {
    const store = redisTokenStore(await connected());
    await store.set("ada", "t1", options);
    expect([await store.get("ada"), await store.get("bob")]).toEqual([["t1"], []]);
  });

  test("that arrive in the wrong order displace none", async () => {
    const store = redisTokenStore(await connected());
    await store.set("ada", "newer", options);
    await store.set("ada", "older", options);
    expect(await store.get("ada")).toEqual(["older", "newer"]);
  });

  test("go when a newer one includes them", async () => {
    const store = redisTokenStore(await connected());
    await store.set("ada", "t1", options);
    await store.set("ada", "t2", options);
    await store.set("ada", "t3", { maxAgeSeconds: 60, replaces: ["t1", "t2", "t0"] });
    expect(await store.get("ada")).toEqual(["t3"]);
  });

  test("are there once, however often they are kept", async () => {
    const store = redisTokenStore(await connected());
    await store.set("ada", "t1", options);
    await store.set("ada", "t2", options);
    await store.set("ada", "t1", options);
    expect(await store.get("ada")).toEqual(["t1", "t2"]);
  });

  test("of many writers at once are all there, up to a bound", async () => {
    const clients = await Promise.all([connected(), connected(), connected()]);
    const stores = clients.map((client) => redisTokenStore(client));
    const keep = (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          stores[index % 3]?.set("ada", `t${index}`, options),
        ),
      );
    await keep(30);
    expect(new Set(await stores[0]?.get("ada")).size).toBe(30);
    await keep(300);
    expect(await stores[0]?.get("ada")).toHaveLength(32);
  });

  test("expire", async () => {
    const client = await connected();
    const store = redisTokenStore(client);
    await store.set("ada", "t1", { maxAgeSeconds: 1, replaces: [] });
    expect(await client.ttl("pointsman:token:ada")).toBe(1);
    await until("the token has expired", async () => {
      await pause(50);
      return (await store.get("ada"))?.length === 0;
    });
    expect(await client.exists("pointsman:token:ada")).toBe(0);
  });

  test("are kept under a prefix of choice", async () => {
    const client = await connected();
    await redisTokenStore(client, { prefix: "shop:" }).set("ada", "t1", options);
    expect(await client.keys("*")).toEqual(["shop:ada"]);
  });

  test("that cannot be kept since Redis is gone are an error", async () => {
    const mortal = await startRedis();
    onTestFinished(() => mortal.stop());
    const client = createClient({ url: mortal.url, disableOfflineQueue: true });
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.destroy());
    const store = redisTokenStore(client);
    await mortal.stop();
    await until("the client knows", () => !client.isReady);
    await expect(store.set("ada", "t1", options)).rejects.toThrow();
    await expect(store.get("ada")).rejects.toThrow();
  });
});
