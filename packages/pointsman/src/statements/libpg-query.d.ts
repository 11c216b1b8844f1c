declare module "libpg-query/wasm/libpg-query.js" {
  const factory: import("./grammar-parts.ts").Factory;
  export default factory;
}

/** As the build embeds it: compressed by Brotli, in base64. */
declare module "libpg-query/wasm/libpg-query.wasm" {
  const compressed: string;
  export default compressed;
}
