import { Signer } from "@aws-sdk/rds-signer";
import { describe, expect, test } from "vitest";
import type { IssuedCredentials } from "../src/iam/credentials.ts";
import { type TokenRules, whyRefused } from "../src/iam/token.ts";
import { forge } from "./iam-helpers.ts";

const target = {
  hostname: "app.cluster-c0123456789a.eu-west-2.rds.amazonaws.com",
  port: 5432,
  user: "app_iam",
  region: "eu-west-2",
};
const keys: IssuedCredentials = {
  accessKeyId: "ASIAAAAAAAAAAAAAAAAA",
  secretAccessKey: "a/secret+key",
  sessionToken: `session/${"token+".repeat(150)}==`,
  issued: 0,
  expires: Number.MAX_SAFE_INTEGER,
};
const now = Math.floor(Date.now() / 1000) * 1000;
const rules: TokenRules = {
  now,
  acceptedForMs: Number.POSITIVE_INFINITY,
  credentials: (id) => (id === keys.accessKeyId ? keys : undefined),
};
const right = { ...target, keys, date: new Date(now) };

const minutes = (count: number) => new Date(now + count * 60_000);

test("a token of the SDK's own signer is taken", async () => {
  const { hostname, port, user: username, region } = target;
  const signer = new Signer({ hostname, port, username, region, credentials: keys });
  const token = await signer.getAuthToken();
  expect(await whyRefused(token, target, { ...rules, now: Date.now() })).toBe(undefined);
});

test("the forger's tokens are taken when nothing is wrong with them", async () => {
  expect(await whyRefused(await forge(right), target, rules)).toBe(undefined);
});

test("a host name in capitals is the same host", async () => {
  const token = await forge({ ...right, hostname: target.hostname.toUpperCase() });
  expect(await whyRefused(token, target, rules)).toBe(undefined);
});

test.each(["with space", "a@b", "100%", `q"'\\`, "ünï-çødé 名", "a&b=c+d/e?f#g"])(
  "a token for the user %s is taken for this user only",
  async (user) => {
    const token = await forge({ ...right, user });
    expect(await whyRefused(token, { ...target, user }, rules)).toBe(undefined);
    expect(await whyRefused(token, target, rules)).toBe("wrong-user");
  },
);

describe("a token is refused", () => {
  const { hostname } = target;
  const otherKeys = { ...keys, secretAccessKey: "other" };
  const { sessionToken: _, ...keysAlone } = keys;

  test.each([
    ["for another host", "wrong-host", { hostname: `x${hostname}` }],
    ["for the reader endpoint", "wrong-host", { hostname: hostname.replace("-c", "-ro-c") }],
    ["for another port", "wrong-port", { port: 5433 }],
    ["for another user", "wrong-user", { user: "APP_IAM" }],
    ["for another region", "wrong-region", { region: "us-east-1" }],
    ["for another service", "malformed", { service: "s3" }],
    ["for another action", "malformed", { action: "Connect" }],
    ["that is good for more than 900 s", "lifetime-too-long", { expiresIn: 901 }],
    ["that is older than 15 minutes", "expired", { date: minutes(-15.1) }],
    ["that is older than it says it may be", "expired", { date: minutes(-1.1), expiresIn: 60 }],
    ["from the future", "from-the-future", { date: minutes(5.1) }],
    ["with an unknown key", "unknown-key", { keys: { ...keys, accessKeyId: "ASIAX" } }],
    ["without a session token", "wrong-session-token", { keys: keysAlone }],
    [
      "with another session token",
      "wrong-session-token",
      { keys: { ...keys, sessionToken: "other" } },
    ],
    ["with another secret", "wrong-signature", { keys: otherKeys }],
  ])("%s", async (_what, cause, change) => {
    expect(await whyRefused(await forge({ ...right, ...change }), target, rules)).toBe(cause);
  });

  test.each([
    ["", "empty"],
    [" ", "malformed"],
    ["secret", "malformed"],
    [`${hostname}:5432/?Action=connect`, "malformed"],
    [`${hostname}:5432/?%`, "malformed"],
    ["\0".repeat(1000), "malformed"],
  ])("that is %j", async (token, cause) => {
    expect(await whyRefused(token, target, rules)).toBe(cause);
  });

  test.each([
    ["has https:// before it", (token: string) => `https://${token}`],
    ["is cut off", (token: string) => token.slice(0, -1)],
    ["goes on", (token: string) => `${token}0`],
    ["says a thing twice", (token: string) => `${token}&DBUser=app_iam`],
    ["has a date that is none", (token: string) => token.replace(/(Date=\d{4})\d\d/, "$199")],
    ["has no algorithm", (token: string) => token.replace(/X-Amz-Algorithm=[^&]*&/, "")],
  ])("that %s", async (_what, change) => {
    expect(await whyRefused(change(await forge(right)), target, rules)).toBe("malformed");
  });

  test.each([
    [
      "its signature",
      (token: string) =>
        token.replace(/Signature=./, (x) => `${x.slice(0, -1)}${x.endsWith("0") ? "1" : "0"}`),
    ],
    ["its life", (token: string) => token.replace("Expires=900", "Expires=899")],
    ["its parameters, by one more", (token: string) => `${token}&Extra=1`],
    ["the spelling of its host", (token: string) => token.replace("app.", "APP.")],
  ])("when somebody has changed %s", async (_what, change) => {
    expect(await whyRefused(change(await forge(right)), target, rules)).toBe("wrong-signature");
  });

  test("when the credentials behind it have ended", async () => {
    const token = await forge(right);
    const ended = { ...rules, credentials: () => ({ ...keys, expires: now }) };
    expect(await whyRefused(token, target, ended)).toBe("credentials-expired");
  });

  test("when it is older than the gateway takes it", async () => {
    const token = await forge({ ...right, date: minutes(-1) });
    expect(await whyRefused(token, target, { ...rules, acceptedForMs: 60_000 })).toBe(undefined);
    expect(await whyRefused(token, target, { ...rules, acceptedForMs: 59_999 })).toBe("expired");
  });
});
