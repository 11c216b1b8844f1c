import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { classify } from "../../src/statements/classify.ts";
import { neverOnItsOwn, statementTable } from "../../src/statements/statement-table.ts";
import { noWrites, parts, readable, samples } from "./samples.ts";

const require = createRequire(createRequire(import.meta.url).resolve("libpg-query"));

/** The names of all nodes in the parser's own types. */
function nodeNames(): string[] {
  const types = require.resolve("@pgsql/types").replace(/index\.js$/, "types.d.ts");
  const union = /export type Node = ([\s\S]*?)\n};/.exec(readFileSync(types, "utf8"))?.[1] ?? "";
  return [...union.matchAll(/^ {4}(\w+): \w+;$/gm)].map((match) => match[1] as string);
}

describe("the table of statements", () => {
  const statements = nodeNames().filter((name) => name.endsWith("Stmt"));

  it("is held against a list that was really found", () => {
    expect(statements).toContain("SelectStmt");
    expect(statements.length).toBeGreaterThan(110);
  });

  it.each(statements.map((name) => [name]))("has a row for %s", (name) => {
    expect(statementTable[name]).toBeDefined();
  });

  it("has no row for anything else", () => {
    expect(Object.keys(statementTable).filter((name) => !statements.includes(name))).toEqual([]);
  });
});

describe("every statement has a deliberate row", () => {
  const statements = nodeNames().filter((name) => name.endsWith("Stmt"));
  const all = Object.entries(samples).flatMap(([node, texts]) =>
    texts.map((sql) => [node, sql] as const),
  );
  const texts = all.map(([, sql]) => sql);

  it.each(statements.map((name) => [name]))("%s has a sample, or is a part of others", (name) => {
    expect(parts.includes(name)).toBe(samples[name] === undefined);
    if (parts.includes(name)) expect(statementTable[name]).toBe(neverOnItsOwn);
    else expect(samples[name]?.length).toBeGreaterThan(0);
  });

  it("is held against samples that are all different, and lists that name nothing else", () => {
    expect(new Set(texts).size).toBe(texts.length);
    const listed = [...Object.values(readable), ...Object.values(noWrites)].flat();
    expect(listed.filter((sql) => !texts.includes(sql))).toEqual([]);
    expect(Object.keys(samples).filter((name) => !statements.includes(name))).toEqual([]);
  });

  it.each(all)("%s: %s goes where it belongs", (node, sql) => {
    const { statements: found, effect, reader, verdict } = classify(sql);
    const [onReader] = Object.entries(readable).find(([, listed]) => listed.includes(sql)) ?? [];
    const [expected] = Object.entries(noWrites).find(([, listed]) => listed.includes(sql)) ?? [];
    expect(found.map((statement) => statement.node)).toEqual([node]);
    expect({ effect, reader }).toEqual({
      effect: expected ?? "write",
      reader: onReader !== undefined,
    });
    if (onReader !== undefined) expect(verdict).toBe(onReader);
  });
});
