import { brotliDecompressSync } from "node:zlib";
import factory from "libpg-query/wasm/libpg-query.js";
import compressed from "libpg-query/wasm/libpg-query.wasm";
import type { GrammarParts } from "./grammar-parts.ts";

/**
 * The parser with nothing beside it, for bundles. The build (tsdown.embedded.config.ts) writes both
 * parts of libpg-query into this file, the WebAssembly compressed: some 5 ms more at the start.
 */
export const parts: GrammarParts = {
  factory: () => factory,
  wasm: () => brotliDecompressSync(Buffer.from(compressed, "base64")),
};
