import { defineConfig } from "tsdown";

/** The doors to frameworks, each a subpath of the package. */
const integrations = [
  "drizzle",
  "express",
  "fastify",
  "hono",
  "jobs",
  "koa",
  "kysely",
  "nestjs",
  "next",
  "prisma",
  "redis",
];

export default defineConfig({
  entry: {
    index: "src/index.ts",
    endpoints: "src/endpoints.ts",
    pg: "src/pg.ts",
    testing: "src/testing.ts",
    // Found through package.json, where bundlers are led to another one.
    "installed-grammar": "src/statements/installed-grammar.ts",
    ...Object.fromEntries(integrations.map((name) => [name, `src/integrations/${name}.ts`])),
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
