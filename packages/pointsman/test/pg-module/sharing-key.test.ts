import { expect, it } from "vitest";
import type { PoolOptions } from "../../src/config/options.ts";
import { sharingKey } from "../../src/driver/sharing-key.ts";

const password = (): string => "secret";
const base: PoolOptions = { host: "db", port: 5432, user: "app", password, ssl: { ca: "one" } };
const key = (options: PoolOptions, environment = {}): string => sharingKey(options, environment);

it.each([
  ["a copy", { ...base, ssl: { ca: "one" } }],
  ["another order", Object.fromEntries(Object.entries(base).reverse())],
  ["what is undefined", { ...base, database: undefined }],
])("of %s is the same", (_name, options) => {
  expect(key(options as PoolOptions)).toBe(key(base));
});

it.each([
  ["host", { host: "other" }],
  ["port", { port: 5433 }],
  ["the kind of a value", { port: "5432" as never }],
  ["user", { user: "other" }],
  ["database", { database: "other" }],
  ["the text of a password", { password: "other" }],
  ["a function that makes passwords", { password: () => "secret" }],
  ["ssl", { ssl: { ca: "two" } }],
  ["bytes in ssl", { ssl: { ca: Buffer.from("two") } }],
  ["readers", { readers: ["postgres://reader/shop"] }],
  ["an option of the library", { consistency: "eventual" as const }],
])("differs by %s", (_name, options) => {
  expect(key({ ...base, ...options })).not.toBe(key(base));
});

it("differs by the environment that a pool is made of, and by no other", () => {
  expect(key(base, { PGHOST: "db" })).not.toBe(key(base));
  expect(key(base, { DATABASE_URL: "postgres://db/shop" })).not.toBe(key(base));
  expect(key(base, { HOME: "/home/app" })).toBe(key(base));
});

it("sees what is hidden from enumeration", () => {
  const hidden = Object.defineProperty({ ...base }, "password", { value: "x", enumerable: false });
  expect(key(hidden)).not.toBe(key({ ...base, password: "y" }));
});

it("does not show what it was made of", () => {
  expect(key({ ...base, password: "secret" })).not.toContain("secret");
});

it("ends for options that lead back to themselves", () => {
  const ssl: Record<string, unknown> = {};
  ssl["self"] = ssl;
  expect(key({ ...base, ssl })).toBe(key({ ...base, ssl }));
});
