import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes, reasons, verdicts } from "pointsman";
import { describe, expect, test } from "vitest";
import { exitStatuses } from "../../packages/cli/src/exit-status.ts";
import { optionTable, sideOptions } from "../../packages/pointsman/src/config/options.ts";
import { type Metric, metrics } from "../../packages/pointsman/src/monitoring/metrics.ts";
import { labelAttributes } from "../../packages/pointsman/src/monitoring/opentelemetry/attributes.ts";
import { eventMeanings } from "../../packages/pointsman/src/telemetry/events.ts";
import { evictionReasons } from "../../packages/pointsman/src/telemetry/eviction-reasons.ts";
import { freshnessOutcomes } from "../../packages/pointsman/src/telemetry/freshness-outcomes.ts";
import { logLines } from "../../packages/pointsman/src/telemetry/log-lines.ts";
import {
  codeWords,
  type Document,
  placeOf,
  readDocuments,
  resolveLink,
  root,
} from "./documents.ts";

const documents = readDocuments();
const document = (path: string): Document => {
  const found = documents.find((one) => one.path === path);
  if (found === undefined) throw new Error(`There is no ${path}.`);
  return found;
};

/** The first column of the tables of a document that have a certain header, with their rows. */
function listed(path: string, header: string) {
  return document(path)
    .tables.filter((table) => table.header[0] === header)
    .flatMap(({ rows }) => rows)
    .flatMap(({ line, cells }) => codeWords(cells[0]).map((name) => ({ name, line, cells })));
}

const namesOf = (rows: readonly { readonly name: string }[]): string[] =>
  rows.map(({ name }) => name).sort();

describe("docs/configuration.md", () => {
  const options = listed("docs/configuration.md", "option");

  test("has every option, once, and no other", () => {
    const inner = ["statementCache.maxEntries", "statementCache.maxBytes"];
    expect(namesOf(options)).toEqual([...Object.keys(optionTable), ...inner].sort());
  });

  test("names the environment variable of each option that has one", () => {
    for (const [name, { environment }] of Object.entries(optionTable)) {
      if (environment === undefined) continue;
      const row = options.find((option) => option.name === name);
      expect(row?.cells.join(" "), name).toContain(`\`${environment}\``);
    }
  });

  test("names every option that a side can have of its own", () => {
    const row = options.find(({ name }) => name === "readerPool");
    for (const name of sideOptions) expect(row?.cells.join(" ")).toContain(`\`${name}\``);
  });
});

describe("docs/routing.md", () => {
  test("has every reason, once, and no other", () => {
    expect(namesOf(listed("docs/routing.md", "reason"))).toEqual(Object.keys(reasons).sort());
  });

  test("has every verdict among the reasons, with what the library says of it", () => {
    const rows = listed("docs/routing.md", "reason");
    for (const [reason, sentence] of Object.entries(reasons)) {
      const row = rows.find(({ name }) => name === reason);
      expect(row?.cells[1], `the meaning of ${reason}`).toBe(sentence);
    }
    for (const verdict of Object.keys(verdicts)) expect(namesOf(rows)).toContain(verdict);
  });
});

describe("docs/errors.md", () => {
  test("has every code of an error, once, and no other", () => {
    expect(namesOf(listed("docs/errors.md", "code"))).toEqual(Object.keys(errorCodes).sort());
  });
});

describe("docs/cli.md", () => {
  test("has every exit status of every command, and no other", () => {
    const told = listed("docs/cli.md", "command and status").map(({ name, cells }) => [
      name,
      cells[1],
    ]);
    const known = Object.entries(exitStatuses).flatMap(([command, statuses]) =>
      Object.entries(statuses).map(([status, meaning]) => [`${command} ${status}`, meaning]),
    );
    expect(told).toEqual(known);
  });
});

describe("docs/observability.md", () => {
  const page = "docs/observability.md";
  const told = (header: string): Record<string, string | undefined> =>
    Object.fromEntries(listed(page, header).map(({ name, cells }) => [name, cells[1]]));

  test("has every channel, with what it carries, and no other", () => {
    const published = Object.entries(eventMeanings);
    expect(told("channel")).toEqual(
      Object.fromEntries(published.map(([name, meaning]) => [`pointsman:${name}`, meaning])),
    );
  });

  test("has every line of the logger, with its level and when it is written, and no other", () => {
    const lines = listed(page, "line").map(({ name, cells }) => [name, cells[1], cells[2]]);
    expect(lines).toEqual(
      Object.entries(logLines).map(([name, { level, when }]) => [name, `\`${level}\``, when]),
    );
  });

  test("has every outcome of freshness and every reason of an eviction, and no other", () => {
    expect(told("freshness")).toEqual(freshnessOutcomes);
    expect(told("eviction")).toEqual(evictionReasons);
  });

  test("has every metric by both names, with kind, labels and meaning, and no other", () => {
    const rows = listed(page, "Prometheus").map(({ cells }) => cells.slice(0, 5));
    const known = Object.values<Metric>(metrics);
    expect(rows).toEqual(
      known.map(({ prometheus, otel, kind, labels, description }) => [
        `\`${prometheus}\``,
        `\`${otel}\``,
        kind,
        labels.map((label) => `\`${label}\``).join(", ") || "none",
        description,
      ]),
    );
  });

  test("names the attribute of each label in OpenTelemetry, in their order", () => {
    const rows = listed("docs/observability.md", "label").map(({ name, cells }) => [
      name,
      codeWords(cells[1]),
    ]);
    expect(rows).toEqual(Object.entries(labelAttributes));
  });
});

