import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Factory, GrammarParts } from "./grammar-parts.ts";

/** The parser out of the files of libpg-query, as they are installed. */
export const parts: GrammarParts = {
  factory: () => loadWith((require) => require("libpg-query/wasm/libpg-query.js") as Factory),
  wasm: () =>
    loadWith((require) => readFileSync(require.resolve("libpg-query/wasm/libpg-query.wasm"))),
};

function loadWith<T>(load: (require: NodeJS.Require) => T): T {
  try {
    return load(createRequire(import.meta.url));
  } catch (cause) {
    throw new Error(
      "The SQL parser is not there. If pointsman is in a bundle, have the bundler use the " +
        'condition "module", as esbuild, webpack and Rollup do by themselves, or leave pointsman ' +
        "out of the bundle; else install its dependencies: it needs libpg-query.",
      { cause },
    );
  }
}
