import { defineConfig } from "tsdown";

const shared = { platform: "node", target: "node20.19", sourcemap: true, clean: true } as const;

export default defineConfig([
  { ...shared, entry: ["src/index.ts"], format: ["esm", "cjs"], dts: true },
  // A program: nobody imports it.
  { ...shared, entry: ["src/cli.ts"], format: ["esm"], dts: false },
]);