/** The text literals in the type of a source file, such as a union of codes. */
function literalsOf(path: string, type: string): string[] {
  const source = readFileSync(join(root, path), "utf8");
  const union = new RegExp(`export type ${type} =([^;]*);`).exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([^"]+)"/g)].map(([, literal = ""]) => literal);
}

const clusterCodes = literalsOf("packages/local/src/errors.ts", "ClusterErrorCode");
const warningCodes = literalsOf("packages/pointsman/src/telemetry/warnings.ts", "WarningCode");

/** The variables of the environment that the sources name, comments apart. */
function environmentVariables(): Set<string> {
  const found = new Set<string>();
  const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name));
  for (const name of [...packages, "bench"]) {
    const folder = join(root, name, "src");
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const code = readFileSync(join(folder, file), "utf8").replace(
        /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
        "",
      );
      const variable = /\b(?:DATABASE|POINTSMAN|AWS|NODE|NO)_[A-Z]+(?:_[A-Z]+)*\b/g;
      for (const [word] of code.matchAll(variable)) found.add(word);
    }
  }
  return found;
}

const variables = environmentVariables();

/** Variables that others read: the AWS SDK, OpenSSL. */
const foreign = new Set(["AWS_ACCESS_KEY_ID", "SSL_CERT_FILE"]);

const exists = (word: string): boolean =>
  word in errorCodes ||
  [clusterCodes, warningCodes].some((codes) => codes.includes(word)) ||
  variables.has(word) ||
  foreign.has(word);

describe("what the documents are held against", () => {
  test("was really found in the sources", () => {
    expect(clusterCodes).toContain("NO_BINARIES");
    expect(clusterCodes.length).toBeGreaterThan(8);
    expect(warningCodes).toContain("POINTSMAN_READER_UNAVAILABLE");
    for (const { environment } of Object.values(optionTable)) {
      if (environment !== undefined) expect([...variables]).toContain(environment);
    }
  });

  test("does not have a code or a variable that nothing has", () => {
    const invented = ["NO_BINARY", "START_REFUSED", "DATABASE_URLS", "AWS_REGIONS"];
    expect(invented.filter(exists)).toEqual([]);
  });

  test("has every warning that docs/errors.md lists, and no other", () => {
    expect(namesOf(listed("docs/errors.md", "warning"))).toEqual([...warningCodes].sort());
  });
});

describe("packages/local/README.md", () => {
  test("names no code of a ClusterError that does not exist", () => {
    const lines = document("packages/local/README.md")
      .text.split("\n")
      .filter((line) => line.includes("`ClusterError`"));
    const codes = lines.flatMap((line) =>
      [...line.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, word = ""]) => word),
    );
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.filter((code) => !clusterCodes.includes(code))).toEqual([]);
  });
});

for (const { path, text, links } of documents) {
  describe(path, () => {
    test("names no code or variable that does not exist", () => {
      const unknown = text.split("\n").flatMap((line, index) =>
        [...line.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)]
          .map(([, word = ""]) => word)
          .filter((word) => !exists(word))
          .map((word) => `${placeOf({ path, line: index + 1 })}: ${word}`),
      );
      expect(unknown).toEqual([]);
    });

    test("names no reason that does not exist", () => {
      const unknown = text.split("\n").flatMap((line, index) =>
        [...line.matchAll(/\breason `([a-z-]+)`/g)]
          .map(([, word = ""]) => word)
          .filter((word) => !(word in reasons))
          .map((word) => `${placeOf({ path, line: index + 1 })}: ${word}`),
      );
      expect(unknown).toEqual([]);
    });

    test("has no link that leads nowhere", () => {
      const broken = links
        .filter(({ target }) => !/^(https?|mailto):/.test(target))
        .filter(({ target }) => !leadsSomewhere(path, target))
        .map(({ line, target }) => `${placeOf({ path, line })}: ${target}`);
      expect(broken).toEqual([]);
    });
  });
}

function leadsSomewhere(path: string, target: string): boolean {
  const { path: file, anchor } = resolveLink(path, target);
  if (!existsSync(join(root, file))) return false;
  if (anchor === undefined) return true;
  return documents.find((one) => one.path === file)?.anchors.has(anchor) === true;
}
