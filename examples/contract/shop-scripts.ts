import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Cluster, startCluster } from "@pointsman/local";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../packages/pointsman/test/support/waiting.ts";

/** Tests the scripts `setup` and `start` of the shop whose package.json is in `folder`. */
export function shopScripts(name: string, folder: URL) {
  const { scripts } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };

  describe(`the scripts of ${name}`, () => {
    let cluster: Cluster;
    const started: ChildProcess[] = [];

    beforeAll(async () => {
      cluster = await startCluster({ readers: 1 });
    });

    afterAll(async () => {
      for (const script of started) script.kill("SIGKILL");
      await cluster?.stop();
    });

    /** Runs a script as npm does, with nothing to know but its environment. */
    function run(script: string) {
      const [command = "", ...args] = scripts[script]?.split(" ") ?? [];
      const child = spawn(command, args, {
        cwd: fileURLToPath(folder),
        env: {
          ...process.env,
          PORT: "0",
          DATABASE_URL: cluster.writer.url,
          DATABASE_READER_URL: cluster.reader.url,
        },
        stdio: ["ignore", "pipe", "inherit"],
      });
      started.push(child);
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      return { child, exit: once(child, "exit"), output: () => output };
    }

    const isGone = (url: string) =>
      fetch(url).then(
        () => false,
        () => true,
      );

    it("set it up once, open it, and close it when what is under way is answered", async () => {
      // The second time there is nothing left to do.
      for (let turn = 0; turn < 2; turn++) expect(await run("setup").exit).toEqual([0, null]);
      await cluster.waitForReplay();

      const { child, exit, output } = run("start");
      const url = await until("the shop says where it is", () => {
        if (child.exitCode !== null) throw new Error(`It has ended: ${output()}`);
        return /http:\/\/[\w.:[\]]+\d/.exec(output())?.[0];
      });
      const category = await fetch(`${url}/categories/railways`);
      const { entries } = (await category.json()) as { entries: { id: number }[] };
      const post = (path: string, body: unknown) =>
        fetch(url + path, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
          redirect: "manual",
        });
      const customer = await post("/customers", { name: "Ada", email: "ada@example.com" });
      const customerId = Number(customer.headers.get("location")?.split("/").at(-1));

      const other = new pg.Client(cluster.writer.url);
      await other.connect();
      try {
        await other.query("begin; select * from stock for update");
        const order = post("/orders", {
          customerId,
          lines: [{ bookId: entries[0]?.id, quantity: 1 }],
        });
        await until("the order waits for its book", async () => {
          const { rowCount } = await other.query("select from pg_locks where not granted");
          return rowCount !== 0;
        });
        child.kill("SIGTERM");
        await until("the door is closed", () => isGone(url));
        await other.query("commit");
        expect((await order).status).toBe(303);
        expect(await exit).toEqual([0, null]);
      } finally {
        await other.end();
      }
    }, 60_000);
  });
}
