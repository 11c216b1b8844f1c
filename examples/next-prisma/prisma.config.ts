import { defineConfig } from "prisma/config";

// `prisma migrate` connects by itself, to this URL and no other: the writer.
export default defineConfig({
  schema: "prisma/schema.prisma",
  migrations: { path: "prisma/migrations" },
  datasource: { url: process.env["DATABASE_URL"] ?? "" },
});
