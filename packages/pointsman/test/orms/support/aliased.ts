import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { PoolOptions } from "pointsman";

const sources = fileURLToPath(new URL("../../../src/", import.meta.url));
const cache = fileURLToPath(new URL("../../../node_modules/.cache", import.meta.url));

/**
 * Loads a library that imports `pg` by itself, bundled so that its `pg` is `pointsman/pg` with these
 * options, as applications do it by an alias.
 */
export async function withPgAliased<Library>(
  packageName: string,
  options: PoolOptions,
): Promise<Library> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "aliased-"));
  try {
    const outfile = join(folder, "bundle.mjs");
    await build({
      stdin: {
        contents: `export { default } from "${packageName}";`,
        // Of a file with this name, "default" is what the library has put into module.exports.
        sourcefile: "library.mjs",
        resolveDir: cache,
      },
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["pointsman-source"],
      logLevel: "error",
      banner: {
        js: `import { createRequire as requireHere } from "node:module"; const require = requireHere(import.meta.url);`,
      },
      plugins: [alias(options)],
      // It reads files that lie beside its own.
      external: ["pg-format"],
    });
    return (await import(pathToFileURL(outfile).href)).default;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `pg` is another module for all but the library's own sources, which have the real one. */
const alias = (options: PoolOptions): Plugin => ({
  name: "pg is pointsman/pg",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^pg$/ }, ({ importer }) =>
      importer.startsWith(sources)
        ? { path: "pg", external: true }
        : { path: "pg", namespace: "routed" },
    );
    onLoad({ filter: /./, namespace: "routed" }, () => ({
      contents: `module.exports = require("pointsman/pg").withOptions(${JSON.stringify(options)});`,
      resolveDir: cache,
    }));
  },
});
