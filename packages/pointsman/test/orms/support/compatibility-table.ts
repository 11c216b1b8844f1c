import { type Compatibility, type Feature, features } from "./library.ts";

/** A test as vitest's JSON report tells of it. */
export interface ReportedTest {
  readonly fullName: string;
  readonly status: string;
  readonly meta?: { readonly compatibility?: Compatibility };
}

/** The two tables of docs/compatibility.md, made of what the tests have shown. */
export interface Tables {
  readonly libraries: string;
  readonly additions: string;
  /** What keeps the tables from being whole: features that are neither shown nor said to be missing. */
  readonly gaps: string[];
}

interface Shown extends Omit<Compatibility, "feature"> {
  readonly shown: Set<string>;
}

export function compatibilityTables(tests: readonly ReportedTest[]): Tables {
  const all = byLibrary(tests.filter(({ status }) => status === "passed"));
  const libraries = all.filter(({ kind }) => kind === "library");
  const additions = all.filter(({ kind }) => kind === "addition");
  return {
    libraries: [matrix(libraries), ...notes(libraries)].join("\n"),
    additions: rows(additions),
    gaps: libraries.flatMap(gapsOf),
  };
}

const featureNames = Object.keys(features) as Feature[];

function byLibrary(tests: readonly ReportedTest[]): Shown[] {
  const found = new Map<string, Shown>();
  for (const { meta } of tests) {
    if (meta?.compatibility === undefined) continue;
    const { feature, ...library } = meta.compatibility;
    const at = `${library.name} ${library.through}`;
    const known = found.get(at) ?? { ...library, shown: new Set() };
    found.set(at, known);
    known.shown.add(feature);
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, library]) => library);
}

function matrix(libraries: readonly Shown[]): string {
  const heads = libraries.map(({ name, version }) => `${name} ${version}`);
  const through = libraries.map((library) => `\`${library.through}\``);
  const lines = featureNames.map((feature) => [
    features[feature],
    ...libraries.map((library) => (library.shown.has(feature) ? "✓" : "–")),
  ]);
  return table([["", ...heads], ["through", ...through], ...lines]);
}

/** What a library does not have, below the table. */
function notes(libraries: readonly Shown[]): string[] {
  const lines = libraries.flatMap(({ name, without = {} }) =>
    featureNames
      .filter((feature) => without[feature] !== undefined)
      .map((feature) => `- ${name}, ${features[feature].toLowerCase()}: ${without[feature]}`),
  );
  return lines.length === 0 ? [] : ["", ...new Set(lines)];
}

function gapsOf({ name, shown, without = {} }: Shown): string[] {
  return featureNames
    .filter((feature) => shown.has(feature) === (without[feature] !== undefined))
    .map((feature) =>
      shown.has(feature)
        ? `${name} is shown with "${features[feature]}", and is said to have none.`
        : `${name} is not shown with "${features[feature]}", and nothing says why.`,
    );
}

function rows(additions: readonly Shown[]): string {
  return table([
    ["library", "through", "shown"],
    ...additions.map(({ name, version, through, shown }) => [
      `${name} ${version}`,
      `\`${through}\``,
      [...shown].sort().join("; "),
    ]),
  ]);
}

function table([head = [], ...body]: readonly string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}
