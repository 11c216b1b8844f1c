import { readFileSync } from "node:fs";
import { defineConfig } from "tsdown";

/** What of package.json leads to the sources: one for each door, by its subpath. */
type Exports = Readonly<Record<string, { readonly "pointsman-source"?: string }>>;

const { exports }: { exports: Exports } = JSON.parse(
  readFileSync(new URL("package.json", import.meta.url), "utf8"),
);
const doors = Object.entries(exports).flatMap(([subpath, { "pointsman-source": source }]) =>
  source === undefined ? [] : [[subpath === "." ? "index" : subpath.slice(2), source] as const],
);

export default defineConfig({
  entry: {
    ...Object.fromEntries(doors),
    // Found through package.json, where bundlers are led to another one.
    "installed-grammar": "src/statements/installed-grammar.ts",
  },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  sourcemap: true,
  clean: true,
  deps: { neverBundle: /^#/ },
  outputOptions: {
    // `pointsman/pg` has a default export beside its named ones.
    exports: "named",
    // The sources that the maps lead to are in the package.
    sourcemapExcludeSources: true,
  },
});
