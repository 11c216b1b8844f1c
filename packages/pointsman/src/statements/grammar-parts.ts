/** What Emscripten has written to start the parser: it fills the module in that it is given. */
export type Factory = (module: object) => Promise<unknown>;

/**
 * Where the parser comes from. A package that is installed has files beside it, and a bundle has
 * not: `#grammar-parts` in package.json leads Node.js to the one, and bundlers to the other, which
 * are known by the condition "module".
 */
export interface GrammarParts {
  factory(): Factory;
  /** The WebAssembly of libpg-query. */
  wasm(): Uint8Array;
}
