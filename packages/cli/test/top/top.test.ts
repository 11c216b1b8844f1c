import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Cluster, startCluster } from "@pointsman/local";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { packageFolder, runCli, startCli } from "../helpers.ts";
import { noTerminal, Terminal } from "./terminal.ts";

let cluster: Cluster;
let directory: string;
let application: Application;

beforeAll(async () => {
  cluster = await startCluster({ readers: 2 });
  directory = await mkdtemp(join(tmpdir(), "top-"));
  application = await startApplication(directory);
}, 120_000);

afterAll(async () => {
  await application?.end("SIGTERM");
  await cluster?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

interface Application {
  readonly pid: number;
  readonly metrics: string;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function startApplication(statsSocket: string): Promise<Application> {
  const program = join(packageFolder, "test/top/loaded-application.ts");
  const child: ChildProcess = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", program],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        DATABASE_URL: cluster.writer.url,
        DATABASE_READER_URL: cluster.readers.map(({ url }) => url).join(","),
        DATABASE_STATS_SOCKET: statsSocket,
      },
    },
  );
  const exit = once(child, "exit");
  const [port] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return {
    pid: child.pid ?? 0,
    metrics: `http://127.0.0.1:${String(port).trim()}/metrics`,
    end: async (signal) => {
      child.kill(signal);
      await exit;
    },
  };
}

async function ownDirectory(): Promise<string> {
  const own = await mkdtemp(join(tmpdir(), "top-"));
  onTestFinished(() => rmSync(own, { recursive: true }));
  return own;
}

/** What answers as a pool does that has nothing to do, and counts who asks. */
async function lonePool(folder: string) {
  let asks = 0;
  const told = { version: 1, pid: 1, pool: "db:5432/shop", at: 0, samples: [], slowest: [] };
  const server = createSocketServer((socket) => {
    asks += 1;
    socket.end(JSON.stringify({ ...told, uptimeMs: 1000 * asks }));
  });
  server.listen(join(folder, "pointsman-1-1.sock"));
  await once(server, "listening");
  const end = (): void => {
    server.close();
  };
  onTestFinished(end);
  return {
    end,
    /** Waits until it was asked so often from now on. */
    asked: async (times: number) => {
      const before = asks;
      await expect.poll(() => asks - before, { timeout: 15_000 }).toBeGreaterThanOrEqual(times);
    },
  };
}

const hosts = () => ({
  writer: new URL(cluster.writer.url).host,
  readers: cluster.readers.map(({ url }) => new URL(url).host),
});

