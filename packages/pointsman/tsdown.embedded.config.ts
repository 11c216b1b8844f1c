import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { defineConfig } from "tsdown";

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve("libpg-query/package.json"));
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const license = readFileSync(join(folder, "LICENSE"), "utf8").trim();

/**
 * The part of the package that only bundlers take: the parser in one file, whatever module system
 * the bundle is in. Its own start looks for files and modules beside it, and uses none of them.
 */
export default defineConfig({
  entry: { "embedded-grammar": "src/statements/embedded-grammar.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  dts: false,
  sourcemap: false,
  clean: false,
  deps: { alwaysBundle: /^libpg-query/, onlyBundle: ["libpg-query"] },
  plugins: [
    {
      name: "embed-parser",
      load(id: string) {
        if (id.endsWith("libpg-query.wasm")) {
          const bytes = readFileSync(id);
          const code = `export default ${JSON.stringify(brotliCompressSync(bytes).toString("base64"))};`;
          return { code, moduleType: "js" };
        }
        if (id.endsWith("libpg-query.js")) {
          const [factory, others] = readFileSync(id, "utf8").split('if(typeof exports==="object"');
          if (others === undefined) throw new Error(`${id} is not written as it was.`);
          const code = [
            `import * as fs from "node:fs";`,
            `import * as crypto from "node:crypto";`,
            `const __dirname = "";`,
            `const require = (name) => (name === "node:fs" ? fs : crypto);`,
            factory,
            "export default PgQueryModule;",
          ].join("\n");
          return { code, moduleType: "js" };
        }
        return undefined;
      },
    },
  ],
  outputOptions: { banner: `/*! libpg-query ${version}\n\n${license}\n*/` },
});
