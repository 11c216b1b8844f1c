import { describe, expect, it } from "vitest";
import { judgeText } from "../../src/statements/judge-text.ts";
import { shapeOf } from "../../src/statements/shape.ts";

/** A shape with `‹i›` for its marks. */
function shown(sql: string): string | undefined {
  return shapeOf(sql)?.replace(/\0(.)/g, "‹$1›");
}

const shapes: readonly (readonly [what: string, sql: string, shape: string])[] = [
  ["a whole number", "select 1", "select ‹i›"],
  ["the largest integer", "select 2147483647", "select ‹i›"],
  ["a whole number that is no integer to the grammar", "select 2147483648", "select ‹n›"],
  ["a number with a point", "select 1.50, 0.0", "select ‹n›, ‹n›"],
  ["a number with an exponent", "select 1e5, 1.5E-7, 2e+10", "select ‹n›, ‹n›, ‹n›"],
  ["leading zeros", "select 0000000000012, 00002147483648", "select ‹i›, ‹n›"],
  [
    "a minus, which is no part of the number",
    "select 1-1, - 1, -1.5",
    "select ‹i›-‹i›, - ‹i›, -‹n›",
  ],
  ["a string", "select 'a', '', '''', 'it''s'", "select ‹s›, ‹s›, ‹s›, ‹s›"],
  ["a backslash in a string", "select '\\', '\\'''", "select ‹s›, ‹s›"],
  ["a string with escapes", "select E'a\\'b', e'\\\\', E'\\n'''", "select ‹s›, ‹s›, ‹s›"],
  ["a string in dollar quotes", "select $$a$$, $t$ $$ '$t$", "select ‹s›, ‹s›"],
  ["a bit string", "select B'01', b'2'", "select ‹b›, ‹b›"],
  ["a bit string in hexadecimal digits", "select X'1f', x''", "select ‹x›, ‹x›"],
  ["a national string", "select N'a', n 'b'", "select N‹s›, n ‹s›"],
  [
    "the name of a type before a string",
    "select date'2020-01-01', int '1'",
    "select date‹s›, int ‹s›",
  ],
  ["a name that ends like a prefix", "select the'a', _e'a'", "select the‹s›, _e‹s›"],
  [
    "a name with digits and dollars",
    "select a1, a$1, a$$1, é1 from t2 limit 1",
    "select a1, a$1, a$$1, é1 from t2 limit ‹i›",
  ],
  ["a name in quotes", `select "a'1", "b""2" where c = 'd'`, `select "a'1", "b""2" where c = ‹s›`],
  ["a parameter", "select $1, $2::int, 3", "select $1, $2::int, ‹i›"],
  ["a comment to the end of its line", "select 1 -- 2 'x\n, 3", "select ‹i› -- 2 'x\n, ‹i›"],
  ["a comment that a carriage return ends", "select 1 -- 2\r, 3", "select ‹i› -- 2\r, ‹i›"],
  ["a comment at the end", "select 1 -- 'x", "select ‹i› -- 'x"],
  ["a comment inside a comment", "select /* /* '1 */ 2 */ 3", "select /* /* '1 */ 2 */ ‹i›"],
  [
    "a comment behind an operator",
    "select 1 +-- 2\n 3, 4 */* 5 */ 6",
    "select ‹i› +-- 2\n ‹i›, ‹i› */* 5 */ ‹i›",
  ],
  ["a hint", "/* pointsman:writer */ select 1", "/* pointsman:writer */ select ‹i›"],
  ["a list", "select 1 where a in (1,2, 'x')", "select ‹i› where a in (‹i›,‹i›, ‹s›)"],
  ["a place in an array", "select a[1], a[1:2]", "select a[‹i›], a[‹i›:‹i›]"],
  ["a cast", "select '1'::int, 'x'::regclass", "select ‹s›::int, ‹s›::regclass"],
  ["a name directly behind a literal", `select 'a'b, 1"c"`, `select ‹s›b, ‹i›"c"`],
  [
    "a precision",
    "select a::numeric(10, 2), a::varchar(9)",
    "select a::numeric(‹i›, ‹i›), a::varchar(‹i›)",
  ],
  ["float without a precision", "select a::float, (1)", "select a::float, (‹i›)"],
  ["a question mark, which is an operator", "select a ?'b', a ?i", "select a ?‹s›, a ?i"],
  ["parentheses before the command", "((select 1))", "((select ‹i›))"],
  ["a semicolon at the end", "select 1 ; -- done", "select ‹i› ; -- done"],
  ["capitals", "SELECT 1 FROM T", "SELECT ‹i› FROM T"],
  ["values", "values (1, 'a')", "values (‹i›, ‹s›)"],
  ["a table", "table t limit 5", "table t limit ‹i›"],
  [
    "a common table expression",
    "with a as (select 1) select 2",
    "with a as (select ‹i›) select ‹i›",
  ],
  ["an insert", "insert into t values (1)", "insert into t values (‹i›)"],
  ["an update", "update t set a = 1", "update t set a = ‹i›"],
  ["a delete", "delete from t where a = 1", "delete from t where a = ‹i›"],
  [
    "what Sequelize writes",
    `SELECT * FROM "Users" AS "User" WHERE "User"."tags" @> ARRAY['a','b']::VARCHAR(255)[] AND ("User"."data"#>>'{a,b}') = 'x' AND "User"."at" > '2024-05-01 00:00:00.000 +00:00' AND "User"."name" = 'O''Brien' AND "User"."id" IN (1, 2) LIMIT 5;`,
    `SELECT * FROM "Users" AS "User" WHERE "User"."tags" @> ARRAY[‹s›,‹s›]::VARCHAR(‹i›)[] AND ("User"."data"#>>‹s›) = ‹s› AND "User"."at" > ‹s› AND "User"."name" = ‹s› AND "User"."id" IN (‹i›, ‹i›) LIMIT ‹i›;`,
  ],
  [
    "what Sequelize writes into a table",
    String.raw`INSERT INTO "Users" ("name","bin","n","f") VALUES ('x\y',E'\\x616263',1e+21,'1e-7');`,
    `INSERT INTO "Users" ("name","bin","n","f") VALUES (‹s›,‹s›,‹n›,‹s›);`,
  ],
  [
    "what MikroORM writes",
    String.raw`select "b0".* from "book" as "b0" where "b0"."id" = 3 and "b0"."title" like  E'%a\\b''c%' limit 5 offset 2`,
    `select "b0".* from "book" as "b0" where "b0"."id" = ‹i› and "b0"."title" like  ‹s› limit ‹i› offset ‹i›`,
  ],
  [
    "a merge",
    "merge into t using u on t.id = 1 when matched then delete",
    "merge into t using u on t.id = ‹i› when matched then delete",
  ],
];

