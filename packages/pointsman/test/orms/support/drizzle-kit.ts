import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

/** Ignored by Git, inside the package: what Drizzle's command imports is found from there. */
const temp = fileURLToPath(new URL("../../../temp/", import.meta.url));

/** The commands of Drizzle in a folder of their own, which is removed when the test is over. */
export interface DrizzleKit {
  /** Where migrations are. */
  readonly migrationsFolder: string;
  /** Adds a table of this name to the schema, and writes the migration that makes it. */
  generate(table: string): Promise<void>;
  /** Runs `drizzle-kit migrate` in a process of its own. */
  migrate(): Promise<void>;
}

/**
 * @param url - the address in `dbCredentials`
 * @param migrations - the field of that name in the configuration
 */
export async function drizzleKit(
  url: string,
  migrations: { readonly table?: string; readonly schema?: string } = {},
): Promise<DrizzleKit> {
  await mkdir(temp, { recursive: true });
  const folder = await mkdtemp(join(temp, "drizzle-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(
    join(folder, "drizzle.config.ts"),
    `import { defineConfig } from "drizzle-kit";
export default defineConfig({
  dialect: "postgresql",
  schema: "./schema.ts",
  out: "./drizzle",
  migrations: ${JSON.stringify(migrations)},
  dbCredentials: { url: process.env["DATABASE_URL"]! },
});
`,
  );
  const bin = join(dirname(createRequire(import.meta.url).resolve("drizzle-kit")), "bin.cjs");
  const run = async (command: string): Promise<void> => {
    const env = { ...process.env, DATABASE_URL: url };
    await promisify(execFile)(process.execPath, [bin, command], { cwd: folder, env });
  };
  let schema = `import { pgTable, serial, text } from "drizzle-orm/pg-core";\n`;
  return {
    migrationsFolder: join(folder, "drizzle"),
    async generate(table) {
      schema += `export const ${table} = pgTable("${table}", { id: serial().primaryKey(), name: text() });\n`;
      await writeFile(join(folder, "schema.ts"), schema);
      await run("generate");
    },
    migrate: () => run("migrate"),
  };
}
