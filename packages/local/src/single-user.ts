import { join } from "node:path";
import { run } from "./command.ts";
import { ClusterError } from "./errors.ts";
import type { Owner } from "./owner.ts";

/**
 * Runs statements on a data folder that no server works in, as the superuser that initdb has made.
 *
 * @throws ClusterError `INITDB_FAILED`, with what PostgreSQL said
 */
export async function runSingleUser(
  data: string,
  statements: readonly string[],
  options: Owner & { bin: string; folder: string },
): Promise<void> {
  const { account, folder, onStart, onEnd } = options;
  const settings = ["fsync=off", "exit_on_error=on", "allow_system_table_mods=on"];
  const result = await run(
    join(options.bin, "postgres"),
    // -j: a statement may have line breaks, and ends with a semicolon and an empty line.
    ["--single", "-j", "-D", data, ...settings.flatMap((one) => ["-c", one]), "postgres"],
    {
      account,
      cwd: folder,
      onStart,
      onEnd,
      input: statements.map((statement) => `${statement};\n\n`).join(""),
    },
  );
  if (result.status !== 0) {
    throw new ClusterError(
      "INITDB_FAILED",
      `The user of the cluster could not be made. PostgreSQL said:\n${result.output.trim()}`,
    );
  }
}
