import { createHash, randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "./errors.ts";
import { restoreSymlinks } from "./symlinks.ts";

const MANIFEST = "files.json";

/**
 * A copy of a PostgreSQL that every account can read, with its symbolic links restored. Made once
 * per original and checked before each further use, since tidying jobs pick at old files in
 * temporary folders.
 *
 * @param home the folder with bin/, lib/ and share/
 * @returns the folder of the copy
 */
export async function cachedCopy(home: string): Promise<string> {
  const cache = await cacheFolder();
  const copy = join(cache, await keyOf(home));
  if (await isWhole(copy)) return copy;

  // Copied aside and renamed: nobody ever sees half a copy.
  const draft = join(cache, `draft-${randomBytes(6).toString("hex")}`);
  try {
    const files = await copyTree(home, draft, "");
    await restoreSymlinks(draft);
    await writeFile(join(draft, MANIFEST), JSON.stringify(files));
    if (await exists(copy)) {
      if (await isWhole(copy)) return copy;
      await rename(copy, join(cache, `damaged-${randomBytes(6).toString("hex")}`));
    }
    await rename(draft, copy).catch(async (error) => {
      // Another process was quicker; its copy is as good.
      if (!(await isWhole(copy))) throw error;
    });
    return copy;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Our folder under the temporary one, refusing a folder that somebody else has put there. */
async function cacheFolder(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `pointsman-local-cache-${uid}`);
  await mkdir(folder, { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const status = await lstat(folder);
  if (!status.isDirectory() || status.uid !== uid || (status.mode & 0o022) !== 0) {
    throw new ClusterError(
      "BINARIES_UNUSABLE",
      `${folder} belongs to someone else or can be written by others, so no program in it is to ` +
        "be trusted. Remove it, or point TMPDIR elsewhere.",
    );
  }
  // The umask may have taken from the mode what the servers' account needs.
  await chmod(folder, 0o755);
  return folder;
}

async function keyOf(home: string): Promise<string> {
  const { size, mtimeMs } = await stat(join(home, "bin", "postgres"));
  return createHash("sha256").update(`${home}\0${size}\0${mtimeMs}`).digest("hex").slice(0, 24);
}

async function isWhole(copy: string): Promise<boolean> {
  try {
    const files = JSON.parse(await readFile(join(copy, MANIFEST), "utf8")) as Record<
      string,
      number
    >;
    const sizes = await Promise.all(
      Object.keys(files).map(async (file) => (await stat(join(copy, file))).size === files[file]),
    );
    return sizes.every((same) => same) && (await restoreSymlinks(copy));
  } catch {
    return false;
  }
}

/** Copies a folder, readable by all, and tells the size of each file in it. */
async function copyTree(from: string, to: string, path: string): Promise<Record<string, number>> {
  await mkdir(join(to, path), { recursive: true });
  await chmod(join(to, path), 0o755);
  const files: Record<string, number> = {};
  for (const entry of await readdir(join(from, path), { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) {
      Object.assign(files, await copyTree(from, to, inner));
    } else if (await copyLink(join(from, inner), join(to, inner), entry)) {
      // A link is its own copy, and a broken one shows when the programs are run.
    } else if (isCopied(entry)) {
      await copyFile(join(from, inner), join(to, inner));
      await chmod(join(to, inner), path === "bin" ? 0o755 : 0o644);
      files[inner] = (await stat(join(to, inner))).size;
    }
  }
  return files;
}

/** Copies a link within the folder as a link; the libraries have several names each. */
async function copyLink(from: string, to: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return false;
  const destination = await readlink(from);
  if (destination.includes("/")) return false;
  await symlink(destination, to);
  return true;
}

// Static libraries are for compilers.
function isCopied(entry: Dirent): boolean {
  return (entry.isFile() || entry.isSymbolicLink()) && !entry.name.endsWith(".a");
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
