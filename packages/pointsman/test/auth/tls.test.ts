import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import { fileURLToPath } from "node:url";
import { iam, type PoolOptions } from "pointsman";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rdsRoots } from "../../src/auth/trusted-roots.ts";
import { resolveConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";
import { runProgram, runProgramIn } from "../support/run-program.ts";

const rds = "postgres://app@shop.cluster-c0abc.eu-west-2.rds.amazonaws.com/shop";
const other = "postgres://app@db.example.com/shop";
let folder: string;
let ca: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-tls-"));
  ca = join(folder, "ca.pem");
  writeFileSync(ca, "the roots");
});
afterAll(() => rmSync(folder, { recursive: true }));

const policy = (options: PoolOptions) => {
  const { client, otherwise, warning } = resolveConfig(options, {}).writer;
  return { ssl: client.ssl as ConnectionOptions | boolean | undefined, otherwise, warning };
};

const isVerified = (ssl: unknown): boolean =>
  typeof ssl === "object" &&
  (ssl as ConnectionOptions).rejectUnauthorized !== false &&
  (ssl as ConnectionOptions).checkServerIdentity === undefined;

describe("R29: TLS to a host of RDS", () => {
  it("is verified by default, against the roots of RDS and of the system", () => {
    const { ssl, warning } = policy({ writer: rds });
    expect(isVerified(ssl)).toBe(true);
    expect(ssl).toMatchObject({ [rdsRoots]: true });
    expect(warning).toBeUndefined();
  });

  it.each(["disable", "allow", "prefer", "require", "verify-ca"])(
    "is raised to verify-full from sslmode=%s, with a warning",
    (mode) => {
      const { ssl, warning } = policy({ writer: `${rds}?sslmode=${mode}` });
      expect(isVerified(ssl)).toBe(true);
      expect(warning).toContain(`sslmode=${mode} of writer is raised to verify-full`);
    },
  );

  it("is raised for the older parameter of pg too", () => {
    expect(isVerified(policy({ writer: `${rds}?ssl=no-verify` }).ssl)).toBe(true);
  });

  it("takes the roots that a URL names in place of them", () => {
    const { ssl } = policy({ writer: `${rds}?sslrootcert=${encodeURIComponent(ca)}` });
    expect(ssl).toEqual({ ca: "the roots" });
  });

  it("is weakened by an ssl object alone", () => {
    const ssl = { rejectUnauthorized: false };
    expect(policy({ writer: rds, ssl })).toMatchObject({ ssl, warning: undefined });
    expect(policy({ writer: `${rds}?sslmode=verify-full`, ssl })).toMatchObject({ ssl });
    expect(policy({ writer: rds, ssl: false }).ssl).toBe(false);
  });

  it("keeps the roots of RDS beside an ssl object that says nothing of roots", () => {
    expect(policy({ writer: rds, ssl: true }).ssl).toMatchObject({ [rdsRoots]: true });
    expect(policy({ writer: rds, ssl: { minVersion: "TLSv1.3" } }).ssl).toMatchObject({
      [rdsRoots]: true,
      minVersion: "TLSv1.3",
    });
    expect(policy({ writer: rds, ssl: { ca: "mine" } }).ssl).toEqual({ ca: "mine" });
  });
});

describe("R29: the roots of RDS", () => {
  it("are added to those of Node.js, and to those that NODE_EXTRA_CA_CERTS adds", async () => {
    const file = fileURLToPath(new URL("../support/tls/certificate.pem", import.meta.url));
    const own = readFileSync(file, "utf8");
    const without = await runProgram("trusted-roots", own);
    expect([without.status, JSON.parse(without.stdout)]).toEqual([0, [true, false]]);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
    const added = await runProgramIn(env, "trusted-roots", own);
    expect([added.status, JSON.parse(added.stdout)]).toEqual([0, [true, true]]);
  });
});

describe("R29: TLS with IAM", () => {
  it.each([undefined, "disable", "require"])("is verified on any host: sslmode=%s", (mode) => {
    const writer = mode === undefined ? other : `${other}?sslmode=${mode}`;
    const { ssl, warning } = policy({ writer, auth: iam() });
    expect(isVerified(ssl)).toBe(true);
    expect(warning === undefined).toBe(mode === undefined);
  });

  it("cannot be left out", () => {
    const refused = () => resolveConfig({ writer: rds, ssl: false, auth: "iam" }, {});
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(
      "writer has ssl: false, but auth needs TLS: its password is a token that lets whoever reads it in as this user. Leave ssl out.",
    );
  });

  it("checks the certificate for the real host, where another name of it is configured", () => {
    const real = "shop.cluster-c0abc.eu-west-2.rds.amazonaws.com";
    const { ssl } = policy({ writer: other, auth: iam({ hostname: real }) });
    const check = (ssl as ConnectionOptions).checkServerIdentity;
    const certificate = (name: string) => ({ subjectaltname: `DNS:${name}` }) as PeerCertificate;
    expect(check?.("db.example.com", certificate(real))).toBeUndefined();
    expect(check?.("db.example.com", certificate("db.example.com"))).toBeInstanceOf(Error);
    expect(ssl).toMatchObject({ [rdsRoots]: true });
  });

  it("checks the certificate for servername", () => {
    const { ssl } = policy({ writer: other, ssl: { servername: "real.example.com" } });
    const check = (ssl as ConnectionOptions).checkServerIdentity;
    const certificate = { subjectaltname: "DNS:real.example.com" } as PeerCertificate;
    expect(check?.("db.example.com", certificate)).toBeUndefined();
  });
});