describe("the shape of a text", () => {
  it.each(shapes)("has a mark for %s", (_what, sql, shape) => {
    expect(judgeText(sql).verdict).not.toBe("unparsable");
    expect(shown(sql)).toBe(shape);
  });

  it("tells kinds of literals apart that the grammar tells apart", () => {
    const texts = ["select 1", "select 1.0", "select '1'", "select b'1'", "select x'1'"];
    expect(new Set(texts.map(shapeOf)).size).toBe(texts.length);
  });

  it("is the same for all spellings of a string", () => {
    const texts = ["select 'a'", "select E'a\\n'", "select $$a$$", "select $t$'$t$"];
    expect(new Set(texts.map(shapeOf)).size).toBe(1);
  });
});

/** Two texts that differ in a literal and, for that, in their verdict. */
const pairs: readonly (readonly [why: string, a: string, b: string])[] = [
  [
    "the setting that is asked for",
    "select current_setting('work_mem')",
    "select current_setting('in_hot_standby')",
  ],
  [
    "the setting, by the function's quoted name",
    `select "current_setting"('work_mem')`,
    `select "current_setting"('in_hot_standby')`,
  ],
  [
    "the setting, by the function's qualified name in capitals",
    "select pg_catalog.CURRENT_SETTING('work_mem')",
    "select pg_catalog.CURRENT_SETTING('in_hot_standby')",
  ],
  [
    "the setting, by an escaped name",
    `select U&"current\\005fsetting"('work_mem')`,
    `select U&"current\\005fsetting"('in_hot_standby')`,
  ],
  [
    "the third argument of set_config",
    "select set_config('a.b', 'c', true)",
    "select set_config('a.b', 'c', false)",
  ],
  [
    "an option of EXPLAIN",
    "explain (analyze 0) delete from t",
    "explain (analyze 1) delete from t",
  ],
  [
    "an option of EXPLAIN that is a string",
    "explain (analyze 'off') delete from t",
    "explain (analyze 'on') delete from t",
  ],
  [
    "the value of a setting",
    "set transaction_read_only = 'on'",
    "set transaction_read_only = 'off'",
  ],
  [
    "the value of a setting that is a number",
    "set default_transaction_read_only = 1",
    "set default_transaction_read_only = 0",
  ],
  [
    "the isolation that is set",
    "set default_transaction_isolation = 'serializable'",
    "set default_transaction_isolation = 'read committed'",
  ],
  ["a hint", "/* pointsman:writer */ select 1", "/* pointsman:reader */ select 1"],
  ["a hint to the end of its line", "--pointsman:writer\nselect 1", "--pointsman:reader\nselect 1"],
  ["a precision of float that there is not", "select a::float(24)", "select a::float(54)"],
  ["a precision of float behind a comment", "select a::FLOAT /**/ (1)", "select a::FLOAT /**/ (0)"],
  [
    "a precision of interval that is no integer",
    "select interval(3) '1'",
    "select interval(2147483648) '1'",
  ],
  ["bounds that are no integers", "select a::int[3]", "select a::int[2147483648]"],
  ["an escape that is no character", "select E'\\x41'", "select E'\\xff'"],
  ["an escape in octal digits", "select E'\\101'", "select E'\\377'"],
  ["an escape of NUL", "select E'\\1'", "select E'\\0'"],
  ["half a surrogate pair", "select E'\\u0041'", "select E'\\ud800'"],
  ["too few digits of an escape", "select E'\\u0041'", "select E'\\u41'"],
  ["an escape of U&", "select U&'\\0061'", "select U&'\\006'"],
  ["the escape character of U&", "select U&'a' uescape '!'", "select U&'a' uescape '+'"],
  ["a backslash at the end of E'…'", "select E'\\\\'", "select E'\\'"],
  ["the second line of a string with escapes", "select E'a'\n'b'", "select E'a'\n'\\'"],
  ["the second line of a bit string", "select b'1'\n'0'", "select b'1'\n'0''1'"],
  ["a doubled quote in a bit string", "select b'11'", "select b''''"],
  ["a doubled quote in hexadecimal digits", "select x'11'", "select x''''"],
  ["a string that never ends", "select 'a'", "select 'a"],
  ["a string in dollar quotes that never ends", "select $$a$$", "select $$a$"],
  ["the tag of dollar quotes", "select $a$b$a$", "select $a$b$c$"],
  ["the case of the tag of dollar quotes", "select $a$b$a$", "select $a$b$A$"],
  ["a name in quotes that never ends", `select 1 as "a"`, `select 1 as "a`],
  ["a comment that never ends", "select 1 /* */", "select 1 /*  /"],
  ["letters behind a number", "select 1", "select 1a"],
  ["a name of other letters behind a number", "select 1", "select 1é"],
  ["an exponent without digits", "select 1e5", "select 1e"],
  ["a signed exponent without digits", "select 1e+5", "select 1e+"],
  ["underscores in a number", "select 1_000", "select 1_000_"],
  ["hexadecimal digits", "select 0x1f", "select 0x1g"],
  ["octal digits", "select 0o17", "select 0o18"],
  ["binary digits", "select 0b11", "select 0b12"],
  ["two points", "select 1.", "select 1.."],
  ["NUL", "select '1'", "select '\0'"],
  [
    "a run of operators, in a long text",
    `select '${"a".repeat(1500)}'`,
    `select '${"+".repeat(1500)}'`,
  ],
];

