import fc from "fast-check";
import { classify } from "pointsman";
import { describe, expect, it } from "vitest";
import { unmatchedRules } from "../../src/catalog/unmatched-rules.ts";
import { readTables } from "../../src/config/routing-options.ts";
import type { Target } from "../../src/routing/route.ts";
import { TablePolicies } from "../../src/routing/table-policies.ts";
import { readTableRule } from "../../src/routing/table-rules.ts";

type Tables = Record<string, Target>;

function policyOf(tables: Tables, sql: string, searchPath?: string[]): string | undefined {
  const policies = new TablePolicies(readTables(tables));
  if (searchPath !== undefined) policies.learn(searchPath);
  return policies.of(classify(sql));
}

describe("a rule of tables", () => {
  it.each<[string, Tables, string, string | undefined]>([
    ["a name without a schema, written with one", { log: "writer" }, "table audit.log", "writer"],
    ["a name with another schema", { "audit.log": "writer" }, "table shop.log", undefined],
    ["a longer name", { log: "writer" }, "table log_2026", undefined],
    ["a whole schema", { "audit.*": "writer" }, "table audit.log", "writer"],
    ["a table in all schemas", { "*.log": "writer" }, "table shop.log", "writer"],
    ["the beginning of a name", { "tmp_*": "writer" }, "table tmp_orders", "writer"],
    ["the end of a name", { "*_log": "writer" }, "table access_log", "writer"],
    ["a piece of a name", { "*ess_l*": "writer" }, "table access_log", "writer"],
    ["pieces that overlap", { "aa*aa": "writer" }, "table aaa", undefined],
    ["everything", { "*": "writer" }, "table audit.log", "writer"],
    ["schemas by a pattern", { "tenant_*.orders": "writer" }, "table tenant_7.orders", "writer"],
    ["capitals, as SQL folds them", { Sessions: "writer" }, "table sessions", "writer"],
    ["capitals, as they are written", { Sessions: "writer" }, 'table "Sessions"', "writer"],
    ["quoted capitals, folded", { '"Sessions"': "writer" }, "table sessions", undefined],
    ["quoted capitals, quoted", { '"Sessions"': "writer" }, 'table "Sessions"', "writer"],
    ["lower case, quoted in capitals", { sessions: "writer" }, 'table "Sessions"', undefined],
    ["a quoted dot", { '"a.b"': "writer" }, 'table "a.b"', "writer"],
    ["a quoted star", { '"a*"': "writer" }, "table ab", undefined],
    ["a quote in quotes", { '"a""b"': "writer" }, 'table "a""b"', "writer"],
    ["a quoted schema", { '"My App".log': "writer" }, 'table "My App".log', "writer"],
  ])("%s", (_name, tables, sql, expected) => {
    expect(policyOf(tables, sql)).toBe(expected);
  });

  it.each<[string, string]>([
    ["a join", "select * from books b join sessions s on s.book = b.id"],
    ["a sub-select", "select * from books where id in (select book from sessions)"],
    ["a scalar sub-select", "select (select count(*) from sessions)"],
    ["a CTE", "with s as (select * from sessions) select * from s"],
    ["a UNION", "select id from books union select book from sessions"],
    ["LATERAL", "select * from books b, lateral (select * from sessions where book = b.id) s"],
    ["EXISTS", "select exists (select 1 from sessions)"],
    ["COPY of a table", "copy sessions to stdout"],
    ["COPY of a query", "copy (select * from sessions) to stdout"],
    ["EXPLAIN", "explain select * from sessions"],
    ["the second of two statements", "select 1; select * from sessions"],
    ["TABLE", "table sessions"],
    ["ONLY", "select * from only sessions"],
  ])("holds for %s", (_name, sql) => {
    expect(policyOf({ sessions: "writer" }, sql)).toBe("writer");
  });

  it("does not hold for a common table expression of the same name", () => {
    const sql = "with sessions as (select 1) select * from sessions";
    expect(policyOf({ sessions: "writer" }, sql)).toBeUndefined();
  });
});

describe("several rules", () => {
  it.each<[string, Tables, string, string | undefined]>([
    [
      "the narrower one decides for a table",
      { "audit.*": "writer", "audit.kinds": "reader" },
      "table audit.kinds",
      "reader",
    ],
    [
      "the narrower one decides, whichever comes first",
      { "audit.kinds": "reader", "audit.*": "writer" },
      "table audit.kinds",
      "reader",
    ],
    [
      "a pattern in a pattern is narrower",
      { "*": "writer", "geo_*": "reader" },
      "table geo_a",
      "reader",
    ],
    [
      "the writer's decides between two that overlap",
      { log: "reader", "audit.*": "writer" },
      "table audit.log",
      "writer",
    ],
    [
      "the writer's decides between two that say the same",
      { Log: "reader", log: "writer" },
      "table log",
      "writer",
    ],
    [
      "the writer's decides between two tables",
      { places: "reader", sessions: "writer" },
      "select * from places, sessions",
      "writer",
    ],
    [
      "a reader's holds beside a table without a rule",
      { places: "reader" },
      "select * from places, books",
      "reader",
    ],
    ["an ORM's migrations are the writer's", {}, "table knex_migrations", "migrations"],
    [
      "a rule for a table of migrations is stronger",
      { migrations: "reader" },
      "table migrations",
      "reader",
    ],
    [
      "migrations beside a table for a reader",
      { places: "reader" },
      "select * from places, knex_migrations",
      "migrations",
    ],
  ])("%s", (_name, tables, sql, expected) => {
    expect(policyOf(tables, sql)).toBe(expected);
  });
});

