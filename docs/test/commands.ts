import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./documents.ts";

interface Manifest {
  readonly name?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
}

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));

const ours = ["packages/pointsman", "packages/local", "packages/cli"].map(manifest);
const examples = readdirSync(join(root, "examples"))
  .map((name) => `examples/${name}`)
  .filter((folder) => existsSync(join(root, folder, "package.json")))
  .map(manifest);
const scripts = manifest(".").scripts ?? {};

/** Variables that a command line in the documents may set. */
const variables = new Set([
  "DATABASE_URL",
  "DATABASE_READER_URL",
  "DATABASE_POOL_MAX",
  "DATABASE_READER_POOL_MAX",
  "DATABASE_AUTH",
  "DATABASE_READ_ONLY",
  "DATABASE_LANES",
  "DATABASE_PREPARE",
  "AWS_REGION",
  "AWS_PROFILE",
  "REDIS_URL",
  "POINTSMAN_PG_BIN",
  "POINTSMAN_BENCH_PGPOOL",
  "POINTSMAN_BENCH_BASE",
  "TMPDIR",
]);

const sources = ["--conditions=pointsman-source", "--import", "tsx"];

/** How to ask each program for its help: the commands of this repository run from their sources. */
const helpOf: Readonly<Record<string, readonly string[]>> = {
  "pointsman-local": [...sources, "packages/local/src/cli.ts"],
  "pointsman exec": [...sources, "packages/cli/src/cli.ts", "exec"],
  "pointsman doctor": [...sources, "packages/cli/src/cli.ts", "doctor"],
  "pointsman explain": [...sources, "packages/cli/src/cli.ts", "explain"],
  "npm run demo": [...sources, "examples/bookshop/src/demo.ts"],
  "npm run bench": [...sources, "bench/src/main.ts"],
  "npm run compatibility": [...sources, "packages/pointsman/test/orms/command.ts"],
  "npm run corpus": [...sources, "packages/pointsman/test/corpus/command.ts"],
};

/**
 * What is wrong with the lines of a shell: programs, scripts, packages, files and flags that do not
 * exist. Nothing is run but `--help`.
 */
export function mistakesOf(code: string): { line: number; mistake: string }[] {
  const lines = code.split("\n");
  return lines.flatMap((text, index) => {
    const command = text.replace(/(^|\s)#.*$/, "").trim();
    // The rest of a line that is broken with a backslash is data for the program before it.
    if (command === "" || lines[index - 1]?.endsWith("\\")) return [];
    return command.split("&&").flatMap((part) => {
      const mistake = mistakeOf(part.trim().split(/\s+/));
      return mistake === undefined ? [] : [{ line: index, mistake: `${mistake} (${text.trim()})` }];
    });
  });
}

function mistakeOf(words: readonly string[]): string | undefined {
  const [program = "", ...rest] = words;
  const assigned = /^(?:([A-Z_]+)=)/.exec(program)?.[1];
  if (assigned !== undefined) {
    return knownVariable(assigned) ?? (rest.length > 0 ? mistakeOf(rest) : undefined);
  }
  switch (program) {
    case "export":
      return knownVariable(/^([A-Z_]+)=/.exec(rest[0] ?? "")?.[1] ?? "");
    case "npm":
      return mistakeOfNpm(rest);
    case "npx":
      return mistakeOfNpx(rest);
    case "cd":
      return existsSync(join(root, rest[0] ?? "")) ? undefined : `there is no folder ${rest[0]}`;
    // Not of this repository, and not installed by it.
    case "curl":
    case "aws":
      return undefined;
    default:
      return `nobody knows how to check the program ${program}`;
  }
}

function knownVariable(name: string): string | undefined {
  return variables.has(name) ? undefined : `nothing reads the variable ${name}`;
}

function mistakeOfNpm([verb = "", ...rest]: readonly string[]): string | undefined {
  if (verb === "--prefix") return mistakeOfNpmIn(rest);
  if (verb === "ci") return undefined;
  if (verb === "install") {
    const names = rest.filter((word) => !word.startsWith("-")).map((word) => word.split("@npm:"));
    const unknown = names.find(
      ([name = ""]) =>
        !ours.some((one) => one.name === name) && !existsSync(join(root, "node_modules", name)),
    );
    return unknown && `there is no package ${unknown[0]}`;
  }
  const [name = "", ...behind] = verb === "run" ? rest : [verb, ...rest];
  if (behind[0] === "-w") {
    const workspace = [...ours, ...examples].find((one) => one.name === behind[1]);
    return workspace?.scripts?.[name] === undefined
      ? `there is no script ${name} in ${behind[1]}`
      : undefined;
  }
  const script = scripts[name];
  if (script === undefined) return `there is no script ${name}`;
  const file = script.split(" ").find((word) => /\.(mjs|ts)$/.test(word));
  if (file !== undefined && !existsSync(join(root, file))) return `there is no ${file}`;
  const separator = behind.indexOf("--");
  if (separator < 0 && behind.length > 0) return "arguments of a script stand behind --";
  return mistakeInFlags(`npm run ${name}`, behind.slice(separator + 1));
}

/** `npm --prefix examples/infra/cdk run deploy`: what the package in that folder can do. */
function mistakeOfNpmIn([folder = "", verb = "", ...rest]: readonly string[]): string | undefined {
  if (!existsSync(join(root, folder, "package.json"))) return `there is no package in ${folder}`;
  if (verb === "ci") return undefined;
  const name = verb === "run" ? (rest[0] ?? "") : verb;
  return manifest(folder).scripts?.[name] === undefined
    ? `there is no script ${name} in ${folder}`
    : undefined;
}

function mistakeOfNpx([called = "", ...rest]: readonly string[]): string | undefined {
  // npx takes the name of a package, too, and runs its one command.
  const [name = called] = Object.keys(ours.find((one) => one.name === called)?.bin ?? {});
  const isOurs = ours.some(({ bin }) => bin !== undefined && name in bin);
  if (!isOurs && !existsSync(join(root, "node_modules/.bin", name))) {
    return `there is no command ${name}`;
  }
  const file = rest.find((word) => /\.(ts|md|mjs)$/.test(word) || word.includes("/"));
  if (file !== undefined && !existsSync(join(root, file))) return `there is no ${file}`;
  if (name !== "pointsman") return mistakeInFlags(name, rest);
  // What stands behind -- is another program's, and each command has a help of its own.
  const [command = "", ...flags] = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  return mistakeInFlags(`pointsman ${command}`, flags);
}

const helps = new Map<string, string>();

function mistakeInFlags(program: string, words: readonly string[]): string | undefined {
  const flags = words.filter((word) => word.startsWith("--"));
  if (flags.length === 0) return undefined;
  let help = helps.get(program);
  if (help === undefined) {
    const own = helpOf[program];
    const [command, argv] = own
      ? [process.execPath, own]
      : [join(root, "node_modules/.bin", program), []];
    const verbs = own ? [] : words.filter((word) => /^[a-z]+$/.test(word)).slice(0, 1);
    help = spawnSync(command, [...argv, ...verbs, "--help"], {
      cwd: root,
      encoding: "utf8",
    }).stdout;
    helps.set(program, help);
  }
  const unknown = flags.find((flag) => !help.includes(flag.split("=")[0] as string));
  return unknown && `${program} has no flag ${unknown}`;
}
