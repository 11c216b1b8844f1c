import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { descriptions } from "../src/cli-arguments.ts";
import { type Shell, shells } from "../src/completion/completion-arguments.ts";
import { packageFolder, runCli } from "./helpers.ts";

let folder: string;
const path = (shell: Shell): string => join(folder, `pointsman.${shell}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "completion-"));
  for (const shell of shells) {
    const { status, stdout, stderr } = await runCli(["completion", shell]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    writeFileSync(path(shell), stdout);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isThere = (shell: Shell): boolean => spawnSync(shell, ["--version"]).status === 0;

/** What a shell prints, in the folder of this package. */
function run(shell: Shell, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(shell, args, {
    cwd: packageFolder,
    encoding: "utf8",
    env: { ...process.env, TERM: "dumb" },
    timeout: 20_000,
  });
  expect(stderr).toBe("");
  return stdout;
}

/** What a shell offers at the end of a line. */
const offers: Readonly<Record<Shell, (line: string) => string[]>> = {
  bash(line) {
    // As bash splits it, for which "=" is a word.
    const words = line.split(/ |(?==)|(?<==)(?=.)/).map((word) => `'${word}'`);
    if (line.endsWith("=")) words.push("''");
    const script = `source ${path("bash")}; COMP_WORDS=(${words.join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _pointsman; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["--norc", "--noprofile", "-c", script]).split("\n").filter(Boolean);
  },
  zsh(line) {
    // Only what is typed at a terminal is completed: zsh has one for another zsh.
    const script = `
      zmodload zsh/zpty
      zpty z "zsh -f -i"
      zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source ${path("zsh")}; LISTMAX=0'
      zpty -w z 'zstyle ":completion:*" verbose no; bindkey "^I" list-choices; print RE""ADY'
      zpty -r -m z out '*READY*'
      zpty -n -w z "$1"$'\\t'$'\\C-u'$'print DO""NE\\n'
      zpty -r -m z out '*DONE*'
      print -r -- "$out"`;
    const [, ...rows] = run("zsh", ["-f", "-c", script, "zsh", line]).split("\n");
    const told = stripVTControlCharacters(rows.slice(1).join(" "));
    return told.split(/\s+/).filter(Boolean);
  },
  fish(line) {
    const script = `source ${path("fish")}; complete -C '${line}'`;
    const rows = run("fish", ["--no-config", "-c", script]).split("\n");
    return rows.flatMap((row) => row.split("\t")[0]?.replace(/^--by=/, "") || []);
  },
};

describe.each(shells)("%s", (shell) => {
  const there = isThere(shell);
  const test_ = (name: string, body: () => void): void => {
    const told = there ? name : `${name} (not tried: there is no ${shell} here)`;
    test.skipIf(!there)(told, { timeout: 60_000 }, body);
  };
  const offered = (line: string): string[] => offers[shell](line);

  test_("offers every command", () => {
    expect(offered("pointsman ")).toEqual(
      expect.arrayContaining(descriptions.map(({ name }) => name)),
    );
  });

  for (const { name, options } of descriptions) {
    test_(`offers every option of ${name}`, () => {
      const all = [...Object.keys(options), "help"].map((option) => `--${option}`);
      expect(offered(`pointsman ${name} --`)).toEqual(expect.arrayContaining(all));
    });
  }

  test_("offers what an option takes", () => {
    expect(offered("pointsman check --by ")).toEqual(expect.arrayContaining(["calls", "time"]));
    expect(offered("pointsman check --by=")).toEqual(expect.arrayContaining(["calls", "time"]));
    expect(offered("pointsman explain --file ./tsdown")).toContainEqual(
      expect.stringMatching(/tsdown\.config\.ts$/),
    );
  });

  test_("offers nothing where it knows nothing", () => {
    expect(offered("pointsman doctor --timeout ")).not.toContainEqual(
      expect.stringMatching(/json|tsdown/),
    );
    expect(offered("pointsman nothing ")).not.toContain("--json");
  });

  test_("offers the shells", () => {
    expect(offered("pointsman completion ")).toEqual(expect.arrayContaining([...shells]));
  });

  test_("completes the program of exec, and its arguments", () => {
    expect(offered("pointsman exec -- mkdi")).toContain("mkdir");
    expect(offered("pointsman exec --reader-index 2 mkdi")).toContain("mkdir");
    expect(offered("pointsman exec -- mkdir ./tsdown")).toContainEqual(
      expect.stringMatching(/tsdown\.config\.ts$/),
    );
    expect(offered("pointsman exec -- mkdir --rea")).not.toContain("--reader");
  });
});
