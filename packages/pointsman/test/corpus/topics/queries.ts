import type { Random } from "../../consistency/random.ts";

interface Table {
  readonly name: string;
  readonly ints: readonly string[];
  readonly texts: readonly string[];
  readonly others: readonly string[];
}

const tables: readonly Table[] = [
  { name: "customers", ints: ["id"], texts: ["name", "city"], others: ["joined", "mood"] },
  { name: "books", ints: ["id", "pence", "stock"], texts: ["title"], others: ["tags", "attrs"] },
  { name: "orders", ints: ["id", "customer_id"], texts: ["note"], others: ["at"] },
  { name: "order_lines", ints: ["order_id", "book_id", "quantity"], texts: [], others: [] },
  { name: "measurements", ints: ["id"], texts: [], others: ["at", "value"] },
  { name: "notes", ints: ["id"], texts: ["body"], others: [] },
  { name: "totals", ints: ["id", "pence"], texts: [], others: ["pounds"] },
  { name: "cheap_books", ints: ["id", "pence"], texts: ["title"], others: [] },
  { name: "cheapest_books", ints: ["id", "pence"], texts: ["title"], others: [] },
  { name: "order_sums", ints: ["order_id"], texts: [], others: ["pence"] },
  { name: "sums", ints: ["order_id"], texts: [], others: ["pence"] },
  { name: "public.books", ints: ["id", "stock"], texts: ["title"], others: ["attrs"] },
];

/** A generator over the grammar of queries, for a schema that it knows. */
export class Queries {
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A query that only reads, and in which all names are known. */
  query(depth = 2): string {
    const r = this.#random;
    const kind = r.weighted({
      plain: 8,
      join: 4,
      group: 4,
      window: 2,
      set: 2,
      cte: 2,
      recursive: 1,
      values: 1,
      lateral: 1,
    });
    switch (kind) {
      case "plain":
        return this.#plain(depth);
      case "join":
        return this.#join(depth);
      case "group":
        return this.#grouped(depth);
      case "window":
        return this.#windowed();
      case "set":
        return `${this.#column(depth)} ${r.pick(["union", "union all", "intersect", "except"])} ${this.#column(depth)}`;
      case "cte": {
        const name = this.#name();
        const hint = r.pick(["", "", "materialized ", "not materialized "]);
        return `with ${name} as ${hint}(${depth > 0 ? this.#column(depth - 1) : "select 1 as a"}) select * from ${name}`;
      }
      case "recursive":
        return `with recursive x(n) as (values (${r.between(1, 3)}) union all select n + 1 from x where n < ${r.between(3, 9)}) select ${r.pick(["n", "sum(n)", "max(n) - min(n)"])} from x${r.chance(0.5) ? "" : " where n > 0"}`;
      case "values":
        return `values (${r.between(1, 9)}, 'a'), (${this.#int([])}, ${this.#text([])})`;
      case "lateral": {
        const t = r.pick(tables);
        return `select * from ${t.name} t, lateral (select t.${r.pick(t.ints)} + ${r.between(1, 9)} as more) l`;
      }
    }
  }

