import { builtinFunction } from "../statements/builtin-functions.ts";
import { judgeText } from "../statements/judge-text.ts";
import type { PlpgsqlProblem } from "../statements/plpgsql.ts";
import { takeApart } from "../statements/plpgsql.ts";
import { isServerBoundRelation } from "../statements/server-bound-names.ts";
import type { CountedCall, RelationName, Statement } from "../statements/types.ts";
import { type Flaw, worse } from "./flaw.ts";

/** What the body of a function does, as far as its text tells. */
export interface BodyFacts {
  readonly flaw?: Flaw | undefined;
  /** What it calls and reads; names without a schema may be of any. */
  readonly functions: readonly CalledFunction[];
  readonly relations: readonly RelationName[];
}

/** A function that is not a builtin, or a builtin's name, which a user may have overloaded. */
export interface CalledFunction extends Omit<CountedCall, "knowledge"> {
  readonly isBuiltin: boolean;
}

const problems: Readonly<Record<PlpgsqlProblem, Flaw>> = {
  dynamic: { kind: "unknown", because: "runs text that it makes itself (EXECUTE)" },
  commits: { kind: "unknown", because: "calls a procedure, or ends transactions" },
  unparsable: { kind: "unknown", because: "has a body that cannot be parsed" },
};

/** What a function in SQL does. */
export function sqlBody(body: string): BodyFacts {
  return sumOf([body], undefined);
}

/**
 * What a function in PL/pgSQL does.
 *
 * @param definition - the whole CREATE FUNCTION
 */
export function plpgsqlBody(definition: string): BodyFacts {
  const { statements, typesOf, problem } = takeApart(definition);
  const facts = sumOf(statements, problem && problems[problem]);
  return { ...facts, relations: [...facts.relations, ...typesOf.map((name) => ({ name }))] };
}

function sumOf(texts: readonly string[], known: Flaw | undefined): BodyFacts {
  let flaw = known;
  const functions: CalledFunction[] = [];
  const relations = new Map<string, RelationName>();
  for (const text of texts) {
    const facts = judgeText(text);
    if (facts.statements.length === 0 && facts.verdict !== "empty") {
      flaw = worse(flaw, problems.unparsable);
    }
    for (const statement of facts.statements) {
      flaw = worse(flaw, flawOf(statement));
      for (const { knowledge, ...call } of statement.functions) {
        const isBuiltin = knowledge !== "unknown";
        if (!isBuiltin || call.schema === undefined) functions.push({ ...call, isBuiltin });
      }
      for (const read of statement.reads) relations.set(key(read.schema, read.name), read);
    }
  }
  return { flaw, functions, relations: [...relations.values()] };
}

/** What a statement does by itself: what its functions and relations do is looked at apart. */
function flawOf({ command, verdict, functions, reads, writes }: Statement): Flaw | undefined {
  switch (verdict) {
    case "plain-read":
    case "unknown-function":
      return undefined;
    case "writing-function":
    case "server-bound": {
      const call =
        functions.find(({ knowledge }) => knowledge === "writes") ??
        functions.find(({ knowledge }) => knowledge === "server-bound");
      if (call !== undefined) return flawOfBuiltin(call.name);
      const read = reads.find(({ schema, name }) => isServerBoundRelation(schema, name));
      return {
        kind: "server-bound",
        because: `reads ${read?.name ?? "what belongs to one server"}`,
      };
    }
    case "session-state":
      return { kind: "local-effect", because: `uses the state of its connection (${command})` };
    case "procedure":
      return problems.commits;
    case "row-lock":
      return { kind: "writes", because: "locks rows (FOR UPDATE, FOR SHARE)" };
    default: {
      const [table] = writes;
      return {
        kind: "writes",
        because: `runs ${command}${table === undefined ? "" : ` on ${fullName(table)}`}`,
      };
    }
  }
}

/** What a builtin does that is not harmless. */
export function flawOfBuiltin(name: string): Flaw {
  const because = `calls ${name}`;
  const builtin = builtinFunction("pg_catalog", name);
  if (builtin === undefined) return { kind: "unknown", because };
  if (builtin.knowledge === "writes") return { kind: "writes", because };
  return { kind: builtin.effect === "read" ? "server-bound" : "local-effect", because };
}

/** A name with its schema, where it has one. */
export function fullName({ schema, name }: RelationName): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

function key(schema: string | undefined, name: string): string {
  return JSON.stringify([schema, name]);
}
