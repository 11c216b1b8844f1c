import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Client } from "pg";
import { afterEach, expect, test } from "vitest";
import { loopbackSocket } from "../src/iam/loopback.ts";
import { answer, hasChildren, isAlive, type Program, runProgram, until } from "./helpers.ts";
import { tokenFor } from "./iam-helpers.ts";

let program: Program | undefined;

afterEach(async () => {
  program?.child.kill("SIGKILL");
  await program?.ended;
  program = undefined;
});

function command(args: string, env: NodeJS.ProcessEnv = {}): Program {
  // In a process group of its own, as a shell would start it.
  program = runProgram("src/cli.ts", args.split(" ").filter(Boolean), {
    detached: true,
    env: { ...process.env, ...env },
  });
  return program;
}

test("prints URLs that work, and goes at Ctrl-C with everything it started", async () => {
  const cli = command("--readers 2 --lag 5");
  await until("the cluster is up", () => cli.stdout().includes("Ctrl-C"), 30_000);
  const text = cli.stdout();
  const exported = (name: string) =>
    new RegExp(`^export ${name}='(.*)'$`, "m").exec(text)?.[1] ?? "";
  expect(await answer(exported("DATABASE_URL"), "SHOW cluster_name")).toBe("writer");
  expect(await answer(exported("DATABASE_READER_URL"), "SHOW cluster_name")).toBe("reader1");
  expect(await answer(exported("DATABASE_READER_URL"), "SHOW recovery_min_apply_delay")).toBe(
    "5ms",
  );
  const pids = [...text.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
  expect(pids).toHaveLength(3);
  expect(pids.every(isAlive)).toBe(true);

  // The terminal signals the whole group.
  process.kill(-cli.pid, "SIGINT");
  expect(await cli.ended, cli.stderr()).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
});

test("stops in order when Ctrl-C comes twice, as under npx", async () => {
  const cli = command("--readers 0");
  await until("the cluster is up", () => cli.stdout().includes("Ctrl-C"), 30_000);
  process.kill(cli.pid, "SIGINT");
  process.kill(cli.pid, "SIGINT");
  expect(await cli.ended, cli.stderr()).toBe(0);
});

test("a Ctrl-C during the start is obeyed, with nothing left running", async () => {
  const cli = command("--json --readers 0");
  // The handlers are there before anything is started, and something is after this long.
  await until("the start has begun", () => hasChildren(cli.pid));
  process.kill(-cli.pid, "SIGINT");
  expect(await cli.ended, cli.stderr()).toBe(0);
  const { servers } = JSON.parse(cli.stdout());
  expect(servers.map(({ pid }: { pid: number }) => pid).filter(isAlive)).toEqual([]);
});

test("--json prints one line for programs, and SIGTERM stops it as well", async () => {
  const cli = command("--json --readers 1 --pg 14");
  const printed = JSON.parse(await cli.firstLine);
  expect(printed.version).toMatch(/^14\./);
  expect(printed.environment).toEqual({
    DATABASE_URL: printed.writer.url,
    DATABASE_READER_URL: printed.reader.url,
  });
  expect(printed.servers.map(({ name }: { name: string }) => name)).toEqual(["writer", "reader1"]);
  for (const { url, direct, name } of printed.servers) {
    expect(await answer(url, "SHOW cluster_name")).toBe(name);
    expect(await answer(direct.url, "SHOW cluster_name")).toBe(name);
  }
  process.kill(cli.pid, "SIGTERM");
  expect(await cli.ended).toBe(0);
  expect(cli.stderr()).toBe("");
  expect(cli.stdout().trimEnd().split("\n")).toHaveLength(1);
});

test("without readers there is no reader URL to export", async () => {
  const cli = command("--json --readers 0");
  expect(JSON.parse(await cli.firstLine).environment).not.toHaveProperty("DATABASE_READER_URL");
  process.kill(cli.pid, "SIGTERM");
  expect(await cli.ended).toBe(0);
});

test("--iam prints an environment that a shell takes and that logs in with tokens", async () => {
  const cli = command("--iam --readers 1");
  await until("the cluster is up", () => cli.stdout().includes("Ctrl-C"), 30_000);
  const [, lines = ""] = cli.stdout().split("# In place of these");
  const printed = execFileSync("/bin/sh", ["-c", `#${lines.replace(/Ctrl-C.*/, "")}\nenv`], {
    encoding: "utf8",
    env: {},
  });
  const environment = Object.fromEntries(
    printed.split("\n").map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]),
  );
  expect(environment).toMatchObject({ DATABASE_AUTH: "iam", AWS_REGION: "eu-west-2" });
  const ca = readFileSync(new URL(environment.DATABASE_URL).searchParams.get("sslrootcert") ?? "");
  for (const [name, server] of [
    ["DATABASE_URL", "writer"],
    ["DATABASE_READER_URL", "reader1"],
  ] as const) {
    const { hostname, port, username, pathname } = new URL(environment[name]);
    const endpoint = { hostname, port: Number(port) };
    const password = await tokenFor({ environment, user: username }, endpoint);
    const client = new Client({
      host: hostname,
      port: endpoint.port,
      user: username,
      password,
      database: pathname.slice(1),
      ssl: { ca: String(ca) },
      stream: loopbackSocket,
    });
    await client.connect();
    expect((await client.query("SHOW cluster_name")).rows).toEqual([{ cluster_name: server }]);
    await client.end();
  }
  process.kill(-cli.pid, "SIGINT");
  expect(await cli.ended, cli.stderr()).toBe(0);
});

test("--iam --json has the gateway's endpoints beside the others", async () => {
  const cli = command("--iam --json --readers 0");
  const { environment, iam, writer } = JSON.parse(await cli.firstLine);
  expect(environment).toEqual({ DATABASE_URL: writer.url });
  expect(iam).toMatchObject({
    user: "app_iam",
    region: "eu-west-2",
    writer: { hostname: "app.cluster-c0123456789a.eu-west-2.rds.amazonaws.com" },
    servers: [{ hostname: "app-instance-1.c0123456789a.eu-west-2.rds.amazonaws.com" }],
    environment: { DATABASE_URL: iam.writer.url, DATABASE_AUTH: "iam" },
  });
  process.kill(cli.pid, "SIGTERM");
  expect(await cli.ended).toBe(0);
});

test("--help goes to standard output and names every flag", async () => {
  const cli = command("--help");
  expect(await cli.ended).toBe(0);
  for (const flag of [
    "readers",
    "lag",
    "port-base",
    "password",
    "pg",
    "bin",
    "iam",
    "aurora",
    "json",
    "help",
  ]) {
    expect(cli.stdout()).toContain(`--${flag}`);
  }
  expect(cli.stderr()).toBe("");
});

test.each([
  ["--readers many", 2, /^pointsman-local: --readers takes a whole number, not "many"\..*\n$/],
  ["--readers 16", 2, /^pointsman-local: readers is 16: .*\n$/],
  ["--wat", 2, /^pointsman-local: Unknown option '--wat'\..*--help\.\n$/],
  ["--bin /nowhere", 1, /^pointsman-local: There is no initdb and postgres in \/nowhere\..*\n$/],
])("%s ends with status %d and one line", async (args, status, line) => {
  const cli = command(args);
  expect(await cli.ended).toBe(status);
  expect(cli.stderr()).toMatch(line);
  expect(cli.stdout()).toBe("");
});

test("there is no colour in a pipe", async () => {
  const cli = command("--readers 0", { NO_COLOR: undefined });
  await until("the cluster is up", () => cli.stdout().includes("Ctrl-C"), 30_000);
  expect(cli.stdout()).not.toContain("\u001b");
});
