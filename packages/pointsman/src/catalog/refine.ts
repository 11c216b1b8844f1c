import { together } from "../statements/judge-text.ts";
import type {
  Classification,
  CountedCall,
  Effect,
  FunctionKnowledge,
  Statement,
} from "../statements/types.ts";
import type { Verdict } from "../statements/verdicts.ts";
import { type FlawKind, flawKinds } from "./flaw.ts";
import { type FunctionRule, ruleForFunction } from "./function-rules.ts";
import { hiddenIn, type KnownDatabase } from "./known-database.ts";
import type { CatalogNode } from "./node.ts";
import { SearchedText } from "./searched-text.ts";

/** What is known besides a text. */
export interface Knowledge {
  /** `undefined`: the database has not been asked yet. */
  readonly database: KnownDatabase | undefined;
  /** What is known of functions may be out of date: none counts as known to read. */
  readonly isDoubtful: boolean;
  readonly rules: readonly FunctionRule[];
}

/** A text whose functions are what its verdict hangs on, as far as the text tells. */
const isOpen = ({ verdict }: Statement): boolean =>
  verdict === "plain-read" || verdict === "unknown-function";

/**
 * Judges a text by what is known of its database, besides what the text itself tells.
 *
 * @returns what was given, where nothing is known that changes it
 */
export function refine(text: string, facts: Classification, known: Knowledge): Classification {
  const { statements, hint } = facts;
  if (!statements.some(isOpen)) return facts;
  const searched = new SearchedText(text);
  let changed = false;
  const refined = statements.map((statement) => {
    const better = isOpen(statement) ? refineStatement(statement, searched, known) : statement;
    if (better !== statement) changed = true;
    return better;
  });
  if (!changed) return facts;
  const judged = together(refined);
  return hint === undefined ? judged : Object.freeze({ ...judged, hint });
}

function refineStatement(statement: Statement, text: SearchedText, known: Knowledge): Statement {
  const { database } = known;
  const { onlyPlanned = false } = statement;
  const calls = statement.functions.map((call) => knownCall(call, known, onlyPlanned));
  const relations = statement.reads.flatMap((read) => database?.relations.read(read) ?? []);
  const hidden =
    database === undefined
      ? []
      : hiddenIn(text, [...calls.flatMap(({ nodes }) => nodes), ...relations], database);
  const objects = [...relations, ...hidden].filter(
    ({ countsWhenPlanned }) => countsWhenPlanned || !onlyPlanned,
  );
  const ofFunctions = worst(calls.map(({ flaw }) => flaw));
  const ofObjects = worst(objects.map(({ flaw }) => flaw));
  const isOfFunction = rank(ofFunctions) <= rank(ofObjects);
  const flaw = isOfFunction ? ofFunctions : ofObjects;
  const functions = calls.map(({ call }) => call);
  if (flaw === undefined) {
    if (statement.verdict === "plain-read") return statement;
    return Object.freeze({
      ...statement,
      functions: Object.freeze(functions),
      effect: "read",
      verdict: "plain-read",
      reader: true,
      repeatable: true,
    });
  }
  const verdict = verdictOf(flaw, isOfFunction);
  if (verdict === statement.verdict) return statement;
  const local =
    calls.find((call) => call.flaw === "local-effect")?.call.name ??
    objects.find((object) => object.flaw === "local-effect")?.label;
  return Object.freeze({
    ...statement,
    functions: Object.freeze(functions),
    effect: effects[flaw],
    verdict,
    reader: false,
    repeatable: effects[flaw] === "read" && statement.verdict === "plain-read",
    ...(local === undefined ? {} : { meaninglessOnReader: local }),
  });
}

interface KnownCall {
  /** The call, and what is known of it. */
  readonly call: CountedCall;
  /** The functions that it may mean. */
  readonly nodes: readonly CatalogNode[];
  /** The worst that it may do. */
  readonly flaw: FlawKind | undefined;
}

function knownCall(
  call: CountedCall,
  { database, isDoubtful, rules }: Knowledge,
  onlyPlanned: boolean,
): KnownCall {
  const { schema, name, knowledge } = call;
  const nodes = database?.functions.called(call) ?? [];
  if (nodes.length === 0) {
    const rule = ruleForFunction(rules, schema, name);
    if (knowledge !== "unknown") {
      // A builtin of that name does not keep a function of the application's from being meant.
      const isMeant = rule?.effect === "write" && !rule.name.table.isAnything;
      return isMeant
        ? { call: as(call, "writes"), nodes, flaw: "writes" }
        : { call, nodes, flaw: undefined };
    }
    if (rule === undefined) return { call, nodes, flaw: "unknown" };
    return rule.effect === "read"
      ? { call: as(call, "reads"), nodes, flaw: undefined }
      : { call: as(call, "writes"), nodes, flaw: "writes" };
  }
  const flaw = worst(nodes.map((node) => flawNow(node, isDoubtful)));
  if (flaw === undefined) {
    return { call: knowledge === "unknown" ? as(call, "reads") : call, nodes, flaw };
  }
  const counts = !onlyPlanned || isDoubtful || nodes.some((node) => node.countsWhenPlanned);
  return { call: as(call, knowledges[flaw]), nodes, flaw: counts ? flaw : undefined };
}

function flawNow({ flaw, isSettled }: CatalogNode, isDoubtful: boolean): FlawKind | undefined {
  return flaw ?? (isDoubtful && !isSettled ? "unknown" : undefined);
}

function as(call: CountedCall, knowledge: FunctionKnowledge): CountedCall {
  return Object.freeze({ ...call, knowledge });
}

const knowledges: Readonly<Record<FlawKind, FunctionKnowledge>> = {
  writes: "writes",
  "local-effect": "server-bound",
  "server-bound": "server-bound",
  unlogged: "server-bound",
  foreign: "server-bound",
  unknown: "unknown",
};

/** The least that a statement does which leads to a flaw. */
const effects: Readonly<Record<FlawKind, Effect>> = {
  writes: "write",
  "local-effect": "write",
  "server-bound": "read",
  unlogged: "read",
  foreign: "read",
  unknown: "write",
};

function verdictOf(flaw: FlawKind, isOfFunction: boolean): Verdict {
  switch (flaw) {
    case "writes":
      return isOfFunction ? "writing-function" : "writing-object";
    case "unknown":
      return isOfFunction ? "unknown-function" : "unknown-object";
    case "unlogged":
      return "unlogged-table";
    case "foreign":
      return "foreign-table";
    default:
      return "server-bound";
  }
}

function worst(flaws: readonly (FlawKind | undefined)[]): FlawKind | undefined {
  return flaws.reduce((one, other) => (rank(one) <= rank(other) ? one : other), undefined);
}

function rank(flaw: FlawKind | undefined): number {
  return flaw === undefined ? flawKinds.length : flawKinds.indexOf(flaw);
}
