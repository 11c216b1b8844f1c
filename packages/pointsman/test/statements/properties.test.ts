import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classify, createClassifier } from "../../src/statements/classify.ts";
import { parse } from "../../src/statements/parser.ts";
import { reads, writes } from "./cases.ts";

const queries = [
  ...Object.entries(reads)
    .filter(([title]) => title !== "explain" && title !== "settings" && !title.startsWith("COPY"))
    .flatMap(([, texts]) => texts),
].filter((sql) => !sql.includes("--"));
const query = fc.constantFrom(...queries);

/** Ways to put a query into another that only reads, too. */
const wrap = fc.constantFrom<(sql: string) => string>(
  (sql) => `select * from (${sql}) as w`,
  (sql) => `with w as (${sql}) select 1`,
  (sql) => `with recursive w as (${sql}), w2 as (select 1) select * from w, w2`,
  (sql) => `select exists (${sql})`,
  (sql) => `(${sql}) union all (select 1)`,
  (sql) => `select 1 where 1 in (select 1 from (${sql}) w)`,
  (sql) => `select case when exists (${sql}) then array(select 1) end`,
  (sql) => `select * from t left join lateral (${sql}) w on true`,
);
const wraps = fc.array(wrap, { minLength: 1, maxLength: 4 });
const wrapped = (sql: string, by: readonly ((sql: string) => string)[]) =>
  by.reduce((text, one) => one(text), sql);

const words = /'(?:[^']|'')*'|"[^"]*"|\$\$.*?\$\$|[A-Za-z_]\w*|\d+(?:\.\d+)?|\$\d+|\s+|[^\w\s]/g;

/**
 * Words for which the grammar looks at the next one. libpg-query keeps comments as tokens, and does
 * not accept one just here, though PostgreSQL does: such a text goes to the writer.
 */
const lookingAhead = /^(format|not|nulls|with|without)$/i;

/** The same text in other clothes: upper case, more white space, comments. */
function dressed(sql: string, choices: readonly number[]): string {
  let next = 0;
  let before = "";
  return (sql.match(words) ?? [])
    .map((word) => {
      const previous = before;
      before = word;
      const choice = choices[next++ % choices.length] as number;
      if (/^\s+$/.test(word)) {
        if (lookingAhead.test(previous)) return choice % 2 === 0 ? " " : "\n\t";
        return [" ", "\n\t", " /* select nextval('s') */ ", " -- for update\n"][choice % 4];
      }
      if (/^[a-z_]\w*$/.test(word)) return choice % 2 === 0 ? word.toUpperCase() : word;
      return word;
    })
    .join("");
}

describe("a query that only reads", () => {
  it("still only reads inside others", () => {
    fc.assert(
      fc.property(query, wraps, (sql, by) => {
        expect(classify(wrapped(sql, by)).verdict).toBe("plain-read");
      }),
      { numRuns: 500 },
    );
  });

  it("still only reads when it is explained or copied out", () => {
    const outer = fc.constantFrom(
      "explain ",
      "explain analyze ",
      "explain (analyze, verbose, format json) ",
    );
    fc.assert(
      fc.property(query, wraps, outer, (sql, by, start) => {
        const inner = wrapped(sql, by);
        expect(classify(start + inner).verdict).toBe("plain-read");
        expect(classify(`copy (${inner}) to stdout`).verdict).toBe("plain-read");
      }),
      { numRuns: 200 },
    );
  });
});

describe("a query that writes", () => {
  const hidden = fc.constantFrom(
    "select nextval('s')",
    "select * from t for update",
    "select pg_advisory_lock(1)",
    "select f(1)",
    "table pg_stat_activity",
    "select * from pg_temp.x",
  );

  it("goes to the writer however deep the reason is", () => {
    fc.assert(
      fc.property(hidden, wraps, (sql, by) => {
        expect(classify(wrapped(sql, by)).reader).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it("is known by a common table expression that writes, whatever it stands in front of", () => {
    const change = fc.constantFrom(
      "insert into t values (1)",
      "update t set a = 1 returning *",
      "delete from t",
      "merge into t using u on true when matched then delete",
    );
    fc.assert(
      fc.property(change, query, wraps, (sql, other, by) => {
        const text = `with d as (${sql}) select 1 from (${wrapped(other, by)}) w`;
        expect(classify(text).verdict).toBe("writing-cte");
        expect(classify(`explain analyze ${text}`).verdict).toBe("writing-cte");
      }),
      { numRuns: 300 },
    );
  });
});

describe("the verdict on a text", () => {
  const all = [
    ...queries,
    ...Object.values(writes)
      .flat()
      .map(([sql]) => sql),
  ].filter(
    (sql) => classify(sql).verdict !== "unparsable" && !sql.includes("--") && !/U&|E'/.test(sql),
  );

  it("does not depend on case, white space or comments", () => {
    const clothes = fc.array(fc.nat(100), { minLength: 7, maxLength: 23 });
    fc.assert(
      fc.property(fc.constantFrom(...all), clothes, (sql, choices) => {
        expect(gist(dressed(sql, choices))).toEqual(gist(sql));
      }),
      { numRuns: 1000 },
    );
  });

  it("does not depend on quotes around names", () => {
    expect(gist(`select "nextval"('s')`)).toEqual(gist("select nextval('s')"));
    expect(gist(`select * from "pg_catalog"."pg_locks"`)).toEqual(
      gist("table pg_catalog.pg_locks"),
    );
    expect(gist(`select "lower"("b") from "t"`)).toEqual(gist("select lower(b) from t"));
  });

  it("is the same from memory as it was at first", () => {
    const { classify: anew } = createClassifier();
    for (const sql of all) expect(classify(sql)).toEqual(anew(sql));
  });

  it("of several statements needs the writer as soon as one of them does", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { minLength: 2, maxLength: 4 }), (texts) => {
        const { reader } = classify(texts.join(";\n"));
        expect(reader).toBe(texts.every((sql) => classify(sql).reader && !/^begin/i.test(sql)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("any string at all", () => {
  const fragment = fc.constantFrom(
    ..."select from where insert into update delete with as ( ) , ; 1 'a' t * for union all "
      .concat('explain analyze copy to begin read only $1 :: -- /* */ " $$ nextval values set \\ ')
      .split(" "),
  );
  const soup = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(" "));
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.string(), soup);

  it("is judged without an error, and by reader only what the grammar accepts", () => {
    fc.assert(
      fc.property(texts, (sql) => {
        const { reader, effect, verdict } = classify(sql);
        if (typeof parse(sql) === "string")
          expect({ reader, effect }).toEqual({ reader: false, effect: "write" });
        if (reader) expect(["plain-read", "read-only-transaction", "empty"]).toContain(verdict);
      }),
      { numRuns: 3000 },
    );
  });

  it("is judged the same when half a surrogate pair is in it", () => {
    expect(classify("select '\ud800'").verdict).toBe("plain-read");
    expect(classify("select \ud800").verdict).toBe("plain-read");
  });
});

function gist(sql: string): object {
  const { statements: _statements, hint: _hint, ...judged } = classify(sql);
  return judged;
}
