import { createRequire } from "node:module";
import { parseCommand } from "./cli-arguments.ts";
import { complain } from "./complain.ts";
import { codeOf, isLibraryError } from "./errors.ts";
import { EXIT_FAILED, EXIT_USAGE } from "./exit-status.ts";

// Whoever reads may have seen enough, as in `pointsman doctor | head`: the exit status still counts.
process.stdout.on("error", (error) => {
  if (codeOf(error) !== "EPIPE") throw error;
});

try {
  const status = await run();
  await written();
  // What a check has given up waiting for may still hold a socket open: that must not hold us.
  process.exit(status);
} catch (error) {
  if (!isLibraryError(error)) throw error;
  const status = error.code === "CONFIG_INVALID" ? EXIT_USAGE : EXIT_FAILED;
  process.exit(complain(error.message, status));
}

async function run(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      process.stdout.write(command.text);
      return 0;
    case "version":
      process.stdout.write(`${version()}\n`);
      return 0;
    case "mistake":
      return complain(command.message, EXIT_USAGE);
    case "exec":
      return (await import("./exec/exec.ts")).exec(command, process.env);
    case "doctor":
      return (await import("./doctor/doctor.ts")).doctor(command, process.env);
    case "explain":
      return (await import("./explain/explain.ts")).explain(command, process.env);
    case "check":
      return (await import("./check/check.ts")).check(command, process.env);
    case "completion":
      return (await import("./completion/completion.ts")).completion(command);
    case "top":
      return (await import("./top/top.ts")).top(command, process.env);
  }
}

/** Resolves when whoever reads has got everything: an exit would take it from a slow pipe. */
function written(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write("", () => resolve());
  });
}

function version(): string {
  const manifest = createRequire(import.meta.url)("../package.json") as { version: string };
  return manifest.version;
}
