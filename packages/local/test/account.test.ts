import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { serverAccount } from "../src/account.ts";
import { startCluster } from "../src/index.ts";
import { answer, runProgram } from "./helpers.ts";

const account = serverAccount();
const here = dirname(fileURLToPath(import.meta.url));

/** Whether the account can read what it would have to run: a clone under /root is closed to it. */
function reachesSources(): boolean {
  try {
    execFileSync("ls", [here], { ...account, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!account)("when this is started as root (these need root)", () => {
  test("the servers run as the unprivileged account, in a folder closed to others", async () => {
    await using cluster = await startCluster({ readers: 1 });
    for (const { pid, url } of cluster.servers) {
      const owner = execFileSync("ps", ["-o", "uid=", "-p", `${pid}`], { encoding: "utf8" });
      expect(Number(owner)).toBe(account?.uid);
      const mode = "SELECT setting FROM pg_settings WHERE name = 'data_directory_mode'";
      expect(await answer(url, mode)).toBe("0700");
    }
  });

  test.skipIf(!account || !reachesSources())(
    "an unprivileged user gets a working cluster too (needs sources that it can read)",
    async () => {
      const options = { uid: account?.uid, gid: account?.gid };
      const program = runProgram("test/programs/use-cluster.ts", [], options as object);
      expect(await program.ended, program.stderr()).toBe(0);
      expect(JSON.parse(program.stdout())).toEqual({ uid: account?.uid, rows: [{ answer: 42 }] });
    },
  );
});
