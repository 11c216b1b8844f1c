import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");
const npm = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

/** A folder outside of the repository with `pg`, and with the library as users get it. */
export interface InstalledProject {
  readonly folder: string;
  /** Bytes on disk that `pg` takes with what it depends on. */
  readonly pgBytes: number;
  /** Bytes on disk that come on top of it with the library. */
  readonly addedBytes: number;
  remove(): Promise<void>;
}

/** Packs the library as it was built last (`npm run build`), and installs it beside `pg`. */
export async function installProject(): Promise<InstalledProject> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-bench-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const { version } = JSON.parse(
      await readFile(join(root, "node_modules/pg/package.json"), "utf8"),
    );
    const modules = join(folder, "node_modules");
    await writeFile(join(folder, "package.json"), "{}\n");
    await run("npm", [...npm, `pg@${version}`], { cwd: folder });
    const pgBytes = await bytesOf(modules);
    const pack = ["pack", "--json", "--pack-destination", folder, join(root, "packages/pointsman")];
    const [packed] = JSON.parse((await run("npm", pack, { cwd: folder })).stdout);
    await run("npm", [...npm, join(folder, packed.filename)], { cwd: folder });
    return { folder, pgBytes, addedBytes: (await bytesOf(modules)) - pgBytes, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The sizes of all files below a folder. */
async function bytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
