import { Signer } from "@aws-sdk/rds-signer";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AwsCredentials, CredentialSource } from "../../src/auth/credentials.ts";
import { type SigningTarget, TokenMaker } from "../../src/auth/tokens.ts";

const minute = 60_000;
const target: SigningTarget = {
  hostname: "shop.c0abc.eu-west-2.rds.amazonaws.com",
  port: 5432,
  username: "app",
  region: "eu-west-2",
};

/** Credentials that end so many milliseconds after they were fetched. */
function source(life?: number) {
  const calls: ({ forceRefresh?: boolean } | undefined)[] = [];
  let fails = false;
  const credentials = new CredentialSource(async () => async (options) => {
    calls.push(options);
    await Promise.resolve();
    if (fails) throw new Error("the source is down");
    return {
      accessKeyId: `AKIA${calls.length}`,
      secretAccessKey: "secret",
      ...(life === undefined ? {} : { expiration: new Date(Date.now() + life) }),
    } satisfies AwsCredentials;
  });
  return {
    calls,
    credentials,
    fail() {
      fails = true;
    },
  };
}

const sign = ({ region, ...rest }: SigningTarget, credentials: AwsCredentials) =>
  new Signer({ ...rest, ...(region === undefined ? {} : { region }), credentials }).getAuthToken();

const keyIn = (token: string) => /Credential=(AKIA\d+)/.exec(token)?.[1];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-03-01T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a token", () => {
  it("is made once however many connections are opened at the same time", async () => {
    const { calls, credentials } = source(60 * minute);
    const maker = new TokenMaker(credentials, sign);
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => maker.token(target)));
    expect([new Set(tokens).size, calls.length]).toEqual([1, 1]);
  });

  it("is used for ten of its fifteen minutes", async () => {
    const maker = new TokenMaker(source(60 * minute).credentials, sign);
    const first = await maker.token(target);
    vi.setSystemTime(Date.now() + 10 * minute - 1);
    expect(await maker.token(target)).toBe(first);
    vi.setSystemTime(Date.now() + 1);
    expect(await maker.token(target)).not.toBe(first);
  });

  it("is not used for another host, port, user or region", async () => {
    const maker = new TokenMaker(source().credentials, sign);
    const tokens = await Promise.all(
      [
        target,
        { ...target, hostname: "other.c0abc.eu-west-2.rds.amazonaws.com" },
        { ...target, port: 5433 },
        { ...target, username: "report" },
        { ...target, region: "eu-west-1" },
      ].map((each) => maker.token(each)),
    );
    expect(new Set(tokens).size).toBe(5);
  });

  it("is never used beyond the end of the credentials that signed it", async () => {
    const { calls, credentials } = source(5 * minute);
    const maker = new TokenMaker(credentials, sign);
    const first = await maker.token(target);
    vi.setSystemTime(Date.now() + 4 * minute - 1);
    expect(await maker.token(target)).toBe(first);
    vi.setSystemTime(Date.now() + 1);
    expect(keyIn(await maker.token(target))).toBe("AKIA2");
    expect(calls).toEqual([{}, { forceRefresh: true }]);
  });

  it("is made anew when the clock was set back", async () => {
    const maker = new TokenMaker(source(60 * minute).credentials, sign);
    const first = await maker.token(target);
    vi.setSystemTime(Date.now() - 20 * minute);
    expect(await maker.token(target)).not.toBe(first);
  });

  it("is made for each connection when nothing is to be reused", async () => {
    const maker = new TokenMaker(source().credentials, sign, 0);
    const first = await maker.token(target);
    vi.setSystemTime(Date.now() + 1000);
    expect(await maker.token(target)).not.toBe(first);
  });

  it("that was refused is forgotten, and others are worth a try when it was a used one", async () => {
    const { calls, credentials } = source(60 * minute);
    const maker = new TokenMaker(credentials, sign);
    const first = await maker.token(target);
    expect(maker.refused(target, first)).toBe(false);
    vi.setSystemTime(Date.now() + 2 * minute);
    const second = await maker.token(target);
    await maker.token(target);
    expect(second).not.toBe(first);
    vi.setSystemTime(Date.now() + 1000);
    expect(maker.refused(target, second)).toBe(true);
    await maker.token(target);
    expect(calls.length).toBe(3);
  });

  it("that was replaced since is worth another try", async () => {
    const maker = new TokenMaker(source(60 * minute).credentials, sign);
    const first = await maker.token(target);
    vi.setSystemTime(Date.now() + 11 * minute);
    const second = await maker.token(target);
    expect(maker.refused(target, first)).toBe(true);
    expect(await maker.token(target)).toBe(second);
  });

  it("is asked for again after the source of credentials has failed", async () => {
    let broken = true;
    const credentials = new CredentialSource(async () => async () => {
      if (broken) throw new Error("no credentials");
      return { accessKeyId: "AKIA1", secretAccessKey: "secret" };
    });
    const maker = new TokenMaker(credentials, sign);
    await expect(maker.token(target)).rejects.toThrow("no credentials");
    broken = false;
    expect(keyIn(await maker.token(target))).toBe("AKIA1");
  });
});

describe("credentials", () => {
  it("are asked for again before a token could outlive them, but not all the time", async () => {
    const { calls, credentials } = source(14 * minute);
    await credentials.get();
    await credentials.get();
    expect(calls).toHaveLength(1);
    vi.setSystemTime(Date.now() + 30_000);
    await Promise.all([credentials.get(), credentials.get()]);
    expect(calls).toHaveLength(2);
  });

  it("that never end are looked at again after five minutes", async () => {
    const { calls, credentials } = source();
    await credentials.get();
    vi.setSystemTime(Date.now() + 5 * minute - 1);
    await credentials.get();
    expect(calls).toHaveLength(1);
    vi.setSystemTime(Date.now() + 1);
    await credentials.get();
    expect(calls).toHaveLength(2);
  });

  it("are used to their end while their source is down", async () => {
    const { credentials, fail } = source(10 * minute);
    const first = await credentials.get();
    fail();
    vi.setSystemTime(Date.now() + 10 * minute - 1);
    expect(await credentials.get()).toBe(first);
    vi.setSystemTime(Date.now() + 1);
    await expect(credentials.get()).rejects.toThrow("the source is down");
  });
});
