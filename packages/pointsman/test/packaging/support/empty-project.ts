import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./run.ts";

/** A folder outside of the repository, in which the packages are installed as users get them. */
export interface EmptyProject {
  readonly folder: string;
  remove(): Promise<void>;
}

const packages = ["pointsman", "local", "cli"] as const;

/** Versions of what is not ours: as the repository has them, and so in npm's cache. */
async function versionOf(name: string): Promise<string> {
  const manifest = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
  return `${name}@${JSON.parse(manifest).version}`;
}

/**
 * Packs all packages, which must have been built, and installs them.
 *
 * @param others - further packages, which the repository has too
 */
export async function emptyProject(others: readonly string[] = []): Promise<EmptyProject> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-project-"));
  try {
    const packed = join(folder, "packed");
    await mkdir(packed);
    const sources = packages.map((name) => join(root, "packages", name));
    const told = JSON.parse(
      await run("npm", ["pack", "--json", "--pack-destination", packed, ...sources], { cwd: root }),
    ) as { readonly filename: string }[];
    await writeFile(join(folder, "package.json"), "{}\n");
    await run(
      "npm",
      [
        "install",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        ...told.map(({ filename }) => join(packed, filename)),
        ...(await Promise.all(["pg", ...others].map(versionOf))),
      ],
      { cwd: folder },
    );
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