describe("texts with different verdicts", () => {
  it.each(pairs)("have no shape in common: %s", (_why, a, b) => {
    expect(judgeText(a)).not.toEqual(judgeText(b));
    const [shape, other] = [shapeOf(a), shapeOf(b)];
    expect(shape === undefined || shape !== other).toBe(true);
  });

  it("have no shape in common where characters are one to the parser: half surrogate pairs", () => {
    const sql = "select $\ud800$ a $\ud801$ b $\ud800$";
    expect(judgeText(sql).verdict).toBe("unparsable");
    expect(judgeText("select $\ud800$ a $\ud801$").verdict).toBe("plain-read");
    expect(shapeOf(sql)).toBeUndefined();
  });
});

const shapeless: readonly (readonly [why: string, sql: string])[] = [
  ["it has no literal", "select a from t where b = $1"],
  ["it has only a comment", "select a -- 1"],
  ["it is empty", ""],
  ["it begins with a literal", "1 select"],
  ["it explains", "explain select 1"],
  ["it copies", "copy t to '/file'"],
  ["it shows or sets a setting", "set work_mem = '1MB'"],
  ["it opens a cursor", "declare c cursor for select 1"],
  ["it fetches", "fetch 5 from c"],
  ["it locks", "lock table t in share mode -- 1"],
  ["it calls", "call p(1)"],
  ["it runs a block", "do $$ begin end $$"],
  ["it creates", "create table t (a int default 1)"],
  ["it prepares", "prepare q as select 1"],
  ["it executes", "execute q(1)"],
  ["it notifies", "notify c, 'p'"],
  ["it is more than one statement", "select 1; select 2"],
  ["it is a statement and an empty one", "select 1;;"],
  ["it names a function that is given SQL for another server", "select dblink('a', 'b')"],
  ["it names such a function in quotes", `select * from "dblink_exec"('a')`],
  ["it names a function as a column", "select ('work_mem'::text).current_setting"],
  ["it has a string behind a string", "select 'a' 'b'"],
  ["it has a string behind a string and a comment", "select 'a' -- c\n'b'"],
  ["it has letters behind a number", "select 1a, 2"],
  ["it has letters behind a number with an exponent", "select 1e5e, 2"],
  ["it has a second point in a number", "select 1.5.5, 2"],
  ["it has a number without digits behind its point", "select 1., 2"],
  ["it has letters behind a parameter", "select $1a, 2"],
  ["it has a number that begins with a point", "select .5"],
  ["it has a backslash outside of quotes", "select 1 \\ 2"],
  ["it has braces", "select {1}"],
  ["it has a dollar that quotes nothing", "select 1 $ 2"],
  ["it is longer than 8,192 characters", `select 1${" ".repeat(8_200)}`],
];

describe("a text", () => {
  it.each(shapeless)("has no shape where %s", (_why, sql) => {
    expect(shapeOf(sql)).toBeUndefined();
  });

  const largest: readonly (readonly [what: string, head: string, piece: string, tail: string])[] = [
    ["sums", "select 1+1", ",1+1", ""],
    ["differences of differences", "select 1", ",1-+-+-+-+-+-+1", ""],
    ["national strings", "select n''", ",n''", ""],
    ["national strings in sums", "select n''", ",n''+n''", ""],
    ["names", "select a", ",a", ",1"],
    ["control characters", "select '", "\u0001", "'"],
  ];
  it.each(largest)("of %s makes no tree that is too large", (_what, head, piece, tail) => {
    const pieces = Math.floor((8_192 - head.length - tail.length) / piece.length);
    const sql = head + piece.repeat(pieces) + tail;
    expect(shapeOf(sql)).toBeDefined();
    expect(judgeText(sql).verdict).toBe("plain-read");
  });
});
