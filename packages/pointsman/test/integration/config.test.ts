import { inspect } from "node:util";
import { ConfigError, errorCodes, PointsmanError, Pool, type PoolOptions } from "pointsman";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import { optionTable } from "../../src/config/options.ts";

const writer = "postgres://app@db.example.com:5432/shop";
const reader = "postgres://app@replica.example.com:5433/shop";

function mistake(options: unknown, environment: Record<string, string> = {}): ConfigError {
  try {
    resolveConfig(options as PoolOptions, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The configuration was expected to be refused.");
}

beforeEach(() => {
  for (const name of ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"]) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a mistake", () => {
  it("is a ConfigError with the code CONFIG_INVALID", () => {
    const error = mistake({ writer, nonsense: 1 });
    expect({
      name: error.name,
      code: error.code,
      pointsman: error instanceof PointsmanError,
      known: error.code in errorCodes,
    }).toEqual({ name: "ConfigError", code: "CONFIG_INVALID", pointsman: true, known: true });
  });

  it("is raised by the Pool's constructor", () => {
    expect(() => new Pool({ writer, max: 0 })).toThrow(ConfigError);
  });

  it.each<[string, unknown, string, string]>([
    [
      "options that are a URL",
      writer,
      "options",
      'The options must be an object, for example { writer: "postgres://app@db.example.com/shop" }; got a string.',
    ],
    [
      "options that are null",
      null,
      "options",
      'The options must be an object, for example { writer: "postgres://app@db.example.com/shop" }; got null.',
    ],
    [
      "a weight of 0",
      { writer, readers: [{ connectionString: reader, weight: 0 }] },
      "readers[0].weight",
      "readers[0].weight must be a number above 0; got 0.",
    ],
    [
      "a weight of the writer",
      { writer: { connectionString: writer, weight: 2 } },
      "writer.weight",
      expect.stringContaining("There is no option writer.weight.") as never,
    ],
    [
      "a fallback that is none",
      { writer, reader, readerFallback: "reader" },
      "readerFallback",
      'readerFallback must be "writer" or "error"; got "reader".',
    ],
    [
      "a limit of a fallback that there is not",
      { writer, reader, readerFallback: "error", readerFallbackMax: 2 },
      "readerFallbackMax",
      'readerFallbackMax says how many connections reads may take from the writer, and readerFallback: "error" that they may not. Leave one of them out.',
    ],
    [
      "a lag that is no time",
      { writer, reader, maxLag: "soon" },
      "maxLag",
      expect.stringContaining("maxLag must be") as never,
    ],
    [
      "a misspelt option",
      { wrtier: writer },
      "wrtier",
      "There is no option wrtier. Did you mean writer?",
    ],
    [
      "another misspelt option",
      { writer, idleTimeoutMilis: 5 },
      "idleTimeoutMilis",
      "There is no option idleTimeoutMilis. Did you mean idleTimeoutMillis?",
    ],
    [
      "a word for reader of others",
      { writer, replica: reader },
      "replica",
      "There is no option replica. Did you mean reader?",
    ],
    [
      "a word for readers of others",
      { writer, slaves: [reader] },
      "slaves",
      "There is no option slaves. Did you mean readers?",
    ],
    [
      "a word for writer of others",
      { primary: writer },
      "primary",
      "There is no option primary. Did you mean writer?",
    ],
    [
      "an option of one side that does not exist",
      { writer, readerPool: { maxx: 3 } },
      "readerPool.maxx",
      "There is no option readerPool.maxx. Did you mean readerPool.max?",
    ],
    [
      "an option of one side that both share",
      { writer, writerPool: { ssl: true } },
      "writerPool.ssl",
      "There is no option writerPool.ssl. Known are: connectionTimeoutMillis, idleTimeoutMillis, max, maxLifetimeSeconds, maxUses, min.",
    ],
    [
      "a misspelt bound of the cache",
      { writer, statementCache: { maxEntrys: 3 } },
      "statementCache.maxEntrys",
      "There is no option statementCache.maxEntrys. Did you mean statementCache.maxEntries?",
    ],
    ["a size of 0", { writer, max: 0 }, "max", "max must be a whole number of 1 or more; got 0."],
    [
      "a size that is text",
      { writer, max: "10" },
      "max",
      'max must be a whole number of 1 or more; got "10".',
    ],
    [
      "a size that is a fraction",
      { writer, max: 1.5 },
      "max",
      "max must be a whole number of 1 or more; got 1.5.",
    ],
    [
      "a size that is NaN",
      { writer, max: Number.NaN },
      "max",
      "max must be a whole number of 1 or more; got NaN.",
    ],
    [
      "a size of one side",
      { writer, readerPool: { max: -1 } },
      "readerPool.max",
      "readerPool.max must be a whole number of 1 or more; got -1.",
    ],
    [
      "a bound of the cache",
      { writer, statementCache: { maxBytes: 0 } },
      "statementCache.maxBytes",
      "statementCache.maxBytes must be a whole number of 1 or more; got 0.",
    ],
    [
      "maxParseBytes",
      { writer, maxParseBytes: "64KB" },
      "maxParseBytes",
      'maxParseBytes must be a whole number of 1 or more; got "64KB".',
    ],
    [
      "a time below 0",
      { writer, connectionTimeoutMillis: -1 },
      "connectionTimeoutMillis",
      "connectionTimeoutMillis must be a number of 0 or more; got -1.",
    ],
    [
      "a time that is text",
      { writer, idleTimeoutMillis: "10s" },
      "idleTimeoutMillis",
      'idleTimeoutMillis must be a number of 0 or more; got "10s".',
    ],
    [
      "mirror that is text",
      { writer, mirror: "yes" },
      "mirror",
      'mirror must be true or false; got "yes".',
    ],
    [
      "a function that is none",
      { writer, onConnect: "x" },
      "onConnect",
      'onConnect must be a function; got "x".',
    ],
    [
      "a text that is none",
      { writer, application_name: 5 },
      "application_name",
      "application_name must be a string; got a number.",
    ],
    [
      "a side that is none",
      { writer, readOnlyTransactions: "replica" },
      "readOnlyTransactions",
      'readOnlyTransactions must be "reader" or "writer"; got "replica".',
    ],
    [
      "a side's pool that is a number",
      { writer, readerPool: 5 },
      "readerPool",
      "readerPool must be an object with max, min, idleTimeoutMillis, connectionTimeoutMillis, maxUses, maxLifetimeSeconds; got 5.",
    ],
    [
      "a list of no readers",
      { writer, readers: [] },
      "readers",
      "readers must be a list of at least one endpoint; got an empty list. Leave it out to work with the writer alone.",
    ],
    [
      "readers that are no list",
      { writer, readers: reader },
      "readers",
      "readers must be a list of at least one endpoint; got a string. Leave it out to work with the writer alone.",
    ],
    [
      "reader and readers",
      { writer, reader, readers: [reader] },
      "reader",
      "reader and readers are both given. Give one of them.",
    ],
    [
      "mirror and reader",
      { writer, reader, mirror: true },
      "mirror",
      "mirror makes the writer's own server the reader, but a reader is given too. Leave one of them out.",
    ],
    [
      "mirror and readers",
      { writer, readers: [reader], mirror: true },
      "mirror",
      "mirror makes the writer's own server the reader, but a reader is given too. Leave one of them out.",
    ],
    [
      "writer and host",
      { writer, host: "elsewhere" },
      "host",
      "host and writer both say where the writer is. Give one of them.",
    ],
    [
      "writer and port",
      { writer, port: 1 },
      "port",
      "port and writer both say where the writer is. Give one of them.",
    ],
    [
      "writer and connectionString",
      { writer, connectionString: writer },
      "connectionString",
      "connectionString and writer both say where the writer is. Give one of them.",
    ],
    [
      "a reader of another database",
      { writer, reader: "postgres://replica/other" },
      "reader",
      'reader names the database "other", but the writer\'s is "shop". Both must be the same database.',
    ],
    [
      "one of several readers of another database",
      { writer, readers: [reader, "postgres://replica/other"] },
      "readers[1]",
      'readers[1] names the database "other", but the writer\'s is "shop". Both must be the same database.',
    ],
    [
      "a URL of another kind",
      { writer: "mysql://db/shop" },
      "writer",
      'writer is not a PostgreSQL URL. Give one that starts with postgres://, for example "postgres://app@db.example.com:5432/shop".',
    ],
    [
      "a URL without a scheme",
      { writer: "db.example.com/shop" },
      "writer",
      'writer is not a PostgreSQL URL. Give one that starts with postgres://, for example "postgres://app@db.example.com:5432/shop".',
    ],
    [
      "an empty URL",
      { writer: "" },
      "writer",
      'writer is not a PostgreSQL URL: it is empty. Give one that starts with postgres://, for example "postgres://app@db.example.com:5432/shop".',
    ],
    [
      "an endpoint that is a number",
      { writer: 5432 },
      "writer",
      'writer must be a URL or an object with host, port, user, …; got a number. Give a URL, for example "postgres://app@db.example.com:5432/shop".',
    ],
    [
      "a reader that is null",
      { writer, reader: null },
      "reader",
      'reader must be a URL or an object with host, port, user, …; got null. Give a URL, for example "postgres://app@db.example.com:5432/shop".',
    ],
    [
      "a reader in a list that is a list",
      { writer, readers: [[reader]] },
      "readers[0]",
      'readers[0] must be a URL or an object with host, port, user, …; got a list. Give a URL, for example "postgres://app@db.example.com:5432/shop".',
    ],
  ])("is told by name and remedy: %s", (_name, options, option, message) => {
    const error = mistake(options);
    expect({ option: error.option, message: error.message }).toEqual({ option, message });
  });

  it("lists what is known where no name is near", () => {
    expect(mistake({ writer, zzzzzzzzz: 1 }).message).toMatch(
      /^There is no option zzzzzzzzz\. Known are: .*\breader\b.*\bwriter\b/,
    );
  });

  it.each([
    ["a password with a slash", "postgres://app:s3cr/et@db.example.com/shop"],
    ["a password with a bracket", "postgres://app:s3cr[et@db.example.com/shop"],
    ["a password with a percent sign", "postgres://app:s3cr%et@db.example.com/shop"],
    ["a port that is none", "postgres://app:s3cret@db.example.com:port/shop"],
    ["another scheme", "mysql://app:s3cret@db.example.com/shop"],
    ["no scheme", "app:s3cret@db.example.com/shop"],
    ["nothing in front of the password", ":s3cret@db.example.com"],
  ])("never shows the URL or its password: %s", (_name, url) => {
    const shown = (() => {
      try {
        return inspect(resolveConfig({ writer: url }, {}), { depth: 9 });
      } catch (error) {
        return inspect(error, { depth: 9 });
      }
    })();
    expect(shown).not.toMatch(/s3cr/);
  });

  it("never shows a password that is given where text is expected", () => {
    const error = mistake({ writer, application_name: { password: "s3cret" } });
    expect(inspect(error)).not.toMatch(/s3cr/);
  });
});

describe("values of options", () => {
  it.each([
    [{ writer: { host: 5 } }, "writer.host"],
    [{ writer: { host: "db", port: -1 } }, "writer.port"],
    [{ writer, readers: [{ port: "x" }] }, "readers[0].port"],
    [{ host: "db", port: "abc" }, "port"],
    [{ host: "db", port: 70_000 }, "port"],
    [{ host: "db", ssl: "yes" }, "ssl"],
    [{ writer, statement_timeout: "x" }, "statement_timeout"],
    [{ writer, stream: "x" }, "stream"],
    [{ writer, min: 11 }, "writerPool.min"],
    [{ writer, reader, max: 20, readerPool: { min: 30 } }, "readerPool.min"],
  ])("are checked: %o", (options, option) => {
    expect(mistake(options).option).toBe(option);
  });

  it("of pg's own environment are checked where they are used", () => {
    vi.stubEnv("PGPORT", "abc");
    expect(mistake({ host: "db" })).toMatchObject({
      option: "PGPORT",
      message: 'PGPORT must be a port, from 0 to 65535; got "abc".',
    });
    expect(() => resolveConfig({ host: "db", port: 5432 }, {})).not.toThrow();
  });

  it.each([
    { host: "db", port: "5432" },
    { host: "db", port: 0 },
    { host: "db", ssl: "no-verify" },
    { host: "db", statement_timeout: false },
    { host: "db", min: 10 },
  ])("that pg understands are let through: %o", (options) => {
    expect(() => resolveConfig(options as never, {})).not.toThrow();
  });
});

describe("the environment", () => {
  const environment = { DATABASE_URL: writer, DATABASE_READER_URL: reader };

  it("gives writer and reader", () => {
    const config = resolveConfig({}, environment);
    expect([config.writer.name, ...config.readers.map(({ name }) => name)]).toEqual([
      "db.example.com:5432",
      "replica.example.com:5433",
    ]);
  });

  it("gives several readers, separated by commas", () => {
    const urls = `${reader}, postgres://app@other.example.com/shop`;
    const config = resolveConfig({}, { ...environment, DATABASE_READER_URL: urls });
    expect(config.readers.map(({ name }) => name)).toEqual([
      "replica.example.com:5433",
      "other.example.com:5432",
    ]);
  });

  it("does not change a reader that is given in code", () => {
    const config = resolveConfig(
      { user: "app", reader: { host: "mine.example.com", user: "readonly" } },
      environment,
    );
    expect(config.readers.map(({ client }) => client.user)).toEqual(["readonly"]);
  });

  it("without a reader means one server", () => {
    expect(resolveConfig({}, { DATABASE_URL: writer }).readers).toEqual([]);
  });

  it("with an empty reader means one server", () => {
    expect(resolveConfig({}, { ...environment, DATABASE_READER_URL: " " }).readers).toEqual([]);
  });

  it("does not add a reader to a writer from the options", () => {
    const config = resolveConfig({ writer: "postgres://app@mine.example.com/mine" }, environment);
    expect(config.readers).toEqual([]);
  });

  it("does not add a reader to a host from the options", () => {
    expect(resolveConfig({ host: "mine.example.com" }, environment).readers).toEqual([]);
  });

  it("gives the writer for a reader from the options", () => {
    const config = resolveConfig({ reader: "postgres://app@mine.example.com/shop" }, environment);
    expect([config.writer.name, config.readers[0]?.name]).toEqual([
      "db.example.com:5432",
      "mine.example.com:5432",
    ]);
  });

  it("is not asked for what the options give", () => {
    const config = resolveConfig(
      { writer, max: 3, readerPool: { max: 4 } },
      { ...environment, DATABASE_POOL_MAX: "7", DATABASE_READER_POOL_MAX: "8" },
    );
    expect([config.writerPool.max, config.readerPool.max]).toEqual([3, 4]);
  });

  it("gives the sizes of both sides", () => {
    const config = resolveConfig(
      {},
      { ...environment, DATABASE_POOL_MAX: "7", DATABASE_READER_POOL_MAX: "8" },
    );
    expect([config.writerPool.max, config.readerPool.max]).toEqual([7, 8]);
  });

  it("gives the readers the writer's size where they have none of their own", () => {
    const config = resolveConfig({}, { ...environment, DATABASE_POOL_MAX: "7" });
    expect([config.writerPool.max, config.readerPool.max]).toEqual([7, 7]);
  });

  it.each([
    [
      "DATABASE_POOL_MAX",
      "ten",
      'DATABASE_POOL_MAX must be a whole number of 1 or more; got "ten".',
    ],
    ["DATABASE_POOL_MAX", "0", "DATABASE_POOL_MAX must be a whole number of 1 or more; got 0."],
    [
      "DATABASE_READER_POOL_MAX",
      "2.5",
      "DATABASE_READER_POOL_MAX must be a whole number of 1 or more; got 2.5.",
    ],
    [
      "DATABASE_AUTH",
      "kerberos",
      'DATABASE_AUTH must be "iam", iam({ … }), a function that gives a password, or an object with a function password; got "kerberos".',
    ],
    [
      "DATABASE_READ_ONLY",
      "maybe",
      'DATABASE_READ_ONLY must be 1 or true, 0 or false; got "maybe".',
    ],
  ])("is checked: %s=%s", (name, value, message) => {
    const error = mistake({ writer }, { [name]: value });
    expect({ option: error.option, message: error.message }).toEqual({ option: name, message });
  });

  it("is told by its own name when its URL is wrong", () => {
    expect(mistake({}, { DATABASE_URL: "mysql://x:s3cret@y" })).toMatchObject({
      option: "DATABASE_URL",
      message: expect.not.stringMatching(/s3cr/),
    });
  });

  it("is told by its own name when its reader's URL is wrong", () => {
    expect(mistake({}, { ...environment, DATABASE_READER_URL: `${reader},` }).option).toBe(
      "DATABASE_READER_URL",
    );
  });

  it.each(["DATABASE_AUTH", "DATABASE_READ_ONLY", "DATABASE_POOL_MAX", "DATABASE_URL"])(
    "is taken for unset when %s is empty",
    (name) => {
      expect(() => resolveConfig({ reader }, { [name]: "" })).not.toThrow();
    },
  );

  it("is process.env by default", () => {
    vi.stubEnv("DATABASE_URL", writer);
    expect(resolveConfig().writer.name).toBe("db.example.com:5432");
  });

  it("gives pg's own host and port their names", () => {
    vi.stubEnv("PGHOST", "pg.example.com");
    vi.stubEnv("PGPORT", "6000");
    expect(resolveConfig({}, {}).writer.name).toBe("pg.example.com:6000");
  });
});

describe("a configuration", () => {
  const secret = "postgres://app:s3cret@db.example.com/shop";

  it("is frozen in all its parts", () => {
    const config = resolveConfig({ writer, reader, readerPool: { max: 3 } }, {});
    const parts = [
      config,
      config.writer,
      config.writer.client,
      config.readers,
      config.readers[0],
      config.writerPool,
      config.readerPool,
      config.statements,
    ];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });

  it("does not follow later changes of the options", () => {
    const options = { writer: { host: "a", database: "shop" }, readerPool: { max: 3 } };
    const config = resolveConfig(options, {});
    options.writer.host = "b";
    options.readerPool.max = 4;
    expect([config.writer.client.host, config.readerPool.max]).toEqual(["a", 3]);
  });

  it("does not change the options", () => {
    const options = Object.freeze({ writer, reader, max: 3 });
    expect(() => resolveConfig(options, {})).not.toThrow();
  });

  it("takes user, password, database and ssl of a reader from the writer", () => {
    const ssl = { ca: "x" };
    const config = resolveConfig(
      {
        writer: { host: "a", user: "u", password: "p", database: "d", ssl },
        reader: { host: "b" },
      },
      {},
    );
    const { user, password, database, ssl: own } = config.readers[0]?.client ?? {};
    expect({ user, password, database, own }).toEqual({
      user: "u",
      password: "p",
      database: "d",
      own: ssl,
    });
  });

  it("does not take host and port of a reader from the writer", () => {
    const config = resolveConfig({ writer, reader: "postgres://replica.example.com/shop" }, {});
    expect(config.readers[0]?.name).toBe("replica.example.com:5432");
  });

  it("of a mirror has the writer's own server as its reader", () => {
    const config = resolveConfig({ writer, mirror: true }, {});
    expect(config.readers.map(({ name }) => name)).toEqual([config.writer.name]);
  });

  it("hands every option of pg on to both sides", () => {
    const given = { application_name: "shop", statement_timeout: 5, keepAlive: true, maxUses: 7 };
    const config = resolveConfig({ writer, reader, ...given }, {});
    expect([config.writerPool, config.readerPool]).toEqual([given, given]);
  });

  it("is not overridden by an explicit undefined", () => {
    const config = resolveConfig({ writer, reader, max: 5, readerPool: { max: undefined } }, {});
    expect(config.readerPool.max).toBe(5);
  });

  it("shows no password when it is printed", () => {
    const config = resolveConfig({ writer: secret, reader: secret }, {});
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toMatch(/s3cr/);
  });

  it("shows no key of a client certificate when it is printed", () => {
    const config = resolveConfig({ writer: { host: "a", ssl: { key: "s3cret" } }, reader }, {});
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toMatch(/s3cr/);
  });

  it("keeps the password for connecting", () => {
    expect(resolveConfig({ writer: secret }, {}).writer.client.password).toBe("s3cret");
  });

  it("names an endpoint on a socket by its folder", () => {
    const config = resolveConfig({ host: "/var/run/postgresql", database: "shop" }, {});
    expect(config.writer.name).toBe("/var/run/postgresql");
  });

  it("is described by a table whose environment variables are all read", () => {
    const named = Object.values(optionTable).flatMap(({ environment }) => environment ?? []);
    expect(named).toEqual(
      expect.arrayContaining(["DATABASE_URL", "DATABASE_READER_URL", "DATABASE_POOL_MAX"]),
    );
  });
});

describe("a Pool", () => {
  it("shows no password when it is printed", async () => {
    const pool = new Pool({ writer: "postgres://app:s3cret@db.example.com/shop", reader });
    const shown = inspect(pool, { depth: 20 }) + JSON.stringify(pool);
    await pool.end();
    expect(shown).not.toMatch(/s3cr/);
  });
});
