import fc from "fast-check";
import type { QueryConfig } from "pg";

/** A statement, and how its caller gives it up, if so. */
export interface Sent {
  /** What tells its answer from those of others: the same each time that it is sent by itself. */
  readonly key: string;
  readonly config: Omit<QueryConfig, "types"> & {
    readonly rowMode?: "array";
    readonly types?: unknown;
  };
  /** It takes so long that nobody who gives it up hears of its answer. */
  readonly isLong: boolean;
  readonly givenUp: GivenUp | undefined;
}

export type GivenUp =
  | { readonly how: "aborted before" | "aborted at once" }
  | { readonly how: "aborted" | "timed out"; readonly millis: number };

/** What the statements below read. */
export const schema = `
  create table kv (id int primary key, value text, doc jsonb, at timestamptz);
  insert into kv select n, 'value ' || n, jsonb_build_object('n', n), '2024-02-29 12:00:00+00'::timestamptz + n * interval '1 day' from generate_series(1, 50) n;
  create table written (id int primary key, value text);
  insert into written values (7, 'seven');
  create function fails(text) returns int language plpgsql as $$
  begin raise exception 'it fails: %', $1 using detail = 'on purpose', hint = 'do not', errcode = 'P4242'; end $$;
`;

/** How long a statement may take, in milliseconds; a long one takes longer. */
export const limitMillis = 400;

type Config = Sent["config"];

const text = fc.string({ unit: "grapheme", maxLength: 20 }).map((one) => one.replaceAll("\0", ""));
const int = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
  fc.oneof({ weight: 8, arbitrary: values }, fc.constantFrom(null, undefined));

/** Values of each type, written as pg's users write them. */
const typed: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  int: maybe(int),
  bigint: maybe(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  float8: maybe(fc.double()),
  text: maybe(text),
  bool: maybe(fc.boolean()),
  jsonb: maybe(fc.dictionary(fc.constantFrom("a", "b", "ü"), fc.oneof(int, text))),
  bytea: maybe(fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes))),
  timestamptz: maybe(
    fc.date({ min: new Date("1900-01-01"), max: new Date("2100-01-01"), noInvalidDate: true }),
  ),
  "int[]": maybe(fc.array(maybe(int), { maxLength: 4 })),
  "text[]": maybe(fc.array(maybe(text), { maxLength: 4 })),
};

const casts: fc.Arbitrary<Config> = fc.constantFrom(...Object.keys(typed)).chain((type) =>
  (typed[type] as fc.Arbitrary<unknown>).map((value) => ({
    text: `select $1::${type} as value`,
    values: [value],
  })),
);

const id = fc.integer({ min: 0, max: 60 });
const byKey: fc.Arbitrary<Config> = fc.oneof(
  id.map((n) => ({ text: "select * from kv where id = $1", values: [n] })),
  id.map((n) => ({ text: `select id, value from kv where id = ${n}` })),
  id.map((n) => ({ text: "select from kv where id = $1", values: [n] })),
  fc.tuple(id, id).map(([low, high]) => ({
    text: "select id, doc, at from kv where id between $1 and $2 order by id",
    values: [low, high],
  })),
  id.map((n) => ({
    name: "by key",
    text: "select value as named from kv where id = $1",
    values: [n],
  })),
);

const odd: fc.Arbitrary<Config> = fc.constantFrom<Config>(
  { text: "select" },
  { text: "" },
  { text: "select 1 as a, 2 as a, 'three' as a" },
  { text: "select $1::int as a, $2::text as a", values: [1, "two"] },
  { text: "values (1, 'a'), (2, 'b')" },
  { text: "table kv" },
  { text: "select 1 as a; select 2 as b" },
  { text: "show server_version" },
  { text: "select repeat('ü', $1::int) as large", values: [500_000] },
  { text: "select n, n::text from generate_series(1, $1::int) n", values: [3000] },
  { text: "update written set value = value where id = $1 returning *", values: [7] },
  { text: "select $1::int as a", values: [1], queryMode: "extended" } as Config,
  { text: "select 'ünïcödé 🚂' as \"schlüssel\", $1::text as text", values: ["🛤️ \u{1F468}‍👩‍👧"] },
);

const failing: fc.Arbitrary<Config> = fc.constantFrom<Config>(
  { text: "selec 1" },
  { text: "select $1::int as a from", values: [1] },
  { text: "select * from no_such_table where id = $1", values: [1] },
  { text: "select no_such_column from kv where id = $1", values: [1] },
  { text: "select $1::int + $2::int as sum", values: [1] },
  { text: "select $1::int + $2::int as sum", values: [1, 2, 3] },
  { text: "select $1::int as n", values: ["seven"] },
  { text: "select $1::int as n", values: [5_000_000_000] },
  { text: "select id, 10 / (3 - id) as q from kv where id < $1 order by id", values: [9] },
  { text: "select 1 / (id - 3) as q from kv order by id" },
  { text: "select fails($1)", values: ["ü"] },
  { text: "select $1::text as value", values: ["nul \0 inside"] },
  {
    text: "select $1::text as value",
    values: [
      {
        toPostgres() {
          throw new Error("it cannot be written");
        },
      },
    ],
  },
);

const long: fc.Arbitrary<Config> = fc.constantFrom<Config>(
  { text: "select pg_sleep(3)" },
  { text: "select pg_sleep($1)", values: [3] },
);

/** Parsers that a caller gives, with what makes their answers differ. */
const parsers: Readonly<Record<string, unknown>> = {
  told: { getTypeParser: (oid: number) => (value: string) => `${oid} ${value}` },
  throwing: {
    getTypeParser: () => () => {
      throw new TypeError("it cannot be parsed");
    },
  },
};

const short: fc.Arbitrary<Omit<Sent, "givenUp">> = fc
  .record({
    config: fc.oneof(
      { weight: 4, arbitrary: casts },
      { weight: 6, arbitrary: byKey },
      { weight: 3, arbitrary: odd },
      { weight: 3, arbitrary: failing },
    ),
    isArray: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    parser: fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      fc.constantFrom(...Object.keys(parsers)),
    ),
  })
  .map(({ config, isArray, parser }) => ({
    key: fc.stringify([config, isArray, parser]),
    config: {
      ...(config as { readonly text: string }),
      ...(isArray ? { rowMode: "array" as const } : {}),
      ...(parser === undefined ? {} : { types: parsers[parser] }),
    },
    isLong: false,
  }));

const lasting: fc.Arbitrary<Omit<Sent, "givenUp">> = long.map((config) => ({
  key: fc.stringify(config),
  config,
  isLong: true,
}));

const soon = fc.integer({ min: 0, max: 12 });
const givenUp: fc.Arbitrary<GivenUp> = fc.oneof(
  fc.constantFrom<GivenUp>({ how: "aborted before" }, { how: "aborted at once" }),
  soon.map((millis) => ({ how: "aborted" as const, millis })),
  soon.map((millis) => ({ how: "timed out" as const, millis: millis + 1 })),
);

/** What many callers of one pool send at once. */
export const mixes: fc.Arbitrary<Sent[]> = fc.array(
  fc
    .tuple(
      fc.oneof({ weight: 30, arbitrary: short }, { weight: 1, arbitrary: lasting }),
      fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: givenUp }),
    )
    .map(([sent, given]) => ({ ...sent, givenUp: given })),
  { minLength: 1, maxLength: 60, size: "max" },
);
