import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, startCluster } from "@pointsman/local";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { execScript, runCli, startCli } from "./helpers.ts";

let cluster: Cluster;
let environment: { readonly DATABASE_URL: string; readonly DATABASE_READER_URL: string };
const node = process.execPath;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  environment = { DATABASE_URL: cluster.writer.url, DATABASE_READER_URL: cluster.reader.url };
});

afterAll(async () => {
  await cluster?.stop();
});

const printEnvironment = "console.log(JSON.stringify(process.env))";
const passwordOf = (url: string) => new URL(url).password;

describe("the program's environment", () => {
  test("leads to the writer", async () => {
    const { stdout } = await execScript(printEnvironment, { ...environment, DATABASE_AUTH: "" });
    const { writer } = cluster;
    const seen = JSON.parse(stdout);
    expect(seen).toMatchObject({
      DATABASE_URL: writer.url,
      PGHOST: "127.0.0.1",
      PGPORT: String(writer.port),
      PGUSER: "app",
      PGDATABASE: "app",
      PGPASSWORD: passwordOf(writer.url),
    });
    expect(seen).not.toHaveProperty("DATABASE_READER_URL");
    expect(seen).not.toHaveProperty("DATABASE_AUTH");
  });

  test("leads to the reader with --reader", async () => {
    const { stdout } = await execScript(printEnvironment, environment, "--reader");
    expect(JSON.parse(stdout)).toMatchObject({
      DATABASE_URL: cluster.reader.url,
      PGPORT: String(cluster.reader.port),
    });
  });

  test("leads to the reader that is asked for", async () => {
    const urls = ["postgres://one.example", "postgres://two.example"];
    const { stdout } = await execScript(
      printEnvironment,
      { ...environment, DATABASE_READER_URL: urls.join(",") },
      "--reader-index=2",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      PGHOST: "two.example",
      PGPASSWORD: passwordOf(cluster.writer.url),
    });
  });

  test("is made of PGHOST and its kin where there is no URL", async () => {
    const { hostname, port, username, password } = new URL(cluster.writer.url);
    const { stdout } = await execScript(printEnvironment, {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: "app",
    });
    expect(JSON.parse(stdout)).toMatchObject({ DATABASE_URL: cluster.writer.url });
  });
});

test("a migration reaches the writer only, by URL and by variables", async () => {
  const accepted = cluster.reader.accepted;
  const migration = `
    const { Client } = require("pg");
    async function run(client, text) {
      await client.connect();
      await client.query(text);
      await client.end();
    }
    const { DATABASE_URL, DATABASE_READER_URL } = process.env;
    (async () => {
      await run(new Client(DATABASE_URL), "create table migrated (id int)");
      await run(new Client(), "insert into migrated values (1)");
      await run(new Client(DATABASE_READER_URL ?? DATABASE_URL), "insert into migrated values (2)");
    })();
  `;
  expect(await execScript(migration, environment)).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(cluster.reader.accepted).toBe(accepted);
  const client = new Client(cluster.writer.url);
  await client.connect();
  const { rows } = await client.query("select id from migrated order by id");
  await client.end();
  expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
});

test("standard input and output are the program's own", async () => {
  const running = startCli(
    ["exec", "--", node, "-e", "process.stdin.pipe(process.stdout)"],
    environment,
  );
  running.child.stdin?.end("select 1;\n");
  expect((await running.ended).stdout).toBe("select 1;\n");
});

test.runIf(process.platform === "linux")(
  "no password is in the command lines of the two processes",
  async () => {
    const script = `
    const { readFileSync } = require("node:fs");
    for (const pid of ["self", process.ppid]) {
      console.log(readFileSync("/proc/" + pid + "/cmdline", "latin1"));
    }
  `;
    const { stdout, stderr } = await execScript(script, environment);
    expect(stdout.match(/readFileSync/g)).toHaveLength(4);
    expect(stdout + stderr).not.toContain(passwordOf(cluster.writer.url));
  },
);

