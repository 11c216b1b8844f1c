import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCluster } from "../src/index.ts";
import { folderOf, isAlive, type Program, processesIn, runProgram, until } from "./helpers.ts";

const HOLD = "test/programs/hold-cluster.ts";

describe("stop", () => {
  test("ends all processes, removes the folder, frees the ports, and may be called again", async () => {
    const cluster = await startCluster({ readers: 1 });
    const folder = await folderOf(cluster);
    const pids = cluster.servers.map(({ pid }) => pid);
    expect(pids.every(isAlive)).toBe(true);
    expect(existsSync(folder)).toBe(true);

    const stopping = cluster.stop();
    expect(cluster.stop()).toBe(stopping);
    await stopping;
    expect(pids.filter(isAlive)).toEqual([]);
    expect(processesIn(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    await expect(fetch(`http://127.0.0.1:${cluster.writer.port}`)).rejects.toThrow();
  });

  test("leaves the methods of a stopped cluster with a clear error", async () => {
    const cluster = await startCluster({ readers: 1 });
    await cluster.stop();
    const stopped = expect.objectContaining({ code: "STOPPED" });
    await expect(cluster.waitForReplay()).rejects.toEqual(stopped);
    await expect(cluster.lag(1)).rejects.toEqual(stopped);
    await expect(cluster.pauseReplay()).rejects.toEqual(stopped);
    await expect(cluster.resumeReplay()).rejects.toEqual(stopped);
    expect(() => cluster.servers[0]?.log()).toThrow(stopped);
  });

  test("lets the process end by itself", async () => {
    const program = runProgram("test/programs/use-cluster.ts");
    expect(await program.ended, program.stderr()).toBe(0);
  });
});

describe("a cluster whose process is gone", () => {
  // A temporary folder of its own tells what is left behind, whatever else runs on the machine.
  let temporary: string;
  let program: Program | undefined;

  beforeEach(() => {
    temporary = realpathSync(mkdtempSync(join(tmpdir(), "local-test-")));
    // The servers' account has to reach what is made in it.
    chmodSync(temporary, 0o755);
  });

  afterEach(async () => {
    program?.child.kill("SIGKILL");
    await program?.ended;
    rmSync(temporary, { recursive: true, force: true });
  });

  const environment = () => ({ env: { ...process.env, TMPDIR: temporary } });
  const folders = () => readdirSync(temporary).filter((name) => /^pointsman-local-(?!cache-)/.test(name));
  const untilNothingIsLeft = () =>
    until("nothing is left", () => folders().length === 0 && processesIn(temporary).length === 0);

  test.each([
    ["", "stay"],
    [", with servers that were started later", "change"],
  ])("is gone after SIGKILL%s", { timeout: 60_000 }, async (_, what) => {
    program = runProgram(HOLD, [what], environment());
    const { pids, writer } = JSON.parse(await program.firstLine);
    const folder = await folderOf({ writer });
    expect(dirname(folder)).toBe(temporary);
    program.child.kill("SIGKILL");
    expect(await program.ended).toBe("SIGKILL");
    await until("the servers are gone", () => !pids.some(isAlive));
    await until("the folder is gone", () => !existsSync(folder));
    await untilNothingIsLeft();
  });

  test("is gone when it simply exits without stop()", async () => {
    program = runProgram(HOLD, ["leave"], environment());
    const { pids } = JSON.parse(await program.firstLine);
    expect(await program.ended).toBe(3);
    await until("the servers are gone", () => !pids.some(isAlive));
    await untilNothingIsLeft();
  });

  test.each([
    ["the folder is made", ""],
    ["initdb is at work", "writer/base"],
    ["the data is copied", "reader1/base"],
    ["the servers are starting", "reader1/postmaster.pid"],
  ])("is gone after SIGKILL when %s", async (_, file) => {
    program = runProgram(HOLD, ["stay"], environment());
    await until(`${file} is there`, () =>
      folders().some((name) => existsSync(join(temporary, name, file))),
    );
    program.child.kill("SIGKILL");
    expect(await program.ended).toBe("SIGKILL");
    await untilNothingIsLeft();
  });

  test.skipIf(process.platform !== "linux")(
    "takes no process along that only looks like one of its servers (needs /proc: Linux)",
    async () => {
      program = runProgram(HOLD, ["stay"], environment());
      const { writer } = JSON.parse(await program.firstLine);
      const folder = await folderOf({ writer });
      // A bystander's id where a server's should be, as if the number had been used again.
      const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
        cwd: "/",
      });
      try {
        mkdirSync(join(folder, "impostor"));
        writeFileSync(join(folder, "impostor", "postmaster.pid"), `${bystander.pid}\n`);
        program.child.kill("SIGKILL");
        await untilNothingIsLeft();
        expect(bystander.exitCode ?? bystander.signalCode).toBe(null);
      } finally {
        bystander.kill("SIGKILL");
      }
    },
  );
});
