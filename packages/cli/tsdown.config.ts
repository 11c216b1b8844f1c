import { defineConfig } from "tsdown";

// A program: nobody imports it.
export default defineConfig({
  entry: ["src/cli.ts"],
  format: ["esm"],
  platform: "node",
  target: "node20.19",
  dts: false,
  sourcemap: true,
  clean: true,
});