  /** A query with one column of whole numbers. */
  #column(depth: number): string {
    const t = this.#random.pick(tables);
    return `select ${this.#random.pick(t.ints)} as a from ${t.name}${this.#where(t, depth)}`;
  }

  #plain(depth: number): string {
    const r = this.#random;
    const t = r.pick(tables);
    const columns = r.chance(0.3)
      ? "*"
      : Array.from({ length: r.between(1, 3) }, () => this.#any(t, depth)).join(", ");
    const distinct = r.chance(0.1) ? "distinct " : "";
    const order =
      r.chance(0.4) && distinct === ""
        ? ` order by ${r.pick(t.ints)}${r.pick(["", " desc", " desc nulls last"])}`
        : "";
    const limit = r.chance(0.3) ? ` limit ${r.between(1, 5)}${r.pick(["", " offset 1"])}` : "";
    const sample = r.chance(0.05) && !/_|sums/.test(t.name) ? ` tablesample system (100)` : "";
    return `select ${distinct}${columns} from ${t.name}${sample}${this.#where(t, depth)}${order}${limit}`;
  }

  #join(depth: number): string {
    const r = this.#random;
    const [a, b] = [r.pick(tables), r.pick(tables)];
    const kind = r.pick(["join", "left join", "right join", "full join"]);
    const on = `a.${r.pick(a.ints)} = b.${r.pick(b.ints)}`;
    const more =
      depth > 0 && r.chance(0.3) ? ` and a.${r.pick(a.ints)} in (${this.#column(0)})` : "";
    return `select a.${r.pick(a.ints)}, b.${r.pick(b.ints)} as other, ${this.#text([])} from ${a.name} a ${kind} ${b.name} b on ${on}${kind === "join" ? more : ""}`;
  }

  #grouped(depth: number): string {
    const r = this.#random;
    const t = r.pick(tables);
    const key = r.pick([...t.ints, ...t.texts]);
    const aggregate = r
      .pick([
        "count(*)",
        "sum(X)",
        "max(X)",
        "avg(X)",
        "array_agg(X order by X)",
        "string_agg(X::text, ',' order by X)",
        "bool_and(X > 0)",
        "jsonb_agg(X order by X)",
        "count(distinct X)",
        "percentile_cont(0.5) within group (order by X)",
        "stddev(X)",
        "mode() within group (order by X)",
        "count(*) filter (where X > 2)",
      ])
      .replaceAll("X", r.pick(t.ints));
    const by = r.pick([
      key,
      key,
      key,
      `grouping sets ((${key}), ())`,
      `rollup (${key})`,
      `cube (${key})`,
    ]);
    const having = r.chance(0.3) ? " having count(*) > 0" : "";
    return `select ${key}, ${aggregate} as answer from ${t.name}${this.#where(t, depth)} group by ${by}${having} order by 1`;
  }

  #windowed(): string {
    const r = this.#random;
    const t = r.pick(tables);
    const call = r
      .pick([
        "row_number()",
        "rank()",
        "dense_rank()",
        "lag(X)",
        "lead(X, 2, 0)",
        "first_value(X)",
        "sum(X)",
        "ntile(3)",
        "cume_dist()",
        "nth_value(X, 2)",
      ])
      .replaceAll("X", r.pick(t.ints));
    const frame = r.pick([
      "",
      "",
      " rows between 1 preceding and current row",
      " range unbounded preceding",
    ]);
    const partition = r.chance(0.5) ? `partition by ${r.pick([...t.ints, ...t.texts])} ` : "";
    return `select ${r.pick(t.ints)}, ${call} over (${partition}order by ${t.ints.join(", ")}${frame}) as answer from ${t.name}`;
  }

  #where(t: Table, depth: number): string {
    return this.#random.chance(0.6) ? ` where ${this.#condition(t, depth)}` : "";
  }

  #condition(t: Table, depth: number): string {
    const r = this.#random;
    const column = r.pick(t.ints);
    if (depth > 0 && r.chance(0.25)) {
      return r.pick([
        `${column} in (${this.#column(depth - 1)})`,
        `exists (${this.query(depth - 1)})`,
        `${column} = any (array(${this.#column(depth - 1)}))`,
        `${column} > (select count(*) from notes) - 3`,
        `not (${this.#condition(t, depth - 1)})`,
        `(${this.#condition(t, depth - 1)}) ${r.pick(["and", "or"])} (${this.#condition(t, 0)})`,
      ]);
    }
    const text = t.texts.length > 0 ? r.pick(t.texts) : "'york'";
    return r.pick([
      `${column} ${r.pick(["=", "<", ">", "<=", ">=", "<>"])} ${this.#int(t.ints)}`,
      `${column} between 2 and ${r.between(3, 12)}`,
      `${column} in (1, ${r.between(2, 9)}, 3)`,
      `${column} is not null`,
      `${text} like '%${r.pick(["e", "o", "1"])}%'`,
      `${text} ~ '${r.pick(["o+", "^c", "[0-9]$"])}'`,
      `${text} is distinct from 'x'`,
      `coalesce(${text}, '') <> ''`,
    ]);
  }

  #any(t: Table, depth: number): string {
    const r = this.#random;
    const kind = r.weighted({
      int: 4,
      text: 3,
      other: t.others.length > 0 ? 2 : 0.001,
      special: 2,
      subquery: depth > 0 ? 1 : 0.001,
    });
    if (kind === "int") return this.#int(t.ints);
    if (kind === "text") return this.#text(t.texts);
    if (kind === "other" && t.others.length > 0) return this.#other(r.pick(t.others));
    if (kind === "subquery") return `(select count(*) from (${this.query(0)}) s${this.#name()})`;
    return r.pick([
      `case when ${r.pick(t.ints)} > 3 then 'many' else 'few' end`,
      `coalesce(nullif(${r.pick(t.ints)}, 1), 0)`,
      `greatest(${r.pick(t.ints)}, 2)`,
      `cast(${r.pick(t.ints)} as text)`,
      `array[${r.pick(t.ints)}, 2]`,
      `row(${r.pick(t.ints)}, 'a')`,
      "current_date > date '2020-01-01'",
      "interval '1 day' * 2",
      "(date '2026-01-31' + interval '1 month')::date",
      "extract(year from timestamp '2026-02-03')",
      "jsonb_build_object('a', 1) ->> 'a'",
      "json_object('a': 1)",
      "xmlelement(name a, 'b')",
      "current_user",
      "'a' collate \"C\" < 'b'",
      "timestamptz '2026-01-01 12:00Z' at time zone 'Europe/London'",
      "overlay('abc' placing 'x' from 2)",
    ]);
  }

  #int(columns: readonly string[]): string {
    const r = this.#random;
    const x = columns.length > 0 && r.chance(0.7) ? r.pick(columns) : String(r.between(1, 12));
    return r.pick([
      x,
      x,
      `${x} + ${r.between(1, 9)}`,
      `${x} * 2`,
      `abs(${x} - 5)`,
      `${x} % 3`,
      `length(repeat('x', ${x}))`,
      `(${x} << 1)`,
      `least(${x}, 7)`,
    ]);
  }

  #text(columns: readonly string[]): string {
    const r = this.#random;
    const x = columns.length > 0 && r.chance(0.8) ? r.pick(columns) : `'word ${r.between(1, 9)}'`;
    return r.pick([
      x,
      x,
      `upper(${x})`,
      `${x} || '!'`,
      `substr(${x}, 2, 3)`,
      `md5(${x})`,
      `split_part(${x}, ' ', 1)`,
      `replace(${x}, 'o', '0')`,
      `concat_ws('-', ${x}, 'y')`,
      `left(${x}, 2)`,
      `trim(both 'c' from ${x})`,
      `regexp_replace(${x}, '[aeiou]', '', 'g')`,
      `to_tsvector('simple', ${x})::text`,
    ]);
  }

  #other(column: string): string {
    const r = this.#random;
    switch (column) {
      case "joined":
        return r.pick([
          "joined + 1",
          "to_char(joined, 'YYYY-MM')",
          "extract(month from joined)",
          "joined between '2026-01-02' and '2026-01-08'",
        ]);
      case "mood":
        return r.pick(["mood", "mood = 'glad'", "mood > 'glad'", "enum_range(mood)"]);
      case "tags":
        return r.pick([
          "tags",
          "tags[1]",
          "tags && array['t1']",
          "array_length(tags, 1)",
          "'all' = any (tags)",
          "array_to_string(tags, '+')",
        ]);
      case "attrs":
        return r.pick([
          "attrs",
          "attrs -> 'pages'",
          "attrs #>> '{cover,hard}'",
          "attrs @> '{\"pages\": 10}'",
          "jsonb_path_query_first(attrs, '$.pages')",
          "attrs ? 'cover'",
        ]);
      case "at":
        return r.pick([
          "at",
          "date_trunc('month', at)",
          "at::date",
          "at at time zone 'utc'",
          "age(at, '2026-03-01Z')",
          "date_bin('1 hour', at, '2026-01-01Z')",
        ]);
      default:
        return r.pick([column, `round(${column}, 1)`, `${column} / 2`, `${column}::text`]);
    }
  }

  #name(): string {
    return `n${this.#names++}`;
  }
}
