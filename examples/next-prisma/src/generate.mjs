import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

// `npm run generate`: makes the client of prisma/schema.prisma, in src/generated. Prisma fetches its
// schema engine for that where it has none, though it does not run it; any program in its place
// keeps the network out of it.
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [createRequire(import.meta.url).resolve("prisma/build/index.js"), "generate", "--no-hints"],
  {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, ...process.env },
    encoding: "utf8",
  },
);
if (status !== 0) {
  console.error(`${stdout}${stderr}`);
  process.exitCode = 1;
}