describe("the exit status", () => {
  test.each([
    ["process.exit(0)", 0],
    ["process.exit(7)", 7],
    ["process.kill(process.pid, 'SIGKILL')", 137],
    ["process.kill(process.pid, 'SIGTERM')", 143],
  ])("of a program that does %s is %i", async (script, status) => {
    expect(await execScript(script, environment)).toEqual({ status, stdout: "", stderr: "" });
  });

  test("is 127 for a program that does not exist", async () => {
    expect(await runCli(["exec", "--", "no-such-program"], environment)).toEqual({
      status: 127,
      stdout: "",
      stderr: "pointsman: no-such-program cannot be found. Is it installed?\n",
    });
  });

  test("is 126 for a program that cannot be run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "program");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o600);
    const { status, stderr } = await runCli(["exec", "--", file], environment);
    expect(status).toBe(126);
    expect(stderr).toBe(`pointsman: ${file} cannot be run: spawn ${file} EACCES.\n`);
  });

  test.each([
    [["exec"], {}, "There is no program to run: put one behind --. See pointsman exec --help."],
    [["exec", "--reader", "--", node], {}, "There is no reader: DATABASE_READER_URL is not set."],
    [
      ["exec", "--reader-index=2", "--", node],
      { DATABASE_READER_URL: "postgres://r" },
      "There is 1 reader in DATABASE_READER_URL: --reader-index is too high.",
    ],
  ])("is 2 for %j", async (args, more, message) => {
    const { DATABASE_URL } = environment;
    expect(await runCli(args, { DATABASE_URL, ...more })).toEqual({
      status: 2,
      stdout: "",
      stderr: `pointsman: ${message}\n`,
    });
  });

  test("is 2 for an environment that makes no sense, which is not shown", async () => {
    const { status, stderr } = await execScript("", { DATABASE_URL: "mysql://app:s3cr3t@h/d" });
    expect(status).toBe(2);
    expect(stderr).toContain("pointsman: DATABASE_URL is not a PostgreSQL URL.");
    expect(stderr).not.toContain("s3cr3t");
  });
});

describe("a signal", () => {
  const waitForIt = (signal: string) => `
    process.on("${signal}", () => process.exit(5));
    console.log("ready");
    setInterval(() => {}, 1000);
  `;

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s reaches the program", async (signal) => {
    const running = startCli(["exec", "--", node, "-e", waitForIt(signal)], environment);
    await running.firstLine;
    process.kill(running.pid, signal);
    expect((await running.ended).status).toBe(5);
  });

  test("that the program does not handle ends both", async () => {
    const running = startCli(["exec", "--", node, "-e", waitForIt("SIGUSR2")], environment);
    await running.firstLine;
    process.kill(running.pid, "SIGTERM");
    expect((await running.ended).status).toBe(143);
  });
});

describe("the file with the roots", () => {
  const withRoots = (file: string) => ({
    DATABASE_URL: `${environment.DATABASE_URL}?sslmode=verify-full&sslrootcert=${encodeURIComponent(file)}`,
  });
  const tell = `
    const { readFileSync, statSync } = require("node:fs");
    const { dirname } = require("node:path");
    const file = process.env.PGSSLROOTCERT;
    const mode = (statSync(dirname(file)).mode & 0o777).toString(8);
    console.log(JSON.stringify({ file, mode, pem: readFileSync(file, "utf8") }));
  `;

  function givenRoots(): string {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "ca.pem");
    writeFileSync(file, "some certificate\n");
    return file;
  }

  test("is there for the program alone, in a folder for this user alone", async () => {
    const given = givenRoots();
    const { stdout } = await execScript(tell, withRoots(given));
    const { file, mode, pem } = JSON.parse(stdout);
    expect({ mode, pem }).toEqual({ mode: "700", pem: readFileSync(given, "utf8") });
    expect(existsSync(join(file, ".."))).toBe(false);
  });

  test("is gone after a signal too", async () => {
    const running = startCli(
      ["exec", "--", node, "-e", `${tell}; setInterval(() => {}, 1000)`],
      withRoots(givenRoots()),
    );
    const { file } = JSON.parse(await running.firstLine);
    expect(existsSync(file)).toBe(true);
    process.kill(running.pid, "SIGTERM");
    expect((await running.ended).status).toBe(143);
    expect(existsSync(join(file, ".."))).toBe(false);
  });

  test("is gone when the program could not be run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const environmentWithFolder = { ...withRoots(givenRoots()), TMPDIR: folder };
    const { status } = await runCli(["exec", "--", "no-such-program"], environmentWithFolder);
    expect(status).toBe(127);
    expect(readdirSync(folder).filter((name) => name.startsWith("pointsman-exec"))).toEqual([]);
  });
});
