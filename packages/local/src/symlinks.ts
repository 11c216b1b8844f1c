import { readFile, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** A symbolic link that a package had to leave out, with paths relative to the package. */
interface LostLink {
  readonly source: string;
  readonly target: string;
}

/**
 * Restores the symbolic links of a package of PostgreSQL binaries, from the list beside them. npm
 * cannot pack links; the package's own install script would restore them, but does not run where
 * install scripts are withheld. Several processes may do this at once.
 *
 * @param home the folder with bin/, lib/ and pg-symlinks.json (without that file there is nothing
 *   to restore)
 * @returns whether all links are there now; false means that the folder is read-only
 */
export async function restoreSymlinks(home: string): Promise<boolean> {
  const results = await Promise.all((await lostLinks(home)).map((link) => restore(home, link)));
  return results.every((restored) => restored);
}

async function lostLinks(home: string): Promise<readonly LostLink[]> {
  try {
    return JSON.parse(await readFile(join(home, "pg-symlinks.json"), "utf8")) as LostLink[];
  } catch {
    return [];
  }
}

async function restore(home: string, { source, target }: LostLink): Promise<boolean> {
  // Paths in the list start with the name of the folder that the list is in, whatever it is here.
  const path = join(home, ...target.split("/").slice(1));
  const destination = relative(dirname(target), source);
  if (await isThere(path)) return true;
  try {
    await symlink(destination, path);
    return true;
  } catch (error) {
    // Another process may have restored it just now.
    return (error as NodeJS.ErrnoException).code === "EEXIST";
  }
}

async function isThere(path: string): Promise<boolean> {
  // stat() follows links: a link that leads nowhere is not there.
  return stat(path).then(
    () => true,
    () => false,
  );
}
