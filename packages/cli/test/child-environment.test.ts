import type { ConfiguredEndpoint } from "pointsman/endpoints";
import { expect, test } from "vitest";
import { childEnvironment } from "../src/exec/child-environment.ts";

const endpoint: ConfiguredEndpoint = {
  side: "writer",
  name: "db.example.com:5432",
  host: "db.example.com",
  hostaddr: undefined,
  port: 5432,
  user: "app",
  database: "shop",
  ssl: false,
  sslmode: undefined,
  warning: undefined,
  parameters: {},
  certificateName: "db.example.com",
  roots: undefined,
  auth: undefined,
  max: 10,
  password: async () => undefined,
  connect: () => Promise.reject(new Error("not here")),
};

function environmentOf(
  different: Partial<ConfiguredEndpoint>,
  {
    password = "one",
    rootsFile,
    environment = {},
    prisma = false,
  }: {
    readonly password?: string | undefined;
    readonly rootsFile?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly prisma?: boolean;
  } = {},
) {
  const of = { ...endpoint, ...different };
  const made = childEnvironment(of, password, rootsFile, environment, prisma);
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined));
}

test("leads to the endpoint, and says nothing of TLS where nothing was said", () => {
  expect(environmentOf({})).toEqual({
    DATABASE_URL: "postgres://app:one@db.example.com:5432/shop",
    PGHOST: "db.example.com",
    PGPORT: "5432",
    PGUSER: "app",
    PGDATABASE: "shop",
    PGPASSWORD: "one",
  });
});

test("encodes what is special in a URL, so that it comes out as it went in", () => {
  const { DATABASE_URL, PGPASSWORD } = environmentOf(
    { user: "a/b@c", database: "my shop?" },
    { password: "h:1/?a=b&c%2F#+ '" },
  );
  const { username, password, pathname } = new URL(DATABASE_URL as string);
  expect([username, password, pathname.slice(1)].map(decodeURIComponent)).toEqual([
    "a/b@c",
    "h:1/?a=b&c%2F#+ '",
    "my shop?",
  ]);
  expect(PGPASSWORD).toBe("h:1/?a=b&c%2F#+ '");
});

test("names the roots that certificates are verified against", () => {
  expect(
    environmentOf({ sslmode: "verify-full" }, { rootsFile: "/tmp/x/roots.pem" }),
  ).toMatchObject({
    DATABASE_URL:
      "postgres://app:one@db.example.com:5432/shop?sslmode=verify-full&sslrootcert=%2Ftmp%2Fx%2Froots.pem",
    PGSSLMODE: "verify-full",
    PGSSLROOTCERT: "/tmp/x/roots.pem",
    NODE_EXTRA_CA_CERTS: "/tmp/x/roots.pem",
  });
});

test("tells Prisma in its own words to encrypt, and to verify against the same roots", () => {
  const parameters = { schema: "sales", sslaccept: "accept_invalid_certs" };
  expect(
    environmentOf(
      { sslmode: "verify-full", parameters },
      { rootsFile: "/roots.pem", environment: { SSL_CERT_FILE: "/other.pem" }, prisma: true },
    ),
  ).toMatchObject({
    DATABASE_URL:
      "postgres://app:one@db.example.com:5432/shop?schema=sales&sslmode=require&sslaccept=strict",
    SSL_CERT_FILE: "/roots.pem",
    PGSSLMODE: "verify-full",
  });
});

test.each([
  [undefined, ""],
  ["disable", "?sslmode=disable"],
  ["allow", "?sslmode=prefer"],
  ["require", "?sslmode=require"],
  ["verify-ca", "?sslmode=require&sslaccept=strict"],
] as const)("tells Prisma what it has for sslmode %s", (sslmode, query) => {
  expect(environmentOf({ sslmode }, { prisma: true })).toMatchObject({
    DATABASE_URL: `postgres://app:one@db.example.com:5432/shop${query}`,
  });
});

test("lets libpq use the system's roots, and leaves them out of the URL", () => {
  const made = environmentOf({ sslmode: "verify-full" });
  expect(made).toMatchObject({
    DATABASE_URL: "postgres://app:one@db.example.com:5432/shop?sslmode=verify-full",
    PGSSLROOTCERT: "system",
  });
  expect(made).not.toHaveProperty("NODE_EXTRA_CA_CERTS");
});

test("takes away roots that would make libpq verify more than the pool does", () => {
  const made = environmentOf(
    { sslmode: "require" },
    { environment: { PGSSLROOTCERT: "/other.pem" } },
  );
  expect(made).toMatchObject({ PGSSLMODE: "require" });
  expect(made).not.toHaveProperty("PGSSLROOTCERT");
});

test("leaves NODE_EXTRA_CA_CERTS alone when it is set", () => {
  const environment = { NODE_EXTRA_CA_CERTS: "/mine.pem" };
  expect(
    environmentOf({ sslmode: "verify-full" }, { rootsFile: "/roots.pem", environment }),
  ).toMatchObject(environment);
});

test("takes away what would lead elsewhere, and nothing else", () => {
  const environment = {
    DATABASE_READER_URL: "postgres://r",
    DATABASE_AUTH: "iam",
    PGHOSTADDR: "10.0.0.1",
    PGSERVICE: "other",
    DATABASE_POOL_MAX: "5",
    PATH: "/bin",
  };
  const made = environmentOf({}, { environment });
  expect(made).toMatchObject({ DATABASE_POOL_MAX: "5", PATH: "/bin" });
  for (const name of ["DATABASE_READER_URL", "DATABASE_AUTH", "PGHOSTADDR", "PGSERVICE"]) {
    expect(made).not.toHaveProperty(name);
  }
});

test("passes an address on that was given beside the host", () => {
  expect(environmentOf({ hostaddr: "127.0.0.1" })).toMatchObject({
    DATABASE_URL: "postgres://app:one@db.example.com:5432/shop?hostaddr=127.0.0.1",
    PGHOST: "db.example.com",
    PGHOSTADDR: "127.0.0.1",
  });
});

test("keeps a parameter of the URL whatever its name is", () => {
  const parameters = { constructor: "a", toString: "b" } as unknown as Record<string, string>;
  expect(environmentOf({ parameters })["DATABASE_URL"]).toBe(
    "postgres://app:one@db.example.com:5432/shop?constructor=a&toString=b",
  );
});

test("keeps the other parameters of the URL, also for programs that read variables only", () => {
  const parameters = { schema: "sales", options: "-c search_path=sales", sslmode: "disable" };
  expect(environmentOf({ parameters, sslmode: "disable" })).toMatchObject({
    DATABASE_URL:
      "postgres://app:one@db.example.com:5432/shop?schema=sales&options=-c%20search_path%3Dsales&sslmode=disable",
    PGOPTIONS: "-c search_path=sales",
    PGSSLMODE: "disable",
  });
});

test.each([
  [{ host: "/run/postgresql" }, "postgres://app:one@/shop?host=%2Frun%2Fpostgresql&port=5432"],
  [{ host: "::1" }, "postgres://app:one@[::1]:5432/shop"],
])("writes the host %j as URLs have it", (different, url) => {
  expect(environmentOf(different)).toMatchObject({ DATABASE_URL: url });
});
