// `npm run demo`: runs the bookshop's demo from its sources, without a build. `--help` for options.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const demo = spawn(
  process.execPath,
  [
    "--conditions=pointsman-source",
    "--import",
    "tsx",
    "examples/bookshop/src/demo.ts",
    ...process.argv.slice(2),
  ],
  // The channel between the two tells the demo when this process is gone, however that came.
  { cwd: root, stdio: ["inherit", "inherit", "inherit", "ipc"] },
);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => demo.kill(signal));
}

demo.on("error", (error) => {
  console.error(`The demo could not be started: ${error.message}`);
  process.exitCode = 1;
});
demo.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});
