import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { freePorts } from "../src/free-port.ts";
import { startCluster } from "../src/index.ts";
import { folderOf, processesIn } from "./helpers.ts";
import { logIn, tokenFor } from "./iam-helpers.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** How many servers listen in this process. */
const listening = () =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;

test("without the option there is no gateway", async () => {
  await using cluster = await startCluster({ readers: 0 });
  expect(cluster.iam).toBe(undefined);
});

test("region, user and database are what was asked for, and the environment says so", async () => {
  const user = "the app's";
  const database = "shop & co";
  await using cluster = await startCluster({
    readers: 1,
    database,
    iam: { region: "ap-southeast-2", user },
  });
  const { iam } = cluster;
  const name = (endpoint: string) => `${endpoint}c0123456789a.ap-southeast-2.rds.amazonaws.com`;
  expect(iam.writer.hostname).toBe(name("app.cluster-"));
  expect(iam.reader.hostname).toBe(name("app.cluster-ro-"));
  expect(iam.servers.map(({ hostname }) => hostname)).toEqual([
    name("app-instance-1."),
    name("app-instance-2."),
  ]);
  const url = new URL(iam.writer.url);
  expect(decodeURIComponent(url.username)).toBe(user);
  expect(url.password).toBe("");
  expect(url.host).toBe(`${iam.writer.hostname}:${iam.writer.port}`);
  expect(decodeURIComponent(url.pathname)).toBe(`/${database}`);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    hostaddr: "127.0.0.1",
    sslmode: "verify-full",
    sslrootcert: iam.caFile,
  });
  expect(readFileSync(iam.caFile, "utf8")).toBe(iam.ca);
  expect(iam.environment).toEqual({
    DATABASE_URL: iam.writer.url,
    DATABASE_READER_URL: iam.reader.url,
    DATABASE_AUTH: "iam",
    AWS_REGION: "ap-southeast-2",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\//),
    AWS_CONTAINER_AUTHORIZATION_TOKEN: expect.stringMatching(/^\w{48}$/),
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const client = await logIn(iam, iam.reader);
  const { rows } = await client.query(
    "SELECT current_user AS user, current_database() AS database",
  );
  expect(rows).toEqual([{ user, database }]);
  await client.end();
});

test("without readers the reader endpoint leads to the writer, and is not in the environment", async () => {
  await using cluster = await startCluster({ readers: 0, iam: true });
  const client = await logIn(cluster.iam, cluster.iam.reader);
  const { rows } = await client.query("SHOW cluster_name");
  expect(rows).toEqual([{ cluster_name: "writer" }]);
  await client.end();
  expect(cluster.iam.environment).not.toHaveProperty("DATABASE_READER_URL");
});

test("with portBase the gateway's ports are those after the others", async () => {
  const [base] = (await freePorts(1)) as [number];
  await using cluster = await startCluster({ readers: 1, portBase: base, iam: true });
  const { writer, reader, servers } = cluster.iam;
  expect([writer, reader, ...servers].map(({ port }) => port)).toEqual(
    [4, 5, 6, 7].map((offset) => base + offset),
  );
});

test("after stop() nothing of it is left, with clients still there", async () => {
  const before = listening();
  const cluster = await startCluster({ readers: 1, iam: true });
  const { iam } = cluster;
  const client = await logIn(iam, iam.writer);
  const ended = new Promise<void>((resolve) => client.once("end", resolve));
  await cluster.stop();
  await ended;
  expect(existsSync(iam.caFile)).toBe(false);
  expect(listening()).toBe(before);
  await expect(logIn(iam, iam.writer, { password: "x" })).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
  await expect(tokenFor(iam, iam.writer)).rejects.toThrow();
});

test("a start that fails on a port of the gateway leaves nothing behind", async () => {
  const before = listening();
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "local-test-")));
  chmodSync(temporary, 0o755);
  vi.stubEnv("TMPDIR", temporary);
  const [base] = (await freePorts(1)) as [number];
  const occupier = createServer();
  occupier.listen(base + 6, "127.0.0.1");
  await once(occupier, "listening");
  try {
    await expect(startCluster({ readers: 1, portBase: base, iam: true })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      // Most likely the occupier's, unless somebody else has come before.
      message: expect.stringMatching(/^Port \d+ of 127\.0\.0\.1 is taken/),
    });
    expect(listening(), "the occupier is left").toBe(before + 1);
    expect(processesIn(temporary)).toEqual([]);
    expect(readdirSync(temporary).filter((name) => !name.includes("-cache-"))).toEqual([]);
  } finally {
    occupier.close();
    rmSync(temporary, { recursive: true });
  }
});

test("a temporary folder too deep for sockets is not used", async () => {
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "local-test-")));
  const deep = join(temporary, "x".repeat(60));
  mkdirSync(deep);
  for (const folder of [temporary, deep]) chmodSync(folder, 0o755);
  try {
    vi.stubEnv("TMPDIR", deep);
    await using cluster = await startCluster({ readers: 0, iam: true });
    expect(dirname(await folderOf(cluster))).toBe(realpathSync("/tmp"));
    await (await logIn(cluster.iam, cluster.iam.writer)).end();
  } finally {
    rmSync(temporary, { recursive: true });
  }
});