/** A frame with `#` for each number, without bars, and two blanks for all between columns. */
function masked(rows: readonly string[]): string {
  const lines = rows.map((row) =>
    row
      .replaceAll(directory, "DIRECTORY")
      .replaceAll(/[█▏▎▍▌▋▊▉]+/g, "")
      .replaceAll(/127\.0\.0\.1:\d+/g, "HOST")
      .replaceAll(/up .*$/g, "up #")
      .replaceAll(/(?<![\w"])[<>]?\d+(?:\.\d+)?[kM]?(?: (?:ms|s|min|h)(?!\S))?/g, "#")
      .replaceAll(/ {2,}/g, "  ")
      .trim(),
  );
  return `${lines.join("\n")}\n`;
}

describe.skipIf(noTerminal !== undefined)(
  `in a terminal${noTerminal === undefined ? "" : ` (left out: ${noTerminal})`}`,
  () => {
    test("of 80 columns and 24 rows everything is on one screen", async () => {
      const terminal = new Terminal(80, 24);
      terminal.top(directory);
      await terminal.shows("failovers 0");
      await terminal.shows(/in 10 s first/);
      const rows = terminal.rows();
      expect(rows).toHaveLength(24);
      const { writer, readers } = hosts();
      const text = rows.join("\n");
      for (const host of [writer, ...readers]) expect(text).toContain(host);
      expect(text).toMatch(/^reader +127\S+ +[\d.]+ .* %.* ok$/m);
      await expect(masked(rows)).toMatchFileSnapshot("frames/80x24.txt");
    });

    test("it is drawn anew for another size", async () => {
      const terminal = new Terminal(80, 24);
      terminal.top(directory);
      await terminal.shows("failovers 0");
      terminal.resize(60, 20);
      await terminal.shows(/^FRESHNESS {2}not-needed/m);
      expect(terminal.rows()).toHaveLength(20);
      expect(terminal.rows()[0]).toMatch(/^pointsman top .* up .*$/);
      expect(terminal.rows().at(-1)).toContain("q quit");
      terminal.resize(120, 40);
      await terminal.shows("riders");
      expect(terminal.rows()).toHaveLength(40);
      expect(terminal.rows().at(-1)).toContain("q quit");
    });

    test.each(["q", "C-c", "Escape"])("%s gives the shell its screen back", async (key) => {
      const terminal = new Terminal(80, 24);
      terminal.top(directory);
      await terminal.shows("failovers 0");
      expect([terminal.is("alternate_on"), terminal.is("cursor_flag")]).toEqual([true, false]);
      terminal.press(key);
      await terminal.shows("status 0");
      await terminal.shows(/^ready>$/m);
      expect([terminal.is("alternate_on"), terminal.is("cursor_flag")]).toEqual([false, true]);
      expect(terminal.text()).not.toContain("SERVER");
      terminal.press("-l", "echo typed");
      await terminal.shows("ready> echo typed");
    });

    test("so does SIGTERM, with the status that belongs to it", async () => {
      const terminal = new Terminal(80, 24);
      terminal.top(directory);
      await terminal.shows("failovers 0");
      process.kill(terminal.programOf(), "SIGTERM");
      await terminal.shows("status 143");
      expect([terminal.is("alternate_on"), terminal.is("cursor_flag")]).toEqual([false, true]);
    });

    test("p holds it, and p again lets it go on", async () => {
      const own = await ownDirectory();
      const pool = await lonePool(own);
      const terminal = new Terminal(80, 24);
      terminal.top(own, "--interval 0.1");
      await terminal.shows("failovers 0");
      terminal.press("p");
      await terminal.shows("PAUSED");
      const held = terminal.text();
      await pool.asked(20);
      expect(terminal.text()).toBe(held);
      terminal.press("p");
      await terminal.shows("every 0.1 s");
      const [title = ""] = held.split("\n");
      await expect.poll(() => terminal.text().includes(title), { timeout: 5000 }).toBe(false);
    });

    test("there are colours, and none with NO_COLOR or --no-color", async () => {
      const plain = new Terminal(80, 24, { NO_COLOR: "1" });
      plain.top(directory);
      await plain.shows("failovers 0");
      expect(plain.coloured()).toBe(stripVTControlCharacters(plain.coloured()));
      const asked = new Terminal(80, 24);
      asked.top(directory, "--no-color");
      await asked.shows("failovers 0");
      expect(asked.coloured()).toBe(stripVTControlCharacters(asked.coloured()));
      const coloured = new Terminal(80, 24);
      coloured.top(directory);
      await coloured.shows("failovers 0");
      expect(coloured.coloured()).not.toBe(stripVTControlCharacters(coloured.coloured()));
    });

    test("an application that is killed is told as gone, and shown again when it is back", async () => {
      const own = await ownDirectory();
      const start = async (): Promise<Application> => {
        const started = await startApplication(own);
        onTestFinished(() => started.end("SIGKILL"));
        return started;
      };
      const first = await start();
      const second = await start();
      const terminal = new Terminal(80, 24);
      terminal.top(own, "--interval 0.2");
      await terminal.shows("2 processes");
      await first.end("SIGKILL");
      await terminal.shows(`gone: ${first.pid}`);
      await terminal.shows("1 process ");
      await second.end("SIGKILL");
      await terminal.shows(/^!! GONE for .*, trying again: Nobody listens/m);
      const third = await start();
      // What was there last is shown as long as nobody answers.
      await terminal.shows(/^(?![\s\S]*trying again)[\s\S]*1 process [\s\S]*failovers 0/);
      await third.end("SIGTERM");
    });
  },
);

describe("without a terminal", () => {
  test("one frame is printed as plain text, with rates", async () => {
    const { status, stdout, stderr } = await runCli(["top", directory, "--interval", "0.5"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(stripVTControlCharacters(stdout));
    expect(stdout).toMatch(/^writer +\d/m);
    expect(stdout).toContain("select pg_sleep(?)");
    for (const row of stdout.split("\n")) expect(row.length).toBeLessThanOrEqual(80);
  });

  test("the source is that of the environment where none is given", async () => {
    const ended = await runCli(["top", "--once", "--interval", "0.1"], {
      DATABASE_STATS_SOCKET: directory,
    });
    expect(ended.status).toBe(0);
    expect(ended.stdout).toContain(`pointsman top  ${directory}`);
  });

  test("a socket is one pool, and --json one object", async () => {
    const socket = join(directory, `pointsman-${application.pid}-1.sock`);
    const { status, stdout } = await runCli(["top", socket, "--json", "--interval", "0.5"]);
    expect(status).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      source: socket,
      gone: [],
      silent: [],
      processes: [application.pid],
      searching: false,
      freshness: [{ name: "not-needed", share: 1 }],
    });
    expect(told.rateMillis).toBeGreaterThanOrEqual(490);
    const { writer, readers } = hosts();
    expect(told.servers.map(({ endpoint }: { endpoint: string }) => endpoint)).toEqual([
      writer,
      ...readers.toSorted(),
    ]);
    expect(told.servers[1].perSecond + told.servers[2].perSecond).toBeGreaterThan(5);
  });

  test("an endpoint of Prometheus is shown as far as it tells", async () => {
    const { status, stdout } = await runCli(["top", application.metrics, "--interval", "1"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^writer {2}w\.internal:5432 +[1-9]/m);
    expect(stdout).toMatch(/^reader {2}r\.internal:5432 +[1-9]/m);
    expect(stdout).toContain("SLOWEST  metrics have no texts");
  });
});

describe("what cannot be looked at is told, with what to do:", () => {
  const fails = async (source: string, status: number, ...words: readonly string[]) => {
    const ended = await runCli(["top", source, "--once", "--interval", "0.1"]);
    expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status, stdout: "" });
    for (const word of words) expect(ended.stderr).toContain(word);
  };

  test("nothing is given", async () => {
    const ended = await runCli(["top"]);
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain("set DATABASE_STATS_SOCKET");
  });

  test("a directory that is not there", () =>
    fails("/nowhere/at/all", 1, "There is no /nowhere/at/all", "DATABASE_STATS_SOCKET"));

  test("a directory in which nobody listens", async () => {
    const own = await ownDirectory();
    await fails(own, 1, `Nobody listens in ${own}`, "Is the application running");
  });

  test("a socket that is no pool's", async () => {
    const own = await ownDirectory();
    const file = join(own, "other.sock");
    const server = createSocketServer((socket) => socket.end("hello")).listen(file);
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
    });
    await fails(file, 1, "cannot be read", "is no pool of Pointsman");
  });

  test("a file", () => fails(join(packageFolder, "package.json"), 1, "neither a directory nor"));

  test("a port on which nobody listens", () =>
    fails("http://127.0.0.1:2/metrics", 1, "ECONNREFUSED", "Is the application running"));

  test("a path without metrics", () =>
    fails(application.metrics.replace("metrics", "other"), 1, "answers 404", "/metrics"));

  test("a password that is not written as in a URL", () =>
    fails("http://user:50%off@127.0.0.1/metrics", 2, "write a % in it as %25"));

  test("a protocol that is none", () => fails("ftp://127.0.0.1/", 2, "http:// or https://"));

  test.each([
    ["another page", "<html>", "does not answer in the text format"],
    ["metrics of others", "# TYPE a counter\na 1\n", "has no metrics of Pointsman"],
  ])("%s", async (_, page, problem) => {
    const server = createServer((_request, response) => response.end(page)).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
    });
    await fails(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 1, problem);
  });

  test("what is gone before the second look", async () => {
    const own = await ownDirectory();
    const pool = await lonePool(own);
    const { ended } = startCli(["top", own, "--once", "--interval", "0.5"]);
    await pool.asked(1);
    pool.end();
    expect((await ended).status).toBe(1);
    expect((await ended).stderr).toContain("Nobody listens");
  });
});
