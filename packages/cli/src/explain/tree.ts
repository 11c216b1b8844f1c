import type { Explanation, FunctionCall, RelationName } from "pointsman";
import { type Answer, colours, routeOf } from "../routes/route.ts";
import { oneLine, paint, shortened } from "../terminal.ts";
import { wrap } from "../wrap.ts";

/** What is known of a function, for people. */
const knowledge = {
  harmless: { colour: "green", text: "PostgreSQL's own, and harmless" },
  reads: { colour: "green", text: "only reads" },
  writes: { colour: "red", text: "changes the database" },
  "server-bound": { colour: "red", text: "belongs to one server or connection" },
  unknown: { colour: "red", text: "not known: may do anything" },
} as const satisfies Record<FunctionCall["knowledge"], { colour: string; text: string }>;

/** Rows that are longer cannot be read well. */
const widest = 120;
const titleWidth = 10;
/** Where what is told begins. */
const indent = 3 + titleWidth + 2;

/** One branch: a title and what is told under it, a row of text each. */
interface Branch {
  readonly title: string;
  readonly rows: readonly string[];
}

/** Draws where a text goes, and all that leads there, as a small tree. */
export class Tree {
  readonly #width: number;
  readonly #coloured: boolean;

  /** @param columns - of the terminal */
  constructor(columns: number, coloured: boolean) {
    this.#width = Math.min(Math.max(columns, 60), widest);
    this.#coloured = coloured;
  }

  draw(text: string, answer: Answer): string {
    const { place, reason, because } = routeOf(answer);
    const branches = "refused" in answer ? [] : this.#branches(answer);
    const shadow = "refused" in answer || answer.shadow === undefined ? [] : [shadowNote];
    const last: Branch = {
      title: this.#paint(colours[place], place.padEnd(titleWidth)),
      rows: [this.#paint("bold", reason), ...this.#wrapped(because), ...shadow],
    };
    const rows = [
      this.#paint("bold", shortened(oneLine(text), this.#width)),
      ...branches.flatMap((branch) => this.#drawn(branch, "├─", "│ ")),
      ...this.#drawn(last, "└─", "  "),
    ];
    return `${rows.join("\n")}\n`;
  }

  #branches({ commands, effect, functions, tables, rule, causes }: Explanation): Branch[] {
    return [
      this.#branch(
        commands.length > 1 ? "statements" : "statement",
        this.#wrapped(listed(commands)),
      ),
      this.#branch("effect", [effect]),
      this.#branch("functions", this.#functions(functions)),
      this.#branch("reads", this.#wrapped(listed(tables.reads.map(nameOf)))),
      this.#branch("writes", this.#wrapped(listed(tables.writes.map(nameOf)))),
      this.#branch("rule", rule === undefined ? [] : this.#wrapped(`tables: ${oneLine(rule)}`)),
      this.#branch("database", this.#causes(causes)),
    ].filter(({ rows }) => rows.length > 0);
  }

  #branch(title: string, rows: readonly string[]): Branch {
    return { title: title.padEnd(titleWidth), rows };
  }

  #functions(functions: Explanation["functions"]): string[] {
    const names = functions.map(nameOf);
    const width = Math.max(0, ...names.map((name) => name.length));
    return functions.flatMap((call, at) => {
      const { colour, text } = knowledge[call.knowledge];
      const name = names[at] as string;
      const [first = "", ...rest] = wrap(`${name.padEnd(width)}`, this.#room);
      return first.length + 2 + text.length > this.#room || rest.length > 0
        ? [first, ...rest, `  ${this.#paint(colour, text)}`]
        : [`${first}  ${this.#paint(colour, text)}`];
    });
  }

  /** What the database tells, that which decides first. */
  #causes(causes: Explanation["causes"]): string[] {
    const sorted = [...causes].sort((a, b) => Number(b.decides) - Number(a.decides));
    return sorted.flatMap(({ kind, name, because, decides }) => {
      const sentence = oneLine(`${kind === "cast" ? "" : `${kind} `}${name} ${because}`);
      const mark = decides ? this.#paint("red", "✗") : this.#paint("green", "✓");
      return wrap(sentence, this.#room - 2).map((row, at) => `${at === 0 ? mark : " "} ${row}`);
    });
  }

  #drawn({ title, rows }: Branch, begin: string, below: string): string[] {
    const [first = "", ...rest] = rows;
    const margin = " ".repeat(indent - below.length);
    return [
      `${this.#paint("dim", begin)} ${title}  ${first}`.trimEnd(),
      ...rest.map((row) => `${this.#paint("dim", below)}${margin}${row}`.trimEnd()),
    ];
  }

  #wrapped(text: string): string[] {
    return text === "" ? [] : wrap(text, this.#room);
  }

  get #room(): number {
    return this.#width - indent;
  }

  #paint(format: Parameters<typeof paint>[1], text: string): string {
    return paint(this.#coloured, format, text);
  }
}

const shadowNote = "(shadow: for now it runs on the writer)";

function nameOf({ schema, name }: RelationName): string {
  return oneLine(schema === undefined ? name : `${schema}.${name}`);
}

function listed(names: readonly string[]): string {
  return names.join(", ");
}
