import { fileURLToPath } from "node:url";
import type { PoolOptions } from "pointsman";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { here, localCluster } from "../support/local-cluster.ts";
import { startTlsRelay } from "../support/tls-relay.ts";
import { rejection } from "../support/waiting.ts";

const local = localCluster({ readers: 1, settings: { log_connections: "on" } });
const roots = fileURLToPath(new URL("../support/tls/certificate.pem", import.meta.url));
let direct: { host: string; port: number };

beforeAll(async () => {
  const [writer] = local.cluster.servers;
  direct = writer?.direct as typeof direct;
});

/** A URL that leads to a server that speaks TLS, with the name `localhost` in its certificate. */
async function encrypted(query: string, host = "localhost", to = direct): Promise<string> {
  const relay = await startTlsRelay(to);
  onTestFinished(() => relay.close());
  return urlTo(host, relay.port, query);
}

const urlTo = (host: string, port: number, query: string) => {
  const { username, password } = new URL(local.cluster.writer.url);
  return `postgres://${username}:${password}@${host}:${port}/app?${query}`;
};

/** Whether the pool's connection is encrypted; what goes wrong is thrown. */
async function isEncrypted(options: PoolOptions): Promise<boolean> {
  const pool = local.pool({ reader: undefined, ...options });
  const client = await pool.connect();
  try {
    const { connection } = client as unknown as { connection: { stream: { encrypted?: boolean } } };
    await client.query("select 1");
    return connection.stream.encrypted === true;
  } finally {
    client.release();
  }
}

describe("a server that speaks TLS", () => {
  it("is verified on both sides", async () => {
    const query = `sslmode=verify-full&sslrootcert=${roots}`;
    const [, reader1] = local.cluster.servers;
    const reader = await encrypted(query, "localhost", reader1?.direct);
    const pool = local.pool({ writer: await encrypted(query), reader });
    const { rows } = await pool.query(`select ${here} as server`);
    expect(rows).toEqual([{ server: "reader1" }]);
  });

  it.each([
    ["disable", false],
    ["allow", true],
    ["prefer", true],
    ["require", true],
    [`require&sslrootcert=${roots}`, true],
    [`verify-ca&sslrootcert=${roots}`, true],
    [`verify-full&sslrootcert=${roots}`, true],
  ])("with sslmode=%s", async (mode, expected) => {
    // The relay takes nothing but TLS, as a server does with hostssl alone.
    const writer = await encrypted(`sslmode=${mode}&connect_timeout=2`);
    if (mode === "disable" || mode === "allow") {
      await expect(isEncrypted({ writer })).rejects.toThrow();
    } else expect(await isEncrypted({ writer })).toBe(expected);
  });

  it("is refused when its certificate is signed by nobody known", async () => {
    const error = await rejection(isEncrypted({ writer: await encrypted("sslmode=verify-full") }));
    expect(error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  it("is refused when its certificate is for another name, but not by verify-ca", async () => {
    const query = `sslrootcert=${roots}&hostaddr=127.0.0.1`;
    const full = await encrypted(`sslmode=verify-full&${query}`, "db.example.com");
    expect(await rejection(isEncrypted({ writer: full }))).toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    const chain = await encrypted(`sslmode=verify-ca&${query}`, "db.example.com");
    expect(await isEncrypted({ writer: chain })).toBe(true);
  });

  it("is verified by the name in servername where it is connected to by another", async () => {
    const writer = await encrypted("hostaddr=127.0.0.1", "db.example.com");
    const ssl = { ca: await readRoots(), servername: "localhost" };
    expect(await isEncrypted({ writer, ssl })).toBe(true);
  });

  it("keeps the ssl object of the code though the URL has parameters of its own", async () => {
    const writer = await encrypted("sslmode=verify-full");
    expect(await isEncrypted({ writer, ssl: { rejectUnauthorized: false } })).toBe(true);
    expect(
      await isEncrypted({
        writer: undefined,
        connectionString: writer,
        ssl: { rejectUnauthorized: false },
      }),
    ).toBe(true);
  });

  it("is never sent the password when a host of RDS does not prove who it is", async () => {
    const name = "shop.cluster-c0abc.eu-west-2.rds.amazonaws.com";
    const asked: string[] = [];
    const writer = await encrypted("sslmode=require&hostaddr=127.0.0.1", name);
    const error = await rejection(
      isEncrypted({
        writer: writer.replace(/:[^:@/]+@/, "@"),
        auth: () => {
          asked.push("the password");
          return "token";
        },
      }),
    );
    expect(error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect(asked).toEqual([]);
  });
});

describe("a server without TLS", () => {
  const plain = (query: string) => urlTo("localhost", direct.port, query);

  it.each(["disable", "allow", "prefer"])(
    "is spoken to in the clear by sslmode=%s",
    async (mode) => {
      expect(await isEncrypted({ writer: plain(`sslmode=${mode}`) })).toBe(false);
    },
  );

  it.each(["require", "verify-ca", "verify-full"])("is refused by sslmode=%s", async (mode) => {
    const error = await rejection(isEncrypted({ writer: plain(`sslmode=${mode}`) }));
    expect((error as Error).message).toBe("The server does not support SSL connections");
  });

  it("is asked for TLS once, not for each connection, by sslmode=prefer", async () => {
    const pool = local.pool({
      reader: undefined,
      writer: plain("sslmode=prefer"),
      max: 3,
      lanes: false,
    });
    const lines = () => local.cluster.servers[0]?.log().split("connection received").length ?? 0;
    await pool.query("select 1");
    const before = lines();
    await Promise.all([1, 2, 3].map(() => pool.query("select pg_sleep(0.05)")));
    expect([pool.totalCount, lines() - before]).toEqual([3, 2]);
  });
});

async function readRoots(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(roots, "utf8");
}
