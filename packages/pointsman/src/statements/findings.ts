import { type Builtin, builtinFunction, isVolatileBuiltin } from "./builtin-functions.ts";
import { isServerBoundRelation, isTemporarySchema } from "./server-bound-names.ts";
import type {
  CountedCall,
  Effect,
  FunctionKnowledge,
  ReadRelation,
  RelationName,
  SessionState,
} from "./types.ts";
import type { Verdict } from "./verdicts.ts";

const effectRank: Record<Effect, number> = { read: 0, transaction: 1, session: 2, write: 3 };

/** The more demanding of two effects. */
export function moreDemanding(a: Effect, b: Effect): Effect {
  return effectRank[a] >= effectRank[b] ? a : b;
}

/** What is found in one statement while it is walked through. */
export class Findings {
  readonly #reads = new Map<string, ReadRelation>();
  readonly #writes = new Map<string, RelationName>();
  readonly #functions = new Map<string, CountedCall>();
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

  get reads(): ReadRelation[] {
    return [...this.#reads.values()];
  }

  get writes(): RelationName[] {
    return [...this.#writes.values()];
  }

  get functions(): CountedCall[] {
    return [...this.#functions.values()];
  }

  read(schema: string | undefined, name: string, only = false): void {
    if (isTemporarySchema(schema)) this.temporaryRelation = true;
    if (isServerBoundRelation(schema, name)) this.serverBound = true;
    add(this.#reads, schema, name, only);
  }

  write(schema: string | undefined, name: string): void {
    add(this.#writes, schema, name);
  }

  /** @param count - of its arguments; absent: nobody can tell */
  call(schema: string | undefined, name: string, count?: number): void {
    const builtin = builtinFunction(schema, name);
    if (builtin === undefined) this.callUnknown(schema, name, count);
    else this.callBuiltin(schema, name, builtin, count);
  }

  callUnknown(schema: string | undefined, name: string, count?: number): void {
    this.unknownFunction = true;
    this.functionEffect = "write";
    this.#note(schema, name, "unknown", count);
  }

  callBuiltin(schema: string | undefined, name: string, builtin: Builtin, count?: number): void {
    const { knowledge } = builtin;
    if (knowledge !== "harmless") {
      if (knowledge === "writes") this.writingFunction = true;
      else this.serverBound = true;
      this.functionEffect = moreDemanding(this.functionEffect, builtin.effect);
      if (builtin.session !== undefined) this.session.add(builtin.session);
      if (builtin.outside === true) this.outside = true;
      if (builtin.meaningless === true) this.meaninglessOnReader ??= name;
    }
    this.#note(schema, name, knowledge, count);
  }

  #note(
    schema: string | undefined,
    name: string,
    knowledge: FunctionKnowledge,
    count: number | undefined,
  ): void {
    const at = key(schema, name);
    const known = this.#functions.get(at);
    const counts = known === undefined ? [] : known.argumentCounts;
    const argumentCounts =
      count === undefined || counts === undefined ? undefined : [...new Set([...counts, count])];
    this.#functions.set(at, {
      ...(schema === undefined ? {} : { schema }),
      name,
      // One call of a function can be harmless and another not: current_setting.
      knowledge: knowledge === "harmless" && known !== undefined ? known.knowledge : knowledge,
      ...(argumentCounts === undefined ? {} : { argumentCounts }),
    });
  }

  /**
   * What is planned is neither read nor written: EXPLAIN without ANALYZE. Of functions those are
   * called that are not VOLATILE, to fold constants and to estimate.
   */
  onlyPlanned(): void {
    for (const [at, relation] of this.#writes) this.#reads.set(at, relation);
    this.#writes.clear();
    this.writingCte = false;
    this.selectInto = false;
    this.rowLock = false;
    const called = this.functions.filter(
      ({ name, knowledge }) => knowledge === "unknown" || !isVolatileBuiltin(name),
    );
    this.writingFunction = called.some(({ knowledge }) => knowledge === "writes");
    this.serverBound = called.some(({ knowledge }) => knowledge === "server-bound");
    this.functionEffect = called
      .map(({ schema, name }) => builtinFunction(schema, name)?.effect ?? "write")
      .reduce(moreDemanding, "read");
    this.session.clear();
    this.outside = false;
    this.meaninglessOnReader = undefined;
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

function add(
  to: Map<string, ReadRelation>,
  schema: string | undefined,
  name: string,
  only = false,
): void {
  const at = `${key(schema, name)}${only ? "\0only" : ""}`;
  if (to.has(at)) return;
  to.set(at, { ...(schema === undefined ? {} : { schema }), name, ...(only ? { only } : {}) });
}

function key(schema: string | undefined, name: string): string {
  return schema === undefined ? name : `${schema}\0${name}`;
}
