import { type Builtin, builtinFunction } from "./builtin-functions.ts";
import { isServerBoundRelation, isTemporarySchema } from "./server-bound-names.ts";
import type { Effect, FunctionCall, RelationName, SessionState } from "./types.ts";
import type { Verdict } from "./verdicts.ts";

const effectRank: Record<Effect, number> = { read: 0, transaction: 1, session: 2, write: 3 };

/** The more demanding of two effects. */
export function moreDemanding(a: Effect, b: Effect): Effect {
  return effectRank[a] >= effectRank[b] ? a : b;
}

/** What is found in one statement while it is walked through. */
export class Findings {
  readonly #reads = new Map<string, RelationName>();
  readonly #writes = new Map<string, RelationName>();
  readonly #functions = new Map<string, FunctionCall>();
  readonly session = new Set<SessionState>();
  /** The most demanding effect of the functions that it calls. */
  functionEffect: Effect = "read";
  writingCte = false;
  selectInto = false;
  rowLock = false;
  writingFunction = false;
  temporaryRelation = false;
  serverBound = false;
  unknownFunction = false;
  /** It calls a function that acts outside the database. */
  outside = false;
  meaninglessOnReader: string | undefined;

  get reads(): RelationName[] {
    return [...this.#reads.values()];
  }

  get writes(): RelationName[] {
    return [...this.#writes.values()];
  }

  get functions(): FunctionCall[] {
    return [...this.#functions.values()];
  }

  read(schema: string | undefined, name: string): void {
    if (isTemporarySchema(schema)) this.temporaryRelation = true;
    if (isServerBoundRelation(schema, name)) this.serverBound = true;
    add(this.#reads, schema, name);
  }

  write(schema: string | undefined, name: string): void {
    add(this.#writes, schema, name);
  }

  call(schema: string | undefined, name: string): void {
    const builtin = builtinFunction(schema, name);
    if (builtin === undefined) this.callUnknown(schema, name);
    else this.callBuiltin(schema, name, builtin);
  }

  callUnknown(schema: string | undefined, name: string): void {
    this.unknownFunction = true;
    this.functionEffect = "write";
    const call = { name, knowledge: "unknown" } as const;
    this.#functions.set(key(schema, name), schema === undefined ? call : { schema, ...call });
  }

  callBuiltin(schema: string | undefined, name: string, builtin: Builtin): void {
    const { knowledge } = builtin;
    if (knowledge !== "harmless") {
      if (knowledge === "writes") this.writingFunction = true;
      else this.serverBound = true;
      this.functionEffect = moreDemanding(this.functionEffect, builtin.effect);
      if (builtin.session !== undefined) this.session.add(builtin.session);
      if (builtin.outside === true) this.outside = true;
      if (builtin.meaningless === true) this.meaninglessOnReader ??= name;
    }
    const at = key(schema, name);
    // One call of a function can be harmless and another not: current_setting.
    if (knowledge === "harmless" && this.#functions.has(at)) return;
    this.#functions.set(
      at,
      schema === undefined ? { name, knowledge } : { schema, name, knowledge },
    );
  }

  /** What is planned is looked at, but not written: EXPLAIN without ANALYZE. */
  onlyPlanned(): void {
    for (const [at, relation] of this.#writes) this.#reads.set(at, relation);
    this.#writes.clear();
    this.writingCte = false;
    this.selectInto = false;
    this.rowLock = false;
  }

  /**
   * Judges a query by what is in it. An unknown function comes last: who learns more about the
   * function than the text tells need then look for no other reason.
   */
  judgeQuery(): { effect: Effect; verdict: Verdict } {
    if (this.writingCte) return { effect: "write", verdict: "writing-cte" };
    if (this.selectInto) return { effect: "write", verdict: "select-into" };
    if (this.rowLock) return { effect: "write", verdict: "row-lock" };
    return { effect: this.functionEffect, verdict: this.#judgeNames() };
  }

  #judgeNames(): Verdict {
    if (this.writingFunction) return "writing-function";
    if (this.temporaryRelation) return "session-state";
    if (this.serverBound) return "server-bound";
    return this.unknownFunction ? "unknown-function" : "plain-read";
  }
}

function add(to: Map<string, RelationName>, schema: string | undefined, name: string): void {
  const at = key(schema, name);
  if (!to.has(at)) to.set(at, schema === undefined ? { name } : { schema, name });
}

function key(schema: string | undefined, name: string): string {
  return schema === undefined ? name : `${schema}\0${name}`;
}
