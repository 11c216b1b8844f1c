import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { RunningShop, Urls } from "../../contract/shop-contract.ts";

const cwd = fileURLToPath(new URL("..", import.meta.url));

const environment = ({ writer, reader }: Urls) => ({
  ...process.env,
  DATABASE_URL: writer,
  DATABASE_READER_URL: reader,
  PORT: "0",
});

/** Runs `npm run setup`, and gives back what it says. */
export async function runSetup(urls: Urls): Promise<string> {
  const options = { cwd, env: environment(urls) };
  const { stdout } = await promisify(execFile)("npm", ["run", "setup", "--silent"], options);
  return stdout;
}

export interface ShopProcess extends RunningShop {
  readonly process: ChildProcess;
}

/** What `npm run start` runs. The module of the database is one for each process: so is a shop. */
export async function start(urls: Urls): Promise<ShopProcess> {
  const child = spawn(
    process.execPath,
    ["--conditions=pointsman-source", "--import", "tsx", "src/server.ts"],
    { cwd, env: environment(urls), stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url === undefined) continue;
    return {
      url,
      process: child,
      async close() {
        child.kill("SIGTERM");
        const [code, signal] = await exited;
        if (code !== 0) throw new Error(`The shop ended with ${code ?? signal}.`);
      },
    };
  }
  throw new Error("The shop did not open.");
}
