import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CredentialsServer } from "../src/iam/credentials.ts";
import { ClusterError } from "../src/index.ts";

let endpoint: CredentialsServer;
beforeEach(async () => {
  endpoint = await CredentialsServer.listen();
});
afterEach(async () => {
  vi.useRealTimers();
  await endpoint.close();
});

async function ask(authorization = endpoint.environment.AWS_CONTAINER_AUTHORIZATION_TOKEN) {
  const url = endpoint.environment.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  const response = await fetch(url, { headers: { authorization } });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

test("it gives out the same credentials, of AWS's form, again and again", async () => {
  const { status, body } = await ask();
  expect(status).toBe(200);
  expect(body["AccessKeyId"]).toMatch(/^ASIA[A-Z2-7]{16}$/);
  expect(body["SecretAccessKey"]).toHaveLength(40);
  expect(body["Token"]?.length).toBeGreaterThan(900);
  const hours = (Date.parse(body["Expiration"] ?? "") - Date.now()) / 3_600_000;
  expect(hours).toBeCloseTo(6, 1);
  expect((await ask()).body).toEqual(body);
  expect(endpoint.requests).toBe(2);
});

test("it gives nothing to whoever lacks the authorization token", async () => {
  for (const wrong of ["", "wrong"]) {
    const { status, body } = await ask(wrong);
    expect(status).toBe(403);
    expect(body).not.toHaveProperty("AccessKeyId");
  }
});

test("nothing else is there", async () => {
  const url = endpoint.environment.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  expect((await fetch(`${url}x`)).status).toBe(404);
  expect((await fetch(url, { method: "POST" })).status).toBe(404);
});

test("rotate() makes new keys beside the old ones, or in their place", async () => {
  const first = (await ask()).body["AccessKeyId"] ?? "";
  endpoint.rotate();
  const second = (await ask()).body["AccessKeyId"] ?? "";
  expect(second).not.toBe(first);
  expect(endpoint.find(first)).toBeDefined();
  endpoint.rotate({ revoke: true });
  expect(endpoint.find(first)).toBe(undefined);
  expect(endpoint.find(second)).toBe(undefined);
});

test("expiresIn() holds for the next answer, and half of that time later there are new keys", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await ask();
  endpoint.expiresIn(10_000);
  const { body } = await ask();
  expect(Date.parse(body["Expiration"] ?? "") - Date.now()).toBe(10_000);
  vi.advanceTimersByTime(4_999);
  expect((await ask()).body["AccessKeyId"]).toBe(body["AccessKeyId"]);
  vi.advanceTimersByTime(1);
  expect((await ask()).body["AccessKeyId"]).not.toBe(body["AccessKeyId"]);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
  "expiresIn(%d) is refused",
  (milliseconds) => {
    expect(() => endpoint.expiresIn(milliseconds)).toThrow(ClusterError);
  },
);

test("fail() makes it fail until it is taken back", async () => {
  endpoint.fail(true);
  expect((await ask()).status).toBe(500);
  endpoint.fail(false);
  expect((await ask()).status).toBe(200);
});

test("what it prints has no secret in it", async () => {
  const { inspect } = await import("node:util");
  const { body } = await ask();
  const printed = inspect(endpoint, { depth: 10, showHidden: true });
  expect(printed).not.toContain(body["SecretAccessKey"]);
  expect(printed).not.toContain(body["Token"]);
});
