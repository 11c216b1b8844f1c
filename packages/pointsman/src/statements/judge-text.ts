import { withContained } from "./contained.ts";
import { moreDemanding } from "./findings.ts";
import { hintOf } from "./hint.ts";
import { fieldsOf, type Node, typeOf } from "./parse-tree.ts";
import { parse } from "./parser.ts";
import { QueryWalk } from "./query-walk.ts";
import { statementTable } from "./statement-table.ts";
import type {
  Classification,
  CountedCall,
  FunctionCall,
  RelationName,
  SessionState,
  Statement,
} from "./types.ts";
import type { Verdict } from "./verdicts.ts";

const none: readonly never[] = Object.freeze([]);

/** A text of which nothing is known: it may do anything. */
export const tooLong: Classification = opaque("too-long");
const unparsable: Classification = opaque("unparsable");

const empty: Classification = Object.freeze({
  ...unparsable,
  effect: "read",
  verdict: "empty",
  reader: true,
  repeatable: true,
});

/** Judges a text by parsing it. */
export function judgeText(sql: string): Classification {
  const judged = judgeTree(sql);
  const hint = hintOf(sql);
  return hint === undefined ? judged : Object.freeze({ ...judged, hint });
}

function judgeTree(sql: string): Classification {
  const tree = parse(sql);
  if (tree === "unparsable") return unparsable;
  if (tree === "too-long") return tooLong;
  const nodes = (tree.stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
  if (nodes.length === 0) return empty;
  try {
    return together(withContained(sql, nodes, nodes.map(judgeStatement), judgeTree));
  } catch (error) {
    // Nested more deeply than the stack allows to walk.
    if (error instanceof RangeError) return unparsable;
    throw error;
  }
}

function judgeStatement(node: Node): Statement {
  const type = typeOf(node);
  const judge = statementTable[type];
  if (typeof judge !== "function") {
    throw new Error(`The SQL parser gave a statement of an unknown type, ${type}.`);
  }
  const walk = new QueryWalk();
  const { findings } = walk;
  const {
    command,
    effect,
    verdict,
    transaction,
    once = false,
    onlyPlanned = false,
    session,
  } = judge(fieldsOf(node), walk);
  const lookedAt = effect === "read" || effect === "write";
  return Object.freeze({
    node: type,
    command,
    effect,
    verdict,
    reader: runsOnReader(verdict),
    reads: frozen(findings.reads),
    writes: frozen(findings.writes),
    functions: frozen(findings.functions),
    ...(transaction === undefined ? {} : { transaction: Object.freeze(transaction) }),
    session: frozen([...new Set([...(session ?? none), ...findings.session])]),
    ...(onlyPlanned ? { onlyPlanned } : {}),
    repeatable: lookedAt && !once && !findings.outside && !findings.unknownFunction,
    ...(findings.meaninglessOnReader === undefined
      ? {}
      : { meaninglessOnReader: findings.meaninglessOnReader }),
  });
}

/** Judges a text by its statements, of which there is one at least. */
export function together(statements: readonly Statement[]): Classification {
  return Object.freeze(statements.length === 1 ? alone(statements) : sum(statements));
}

function alone(statements: readonly Statement[]): Classification {
  const {
    node: _node,
    command: _command,
    contained: _contained,
    ...judged
  } = statements[0] as Statement;
  return { ...judged, statements: frozen(statements) };
}

/** Several statements are one piece, judged by the most demanding of them. */
function sum(statements: readonly Statement[]): Classification {
  // A transaction that opens in a text goes on behind it, so the text is more than a read.
  const reader = statements.every(({ verdict }) => verdict === "plain-read");
  const hardest = reader ? statements[0] : statements.reduce(harder);
  const { effect, verdict } = hardest as Statement;
  const meaningless = statements.find((statement) => statement.meaninglessOnReader !== undefined);
  return {
    effect: statements.reduce((most, statement) => moreDemanding(most, statement.effect), effect),
    verdict: verdict === "read-only-transaction" ? "transaction-start" : verdict,
    reader,
    statements: frozen(statements),
    reads: union(statements, "reads"),
    writes: union(statements, "writes"),
    functions: union(
      statements.map(({ functions }) => ({ functions: withoutCounts(functions) })),
      "functions",
    ),
    session: frozen([...new Set(statements.flatMap<SessionState>(leftBy))]),
    repeatable: false,
    ...(meaningless?.meaninglessOnReader === undefined
      ? {}
      : { meaninglessOnReader: meaningless.meaninglessOnReader }),
  };
}

/** What it leaves once its text is done. */
function leftBy({ session, contained }: Statement): readonly SessionState[] {
  return contained === true ? none : session;
}

/** The calls, whatever they are given. */
export function withoutCounts(functions: readonly CountedCall[]): FunctionCall[] {
  return functions.map(({ argumentCounts: _counts, ...call }) => call);
}

function harder(a: Statement, b: Statement): Statement {
  if (a.effect !== b.effect) return moreDemanding(a.effect, b.effect) === a.effect ? a : b;
  return a.reader && !b.reader ? b : a;
}

function union<K extends "reads" | "writes" | "functions">(
  statements: readonly Pick<Statement, K>[],
  of: K,
): Statement[K] {
  const found = new Map<string, RelationName | FunctionCall>();
  for (const statement of statements) {
    for (const one of statement[of]) {
      const key = JSON.stringify(one);
      if (!found.has(key)) found.set(key, one);
    }
  }
  return frozen([...found.values()]) as Statement[K];
}

function runsOnReader(verdict: Verdict): boolean {
  return verdict === "plain-read" || verdict === "read-only-transaction";
}

function opaque(verdict: Verdict): Classification {
  return Object.freeze({
    effect: "write",
    verdict,
    reader: false,
    statements: none,
    reads: none,
    writes: none,
    functions: none,
    session: none,
    repeatable: false,
  });
}

function frozen<T>(list: readonly T[]): readonly T[] {
  if (list.length === 0) return none;
  for (const element of list) Object.freeze(element);
  return Object.freeze(list);
}
