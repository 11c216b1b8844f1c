import { parsePlpgsql } from "./parser.ts";

/** What a function in PL/pgSQL runs, as far as its definition tells. */
export interface PlpgsqlBody {
  /** The statements and expressions in it, as statements of SQL. */
  readonly statements: readonly string[];
  /** Names that types are taken from, as in `orders.total%TYPE`: of relations, columns or variables. */
  readonly typesOf: readonly string[];
  /** What it does that is not in `statements`; absent: nothing. */
  readonly problem?: PlpgsqlProblem;
}

/**
 * - `dynamic`: it runs text that it makes itself.
 * - `commits`: it ends a transaction, or calls a procedure, which may.
 * - `unparsable`: nobody can tell.
 */
export type PlpgsqlProblem = "dynamic" | "commits" | "unparsable";

type Tree = Readonly<Record<string, unknown>>;

const unparsable: PlpgsqlBody = { statements: [], typesOf: [], problem: "unparsable" };

/** Kinds of statement that are more than what their expressions tell. */
const problems: Readonly<Record<string, PlpgsqlProblem>> = {
  PLpgSQL_stmt_dynexecute: "dynamic",
  PLpgSQL_stmt_dynfors: "dynamic",
  // RETURN QUERY EXECUTE and OPEN … FOR EXECUTE
  dynquery: "dynamic",
  PLpgSQL_stmt_call: "commits",
  PLpgSQL_stmt_commit: "commits",
  PLpgSQL_stmt_rollback: "commits",
};

/** How PostgreSQL's parser reads a piece of a body: its RawParseMode. */
const modes = { expression: 2, firstAssignment: 3 } as const;

/**
 * Takes the definition of a function in PL/pgSQL apart.
 *
 * @param definition - a whole CREATE FUNCTION, as `pg_get_functiondef` gives it
 */
export function takeApart(definition: string): PlpgsqlBody {
  const tree = parsePlpgsql(definition);
  if (typeof tree === "string") return unparsable;
  const statements: string[] = [];
  let isFunction = false;
  let problem: PlpgsqlProblem | undefined;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const element of value) visit(element);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      isFunction ||= key === "PLpgSQL_function";
      problem ??= problems[key];
      if (key === "PLpgSQL_expr") statements.push(...asStatements(child as Tree));
      else visit(child);
    }
  };
  visit(tree);
  if (!isFunction) return unparsable;
  const typesOf = namesBefore(definition);
  return problem === undefined ? { statements, typesOf } : { statements, typesOf, problem };
}

/** Each name of `a.b.c%TYPE` and `a.b%ROWTYPE`; what looks like that in a string counts as well. */
function namesBefore(definition: string): string[] {
  const names = definition.matchAll(/((?:"[^"]+"|[\w$.])+)\s*%\s*(?:row)?type\b/gi);
  return [...names].flatMap(([, name = ""]) =>
    [...name.matchAll(/"([^"]+)"|([^".]+)/g)].map(
      ([, quoted, plain = ""]) => quoted ?? plain.toLowerCase(),
    ),
  );
}

function asStatements({ query, parseMode = 0 }: Tree): string[] {
  if (typeof query !== "string") return [];
  const mode = parseMode as number;
  if (mode < modes.expression) return [query];
  if (mode < modes.firstAssignment) return [`select ${query}`];
  const [target, value] = atAssignment(query);
  // What stands in the brackets of a target is run, too.
  return [`select ${value}`, ...(target.includes("[") ? [`select ${target}`] : [])];
}

/** Cuts `a[f(1)] := x` at the sign that assigns, which is the first outside of brackets and quotes. */
function atAssignment(text: string): [target: string, value: string] {
  let depth = 0;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "[" || character === "(") depth += 1;
    else if (character === "]" || character === ")") depth -= 1;
    else if (character === "=" && depth === 0) {
      return [text.slice(0, text[at - 1] === ":" ? at - 1 : at), text.slice(at + 1)];
    }
  }
  return ["", text];
}
