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
    ...Object.fromEntries(integrations.map((name) => [name, `src/integrations/${name}.ts`])),
  },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  sourcemap: true,
  clean: true,
  // `pointsman/pg` has a default export beside its named ones.
  outputOptions: { exports: "named" },
});
