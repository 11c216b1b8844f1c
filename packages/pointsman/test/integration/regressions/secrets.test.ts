import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createPool, Pool, type PoolOptions } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster } from "../../support/local-cluster.ts";
import { shown } from "../../support/shown.ts";
import { startTlsRelay } from "../../support/tls-relay.ts";

const local = localCluster({ readers: 1 });

const secrets = ["Pass-Writer", "Pass-Reader", "Key-Secret", "Phrase-Secret", "Pfx-Secret"];

const found = (text: string, sought: readonly string[]) =>
  sought.filter((secret) => text.includes(secret));

const ssl = {
  key: "Key-Secret",
  passphrase: "Phrase-Secret",
  pfx: "Pfx-Secret",
  rejectUnauthorized: false,
};
const password = "Pass-Writer";
const writer = `postgres://app:${password}@127.0.0.1:1/shop`;
const reader = "postgres://app:Pass-Reader@127.0.0.1:1/shop";

const configurations: readonly [what: string, options: PoolOptions][] = [
  ["URLs", { writer, reader, ssl }],
  ["one URL", { connectionString: writer, ssl }],
  [
    "endpoints with URLs",
    { writer: { connectionString: writer, ssl }, readers: [{ connectionString: reader, ssl }] },
  ],
  [
    "endpoints with fields",
    {
      writer: { host: "127.0.0.1", port: 1, user: "app", password, ssl },
      readers: [
        { host: "127.0.0.1", port: 1, password: "Pass-Reader" },
        { host: "127.0.0.1", port: 2, password: "Pass-Reader", ssl },
      ],
    },
  ],
  ["fields", { host: "127.0.0.1", port: 1, user: "app", password, ssl }],
];

describe.each(configurations)("the secrets of %s", (_what, options) => {
  it("are not shown by the pool, its sides, its options and its numbers", () => {
    const pool = new Pool(options);
    const text = [
      pool,
      pool.options,
      pool.writer,
      pool.writer.options,
      pool.reader,
      pool.reader.options,
      pool.stats(),
    ]
      .map(shown)
      .join("\n");
    expect(found(text, secrets)).toEqual([]);
  });

  it("are not shown by clients, and by errors of connecting", async () => {
    const pool = createPool({ ...options, allowExitOnIdle: true });
    const answers = await Promise.allSettled([
      pool.connect(),
      pool.query("insert into books default values"),
      pool.writer.connect(),
      pool.reader.connect(),
    ]);
    const text = answers
      .map((one) => shown(one.status === "fulfilled" ? one.value : one.reason))
      .join("\n");
    for (const one of answers) {
      if (one.status === "fulfilled" && "release" in one.value) one.value.release();
    }
    await pool.end();
    expect(found(text, secrets)).toEqual([]);
  });
});

describe("the secrets of a connection that is open", () => {
  const passphrase = "Phrase-Secret";
  const key = createPrivateKey(
    readFileSync(new URL("../../support/tls/key.pem", import.meta.url)),
  ).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }) as string;
  const cert = readFileSync(new URL("../../support/tls/certificate.pem", import.meta.url), "utf8");
  const [, keyLine = ""] = key.split("\n");

  it.each([
    ["with one server", false],
    ["with readers", true],
  ])("are not shown by its client and its pool: %s", async (_kind, withReaders) => {
    const relay = await startTlsRelay(local.cluster.writer);
    onTestFinished(() => relay.close());
    const url = new URL(local.cluster.writer.url);
    url.hostname = "localhost";
    url.port = String(relay.port);
    const pool = local.pool({
      writer: url.href,
      reader: withReaders ? url.href : undefined,
      ssl: { ca: cert, cert, key, passphrase },
      max: 2,
    });
    const clients = [await pool.connect(), await pool.writer.connect()];
    try {
      await clients[0]?.query("begin");
      const text = [...clients, pool, pool.options].map(shown).join("\n");
      expect(found(text, [keyLine, url.password, passphrase])).toEqual([]);
    } finally {
      for (const client of clients) client.release();
    }
  });
});

it("a read of these tests reaches the reader", async () => {
  const { rows } = await local.pool().query("select current_setting('cluster_name') as server");
  expect(rows).toEqual([{ server: "reader1" }]);
});
