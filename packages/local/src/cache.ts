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

const MANIFEST = "files.json";
const TREE = "tree";

/** What a folder of the cache holds: sizes of files, by path; `null` for folders. */
type Manifest = Readonly<Record<string, number | null>>;

/** Something that is made once and kept for all processes of this account. */
export interface Kept {
  /** Tells it from everything else that is kept. */
  readonly key: string;
  /** Makes it, in any folder; every account will be able to read the copy that is kept. */
  readonly make: () => Promise<string>;
  /** Puts right what a copy lacks; `false`: it cannot. */
  readonly complete?: (copy: string) => Promise<boolean>;
}

/**
 * A folder that was made before, or is made now. It is checked before each further use, since
 * tidying jobs pick at old files in temporary folders.
 *
 * @returns the folder of the copy
 */
export async function cached({ key, make, complete = nothingMissing }: Kept): Promise<string> {
  const cache = await cacheFolder();
  const copy = join(cache, key);
  const tree = join(copy, TREE);
  const isWhole = async (): Promise<boolean> => (await isAsMade(copy)) && (await complete(tree));
  if (await isWhole()) return tree;

  // Copied aside and renamed: nobody ever sees half a copy.
  const draft = join(cache, `draft-${randomBytes(6).toString("hex")}`);
  try {
    const manifest = await copyTree(await make(), join(draft, TREE), "");
    await complete(join(draft, TREE));
    await writeFile(join(draft, MANIFEST), JSON.stringify(manifest));
    if (await exists(copy)) {
      if (await isWhole()) return tree;
      await rename(copy, join(cache, `damaged-${randomBytes(6).toString("hex")}`));
    }
    await rename(draft, copy).catch(async (error) => {
      // Another process was quicker; its copy is as good.
      if (!(await isWhole())) throw error;
    });
    return tree;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * A key for what depends on one PostgreSQL.
 *
 * @param bin the folder with `postgres`
 * @param more what else it depends on
 */
export async function keyOf(bin: string, ...more: readonly string[]): Promise<string> {
  const { size, mtimeMs } = await stat(join(bin, "postgres"));
  const facts = [bin, size, mtimeMs, ...more].join("\0");
  return createHash("sha256").update(facts).digest("hex").slice(0, 24);
}

async function nothingMissing(): Promise<boolean> {
  return true;
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

async function isAsMade(copy: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(copy, MANIFEST), "utf8")) as Manifest;
    const found = await Promise.all(
      Object.entries(manifest).map(async ([path, size]) => {
        const status = await stat(join(copy, TREE, path));
        return size === null ? status.isDirectory() : status.size === size;
      }),
    );
    return found.every((same) => same);
  } catch {
    return false;
  }
}

/** Copies a folder, readable by all, and tells what is in it. */
async function copyTree(from: string, to: string, path: string): Promise<Manifest> {
  await mkdir(join(to, path), { recursive: true });
  await chmod(join(to, path), 0o755);
  const manifest: Record<string, number | null> = path === "" ? {} : { [path]: null };
  for (const entry of await readdir(join(from, path), { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) {
      Object.assign(manifest, await copyTree(from, to, inner));
    } else if (await copyLink(join(from, inner), join(to, inner), entry)) {
      // A link is its own copy, and a broken one shows when the programs are run.
    } else if (isCopied(entry)) {
      await copyFile(join(from, inner), join(to, inner));
      await chmod(join(to, inner), path === "bin" ? 0o755 : 0o644);
      manifest[inner] = (await stat(join(to, inner))).size;
    }
  }
  return manifest;
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
