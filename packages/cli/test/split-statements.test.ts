import { classify } from "pointsman";
import { describe, expect, test } from "vitest";
import { samples } from "../../pointsman/test/statements/samples.ts";
import { splitStatements, withoutLeadingComments } from "../src/script/split-statements.ts";

const texts = (script: string) => splitStatements(script).map(({ text }) => text);

describe("a script is split", () => {
  test.each<[what: string, script: string, expected: string[]]>([
    ["at semicolons", "select 1; select 2;\nselect 3", ["select 1", "select 2", "select 3"]],
    ["into nothing", " ;; -- nothing\n/* at all */", []],
    ["not in strings", "select 'a;''b;'; select 2", ["select 'a;''b;'", "select 2"]],
    [
      "not behind \\'",
      "select E'\\';'; select e'\\\\'; select 3",
      ["select E'\\';'", "select e'\\\\'", "select 3"],
    ],
    ["behind '\\'", "select '\\'; select 2", ["select '\\'", "select 2"]],
    ["not in names", 'select ";"; select "a"";"', ['select ";"', 'select "a"";"']],
    ["not in $$", "do $$;$$; do $a$;$$;$a$", ["do $$;$$", "do $a$;$$;$a$"]],
    [
      "behind $1",
      "select $1; select a$1$ from t; select 3",
      ["select $1", "select a$1$ from t", "select 3"],
    ],
    [
      "not in comments",
      "select 1 -- ;\n; select /* ; /* ; */ ; */ 2",
      ["select 1 -- ;", "select /* ; /* ; */ ; */ 2"],
    ],
    [
      "not between parentheses",
      "create rule r as on insert to t do also (delete from u; delete from v); select 2",
      ["create rule r as on insert to t do also (delete from u; delete from v)", "select 2"],
    ],
    [
      "not in the body of a function",
      "create or replace function f() returns int begin atomic; select case when true then 1 end; end; begin; end",
      [
        "create or replace function f() returns int begin atomic; select case when true then 1 end; end",
        "begin",
        "end",
      ],
    ],
    ["into what has no end", "select 1; select 'a; select 3", ["select 1", "select 'a; select 3"]],
    ["without psql's own commands", "\\set a 1;\nselect 1\n\\echo ;\n+ 2;", ["select 1\n\n+ 2"]],
    [
      "at those that send",
      "select 1 \\g\nselect $1 \\bind 2 \\g /tmp/x;\nselect 3",
      ["select 1", "select $1", "select 3"],
    ],
    ["not at \\;", "select 1 \\; select 2; select 3", ["select 1 ; select 2", "select 3"]],
    ["without data", "copy t from stdin;\n1;\t'\n\\.\nselect 2", ["copy t from stdin", "select 2"]],
    ["where data has no end", "copy t (a) from stdin csv;\n1;\n2", ["copy t (a) from stdin csv"]],
  ])("%s", (_, script, expected) => {
    expect(texts(script)).toEqual(expected);
  });

  test("into every statement that there is", () => {
    // Behind COPY … FROM STDIN come data.
    const all = Object.values(samples)
      .flat()
      .filter((text) => !text.endsWith("from stdin"));
    expect(all.length).toBeGreaterThan(100);
    expect(texts(all.join(";\n"))).toEqual(all);
  });

  test("as PostgreSQL's grammar splits it", () => {
    const script = `select U&'\\0061;' || $a$;$b$;$a$, "x;y" from t where a < any ('{;}'); /* ; */
      create function f(a text default ';') returns void language sql begin atomic insert into t values (';'); end;
      select 1;`;
    expect(texts(script)).toHaveLength(classify(script).statements.length);
    for (const text of texts(script)) expect(classify(text).statements, text).toHaveLength(1);
  });
});

test("a statement keeps the comments before it, which may be hints, and its line is behind them", () => {
  expect(splitStatements("select 1;\n\n-- two\n/* pointsman:writer */\nselect 2;")).toEqual([
    { text: "select 1", line: 1 },
    { text: "-- two\n/* pointsman:writer */\nselect 2", line: 5 },
  ]);
});

test.each([
  ["-- a\n /* b /* c */ */ select 1 -- d", "select 1 -- d"],
  ["select 1", "select 1"],
  ["-- a", ""],
])("%j without leading comments", (text, expected) => {
  expect(withoutLeadingComments(text)).toBe(expected);
});