describe("sslmode in a URL means what libpq says", () => {
  it("without any, it is left to pg", () => {
    expect(policy({ writer: other })).toEqual({ ssl: undefined });
  });

  it("disable", () => {
    expect(policy({ writer: `${other}?sslmode=disable` }).ssl).toBe(false);
  });

  it("allow: none, else unverified", () => {
    expect(policy({ writer: `${other}?sslmode=allow` })).toMatchObject({
      ssl: false,
      otherwise: { rejectUnauthorized: false },
    });
  });

  it("prefer: unverified, else none", () => {
    expect(policy({ writer: `${other}?sslmode=prefer` })).toMatchObject({
      ssl: { rejectUnauthorized: false },
      otherwise: "plain",
    });
  });

  it("require: unverified, but with roots as verify-ca", () => {
    expect(policy({ writer: `${other}?sslmode=require` }).ssl).toEqual({
      rejectUnauthorized: false,
    });
    const { ssl } = policy({ writer: `${other}?sslmode=require&sslrootcert=${ca}` });
    expect(ssl).toMatchObject({ ca: "the roots" });
    expect((ssl as ConnectionOptions).checkServerIdentity?.("any", {} as never)).toBeUndefined();
  });

  it("verify-ca: the chain, not the name", () => {
    const { ssl } = policy({ writer: `${other}?sslmode=verify-ca&sslrootcert=${ca}` });
    expect((ssl as ConnectionOptions).rejectUnauthorized).toBeUndefined();
    expect((ssl as ConnectionOptions).checkServerIdentity?.("any", {} as never)).toBeUndefined();
  });

  it("verify-full: chain and name", () => {
    expect(policy({ writer: `${other}?sslmode=verify-full&sslrootcert=${ca}` }).ssl).toEqual({
      ca: "the roots",
    });
    expect(policy({ writer: `${other}?sslmode=verify-full&sslrootcert=system` }).ssl).toEqual({});
  });

  it("certificates of the client are read, and their secrets hidden", () => {
    const { ssl } = policy({
      writer: `${other}?sslmode=verify-full&sslcert=${ca}&sslkey=${ca}&sslpassword=hush`,
    });
    const { cert, key, passphrase } = ssl as ConnectionOptions;
    expect([cert, key, passphrase]).toEqual(["the roots", "the roots", "hush"]);
    expect(JSON.stringify(ssl)).toBe('{"cert":"the roots"}');
  });

  it("a reader takes the writer's TLS, unless it says something itself", () => {
    const readers = ["postgres://a.example.com", "postgres://b.example.com?sslmode=disable"];
    const config = resolveConfig({ writer: `${other}?sslmode=require`, readers }, {});
    expect(config.readers.map(({ client }) => client.ssl)).toEqual([
      { rejectUnauthorized: false },
      false,
    ]);
  });

  it.each([
    [
      "sslmode=requier",
      "writer has sslmode=requier, which does not exist. Known are: disable, allow, prefer, require, verify-ca, verify-full.",
    ],
    [
      "sslmode=require&sslrootcert=/nowhere/ca.pem",
      "sslrootcert of writer cannot be read: ENOENT: no such file or directory, open '/nowhere/ca.pem'",
    ],
    [
      "sslmode=require&sslrootcert=system",
      "writer has sslmode=require with sslrootcert=system, which libpq refuses: anybody can get a certificate from the system's authorities, so the name must be verified too. Say sslmode=verify-full, or leave sslmode out.",
    ],
    [
      "hostaddr=db.example.com",
      'hostaddr of writer must be an IP address; got "db.example.com". A name belongs into host.',
    ],
  ])("a mistake is told: %s", (query, message) => {
    expect(() => policy({ writer: `${other}?${query}` })).toThrow(
      new ConfigError("writer", message),
    );
  });
});

describe("auth", () => {
  it.each([
    [{ auth: "iamm" }, "auth"],
    [{ auth: {} }, "auth"],
    [{ auth: 5 }, "auth"],
    [{ auth: iam(), password: "s3cret" }, "writer"],
    [{ auth: iam(), writer: "postgres://app:s3cret@db.example.com/shop" }, "writer"],
  ])("is checked: %o", (options, option) => {
    const refused = () => resolveConfig({ writer: other, ...options } as PoolOptions, {});
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(expect.objectContaining({ option }));
    expect(refused).not.toThrow(/s3cr/);
  });

  it.each([
    [{ regoin: "eu-west-2" }, "auth.regoin"],
    [{ region: "eu west 2" }, "auth.region"],
    [{ hostname: "https://db.example.com" }, "auth.hostname"],
    [{ hostname: { a: "b c" } }, "auth.hostname"],
    [{ reuseMillis: 900_000 }, "auth.reuseMillis"],
    [{ reuseMillis: Number.NaN }, "auth.reuseMillis"],
    [{ connectionsPerSecond: 0 }, "auth.connectionsPerSecond"],
    [{ profile: "x", credentials: async () => ({}) }, "auth.credentials"],
  ])("iam() checks its options: %o", (options, option) => {
    expect(() => iam(options as never)).toThrow(expect.objectContaining({ option }));
  });
});
