import { once } from "node:events";
import { ConfigError } from "pointsman";
import { describe, expect, test } from "vitest";
import { Carrier } from "../../src/integrations/carrier.ts";
import { type CarryOptions, checkCarryOptions } from "../../src/integrations/carry-options.ts";
import { FakePool } from "./support/fake-pool.ts";
import { MemoryStore } from "./support/memory-store.ts";

const store = new MemoryStore();

describe("a mistake in the options is told", () => {
  test.each<[string, CarryOptions<object>]>([
    ["cookie", { cookie: "with space" }],
    ["cookie", { cookie: "" }],
    ["header", { header: "x pointsman" }],
    ["maxAgeSeconds", { maxAgeSeconds: 0 }],
    ["maxAgeSeconds", { maxAgeSeconds: 1.5 }],
    ["timeoutMillis", { timeoutMillis: -1 }],
    ["sameSite", { sameSite: "Lax" as "lax" }],
    ["secure", { secure: false, cookie: "__Host-seen" }],
    ["secure", { secure: false, sameSite: "none" }],
    ["userId", { store }],
    ["store", { userId: () => "ada" }],
  ])("%s: %j", (option, options) => {
    expect(() => checkCarryOptions(options)).toThrow(ConfigError);
    expect(() => checkCarryOptions(options)).toThrow(expect.objectContaining({ option }));
  });
});

test("the name of the cookie follows from how it travels", () => {
  const nameOf = (options: CarryOptions<object>) => checkCarryOptions(options).cookie?.name;
  expect(nameOf({})).toBe("__Host-pointsman");
  expect(nameOf({ secure: false })).toBe("pointsman");
  expect(nameOf({ cookie: "seen" })).toBe("seen");
  expect(nameOf({ header: "x-token" })).toBeUndefined();
  expect(nameOf({ header: "x-token", cookie: "seen" })).toBe("seen");
  expect(nameOf({ cookie: false })).toBeUndefined();
});

test("a store that fails is a warning of the process, once for each outage", async () => {
  let broken = true;
  const carrier = new Carrier<object>(new FakePool(), {
    userId: () => "ada",
    store: {
      get: async () => {
        if (broken) throw new Error("no Redis");
        return undefined;
      },
      set: async () => {},
    },
  });
  const warnings: string[] = [];
  const listener = ({ message }: Error) => warnings.push(message);
  process.on("warning", listener);
  try {
    const request = () =>
      carrier.open(
        {},
        () => undefined,
        () => undefined,
      );
    const warned = once(process, "warning");
    await request();
    await request();
    await warned;
    expect(warnings).toEqual([expect.stringContaining("no Redis")]);
    broken = false;
    await request();
    broken = true;
    const again = once(process, "warning");
    await request();
    const [warning] = await again;
    expect(warning).toMatchObject({ code: "POINTSMAN_TOKEN_STORE_FAILED" });
  } finally {
    process.off("warning", listener);
  }
});

test("a userId that throws does not fail the request", async () => {
  const errors: unknown[] = [];
  const carrier = new Carrier<object>(new FakePool(), {
    store,
    userId: () => {
      throw new TypeError("no user");
    },
    onError: (error) => errors.push(error),
  });
  expect(
    await carrier.open(
      {},
      () => undefined,
      () => "done",
    ),
  ).toBe("done");
  expect(errors).toEqual([new TypeError("no user")]);
});
