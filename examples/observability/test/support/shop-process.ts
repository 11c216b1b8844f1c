import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ended, freePort } from "../../../../packages/pointsman/test/support/own-process.ts";
import { until } from "../../../../packages/pointsman/test/support/waiting.ts";

const folder = new URL("../../", import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** The shop in a process of its own, started as its script `start` does it. */
export interface ShopProcess {
  readonly url: string;
  /** `host:port`, for whoever asks for its metrics. */
  readonly target: string;
  /** What it has written so far, line by line. */
  log(): readonly string[];
  stop(): Promise<void>;
}

/** Starts the shop, and waits until it is open. */
export async function startShop(environment: NodeJS.ProcessEnv): Promise<ShopProcess> {
  const port = await freePort();
  const [command = "", ...args] = scripts["start"]?.split(" ") ?? [];
  const child = spawn(command, args, {
    cwd: fileURLToPath(folder),
    env: { ...process.env, ...environment, HOST: "127.0.0.1", PORT: `${port}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  }
  // Whoever ends without stop() takes it along.
  const takeAlong = () => child.kill("SIGKILL");
  process.once("exit", takeAlong);
  const stop = async () => {
    await ended(child);
    process.off("exit", takeAlong);
  };
  const target = `127.0.0.1:${port}`;
  try {
    await until(
      "the shop is open",
      async () => {
        if (child.exitCode !== null) throw new Error(`The shop has ended: ${written}`);
        return fetch(`http://${target}/metrics`).then(
          ({ ok }) => ok,
          () => false,
        );
      },
      60_000,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${target}`, target, log: () => written.split("\n"), stop };
}