describe("a name without a schema", () => {
  const unknown = undefined;
  it.each<[string, Tables, string[] | undefined, string | undefined]>([
    ["may be the writer's in any schema", { "audit.log": "writer" }, unknown, "writer"],
    ["may be the writer's by a pattern", { "audit.l*": "writer" }, unknown, "writer"],
    ["is not every table of a schema", { "audit.*": "writer" }, unknown, undefined],
    ["is in public as long as nobody knows", { "public.*": "writer" }, unknown, "writer"],
    ["is not taken for a reader's", { "geo.log": "reader" }, unknown, undefined],
    [
      "is the writer's where that schema is searched",
      { "audit.*": "writer" },
      ["app", "audit"],
      "writer",
    ],
    ["is not where it is not searched", { "audit.log": "writer" }, ["app", "public"], undefined],
    ["is a reader's in the only schema", { "geo.*": "reader" }, ["geo", "pg_catalog"], "reader"],
    ["is not a reader's in one of two", { "geo.*": "reader" }, ["geo", "public"], undefined],
    [
      "is a reader's in both of two",
      { "geo.*": "reader", "public.*": "reader" },
      ["geo", "public"],
      "reader",
    ],
    [
      "is no table of the system",
      { "pg_catalog.*": "writer" },
      ["pg_catalog", "public"],
      undefined,
    ],
    ["is matched without a path", { log: "writer" }, [], "writer"],
    ["is matched in any path", { log: "reader" }, ["a", "b"], "reader"],
  ])("%s", (_name, tables, searchPath, expected) => {
    expect(policyOf(tables, "table log", searchPath)).toBe(expected);
  });

  it("is judged again once the search_path is known", () => {
    const policies = new TablePolicies(readTables({ "audit.log": "writer" }));
    const facts = classify("select * from log");
    expect(policies.of(facts)).toBe("writer");
    policies.learn(["public"]);
    expect(policies.of(facts)).toBeUndefined();
  });
});

describe("names of rules", () => {
  it.each(["", ".", "a.", ".a", "a.b.c", '"', '"a', '""', "a b", 'a"b"', "a..b", '"a"b'])(
    "%j is none",
    (written) => {
      expect(readTableRule(written, "writer")).toBeUndefined();
    },
  );

  const identifier = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/\0/.test(text));
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

  it("match the table that they quote, and no other, for any names", () => {
    fc.assert(
      fc.property(identifier, identifier, identifier, (schema, name, other) => {
        const tables: Tables = { [`${quoted(schema)}.${quoted(name)}`]: "writer" };
        const text = (table: string) => `table ${quoted(schema)}.${quoted(table)}`;
        expect(policyOf(tables, text(name))).toBe("writer");
        expect(policyOf(tables, text(other))).toBe(other === name ? "writer" : undefined);
      }),
    );
  });

  const piece = fc.constantFrom("a", "b", "ab", "*", "_");
  const pattern = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(""));
  const word = fc.array(fc.constantFrom("a", "b", "_"), { minLength: 1, maxLength: 5 });

  it("match as their regular expressions do", () => {
    fc.assert(
      fc.property(pattern, word, (written, letters) => {
        const name = letters.join("");
        const expected = new RegExp(`^${written.replaceAll("*", ".*")}$`).test(name);
        const policy = policyOf({ [written]: "writer" }, `table "${name}"`);
        expect(policy).toBe(expected ? "writer" : undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it("in any order decide the same, and a rule more for the writer takes nothing from it", () => {
    const rules = fc.dictionary(pattern, fc.constantFrom<Target>("writer", "reader"), {
      maxKeys: 4,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(rules, word, (tables, letters) => {
        const sql = `table "${letters.join("")}"`;
        const backwards = Object.fromEntries(Object.entries(tables).reverse());
        const policy = policyOf(tables, sql);
        expect(policyOf(backwards, sql)).toBe(policy);
        expect(policyOf({ ...tables, [letters.join("")]: "writer" }, sql)).toBe("writer");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("rules that match no table", () => {
  const relations = [
    { schema: "public", name: "sessions" },
    { schema: "audit", name: "Events" },
    { schema: "pg_catalog", name: "pg_class" },
  ];
  it.each<[string, string | undefined]>([
    ["sesions", "sessions"],
    ["adit.*", "audit.*"],
    ["audit.Event", "audit.Events"],
    ["pg_clas", undefined],
    ["something_else", undefined],
  ])("%s: %s was meant", (written, suggestion) => {
    const rules = readTables({ [written]: "writer" });
    expect(unmatchedRules(rules, relations)).toEqual([{ written, suggestion }]);
  });

  it.each(["sessions", "*", "audit.*", "audit.Events", "pg_catalog.pg_*", "SESSIONS"])(
    "%s is not among them",
    (written) => {
      expect(unmatchedRules(readTables({ [written]: "writer" }), relations)).toEqual([]);
    },
  );
});
