import { isServerBoundRelation } from "../statements/server-bound-names.ts";
import { fullName, plpgsqlBody, sqlBody } from "./body-flaws.ts";
import type {
  CastRow,
  CatalogRows,
  FunctionRow,
  OperatorRow,
  Ref,
  RelationRow,
  ValuesRow,
} from "./catalog-rows.ts";
import { type Flaw, worse } from "./flaw.ts";
import { flawOfDeclaration, flawOfTree } from "./function-flaw.ts";
import { type FunctionRule, ruleForFunction } from "./function-rules.ts";
import { Graph } from "./graph.ts";
import { type Hideable, hiddenObjects, isBuiltinOperator } from "./hidden-objects.ts";
import { type HiddenObject, hiddenIn, type KnownDatabase } from "./known-database.ts";
import { CatalogNode } from "./node.ts";
import { NodesByName } from "./nodes-by-name.ts";
import { SearchedText } from "./searched-text.ts";
import { Values } from "./values.ts";

/** A function whose body is a text. */
interface Texted {
  readonly node: CatalogNode;
  readonly language: string;
  readonly body: string;
  /** What its text names, once it is read. */
  readonly named: CatalogNode[];
}

/**
 * Works out what each object of a database leads to, one after the other. Most of that is parsing the
 * bodies of functions.
 *
 * @param rules - what the user says of functions
 * @param pause - called between two objects, so that others have their turn
 */
export async function buildDatabase(
  rows: CatalogRows,
  rules: readonly FunctionRule[],
  pause: () => Promise<void> | undefined,
): Promise<KnownDatabase> {
  const build = new Build(rows, rules);
  for (const step of build.steps()) {
    step();
    await pause();
  }
  return build.finish();
}

class Build {
  readonly #rows: CatalogRows;
  readonly #rules: readonly FunctionRule[];
  readonly #texted: Texted[] = [];
  readonly #graph = new Graph();
  readonly #functions = new NodesByName();
  readonly #relations = new NodesByName();
  readonly #byRef = new Map<Ref, CatalogNode>();
  readonly #hideable: Hideable[] = [];
  readonly #values = new Values();
  readonly #notCalledInPlanning = new Set<CatalogNode>();

  constructor(rows: CatalogRows, rules: readonly FunctionRule[]) {
    this.#rows = rows;
    this.#rules = rules;
  }

  /** What is to be done, in this order. */
  *steps(): Iterable<() => void> {
    const { functions, relations, operators, casts, types, values, systemViews } = this.#rows;
    for (const row of functions) yield () => this.#addFunction(row);
    for (const row of relations) yield () => this.#addRelation(row);
    for (const [oid, name] of systemViews) yield () => this.#addSystemView(`r${oid}`, name);
    for (const [oid, schema, name] of operators) {
      yield () => this.#byRef.set(`o${oid}`, new CatalogNode("operator", schema, name));
    }
    for (const [oid, schema, name, calls] of types) {
      const own = flawOfTree(calls, null);
      yield () => this.#addHideable(`t${oid}`, new CatalogNode("type", schema, name, own));
    }
    for (const [oid, schema, name] of values) {
      yield () => this.#addHideable(`u${oid}`, new CatalogNode("type", schema, name));
    }
    // What the database itself says of who leads to what.
    for (const [oid, , , , , , , , , , , , refs] of functions)
      yield () => this.#lead(`f${oid}`, refs);
    for (const row of relations) yield () => this.#connectRelation(row);
    for (const row of operators) yield () => this.#connectOperator(row);
    for (const [oid, , , , refs] of types) yield () => this.#lead(`t${oid}`, refs);
    for (const row of values) yield () => this.#connectValues(row);
    for (const row of casts) yield () => this.#addCast(row);
    for (const one of this.#texted) yield () => this.#read(one);
  }

  #addFunction(row: FunctionRow): void {
    const [oid, schema, name, kind, volatility, language, , argumentCounts, , body] = row;
    const rule = ruleForFunction(this.#rules, schema, name);
    const node = new CatalogNode("function", schema, name, undefined, argumentCounts);
    this.#functions.add(node);
    this.#byRef.set(`f${oid}`, node);
    // It may be called like a column, `t.f` for `f(t)`.
    if (node.takes([1])) this.#hideable.push({ node });
    if (volatility === "v" || kind !== "f") this.#notCalledInPlanning.add(node);
    if (rule !== undefined) {
      node.isSettled = true;
      node.own = flawOfRule(rule);
      return;
    }
    node.own = flawOfDeclaration(row);
    if (body !== null) this.#texted.push({ node, language, body, named: [] });
  }

  #addRelation([oid, schema, name, kind, persistence, calls, mark, refs]: RelationRow): void {
    let own = flawOfTree(calls, mark);
    if (kind === "S") own = worse(own, { kind: "server-bound", because: "is a sequence" });
    if (persistence === "u") own = worse(own, { kind: "unlogged", because: "is unlogged" });
    if (kind === "f") own = worse(own, { kind: "foreign", because: "is a foreign table" });
    const node = new CatalogNode("relation", schema, name, own);
    this.#relations.add(node);
    this.#byRef.set(`r${oid}`, node);
    if (!refs?.some(isOfChild)) return;
    node.only = new CatalogNode("relation", schema, name, own);
    this.#byRef.set(`only ${oid}`, node.only);
  }

  #addSystemView(ref: Ref, name: string): void {
    if (!isServerBoundRelation("pg_catalog", name)) return;
    const own = { kind: "server-bound", because: "belongs to one server" } as const;
    this.#byRef.set(ref, new CatalogNode("relation", "pg_catalog", name, own));
  }

  #addHideable(ref: Ref, node: CatalogNode): void {
    this.#byRef.set(ref, node);
    this.#hideable.push({ node });
  }

  #connectRelation([oid, , , , , , , refs]: RelationRow): void {
    const { only } = this.#byRef.get(`r${oid}`) as CatalogNode;
    const own = refs?.filter((ref) => !isOfChild(ref)) ?? [];
    const children = refs?.filter(isOfChild) ?? [];
    this.#lead(`r${oid}`, [...own, ...children.map((ref) => ref.replace(/^i/, "r"))]);
    if (only !== undefined) this.#leadFrom(only, own);
  }

  #connectValues([oid, , , parts]: ValuesRow): void {
    const node = this.#byRef.get(`u${oid}`) as CatalogNode;
    for (const [field, ref] of parts ?? []) {
      const type = this.#byRef.get(ref);
      if (type === undefined) continue;
      this.#graph.lead(node, type);
      this.#values.contain(node, { field, type });
    }
  }

  /**
   * An operator that SQL uses without a name is reached by who has values of its types; one that is
   * named like one of PostgreSQL's own by who has them and spells it; any other by who spells it.
   */
  #connectOperator([oid, , name, code, operands, isImplied]: OperatorRow): void {
    const node = this.#byRef.get(`o${oid}`) as CatalogNode;
    this.#leadFrom(node, code);
    const types = this.#nodesOf(operands);
    if (isImplied) for (const type of types) this.#graph.lead(type, node);
    if (types.length === 0) this.#hideable.push({ node, isImplied });
    else if (!isBuiltinOperator(name)) this.#hideable.push({ node });
    else for (const type of types) this.#values.take(type, { node });
  }

  /**
   * A cast that nobody writes is reached by who has values of its types; one that somebody has to
   * write by who has values to cast and spells the type of the result, or by who spells that.
   */
  #addCast([source, target, context, code, of, to]: CastRow): void {
    const node = new CatalogNode("cast", source, target);
    this.#leadFrom(node, [code]);
    const isWritten = context === "e";
    const [from, result] = [this.#byRef.get(of), this.#byRef.get(to)];
    if (from === undefined && (isWritten || result === undefined)) {
      this.#hideable.push({ node, isImplied: context === "i" });
      return;
    }
    if (isWritten) this.#values.take(from as CatalogNode, { node });
    else for (const type of this.#nodesOf([of, to])) this.#graph.lead(type, node);
  }

  #nodesOf(refs: readonly Ref[]): CatalogNode[] {
    return refs.flatMap((ref) => this.#byRef.get(ref) ?? []);
  }

  #lead(from: Ref, refs: readonly Ref[] | null): void {
    const node = this.#byRef.get(from);
    if (node !== undefined) this.#leadFrom(node, refs ?? []);
  }

  #leadFrom(node: CatalogNode, refs: readonly Ref[]): void {
    for (const ref of refs) {
      const to = this.#byRef.get(ref);
      if (to === undefined) continue;
      this.#graph.lead(node, to);
      if (ref.startsWith("u")) this.#values.give(node, to);
    }
  }

  /** Reads the body of a function. */
  #read({ node, language, body, named }: Texted): void {
    const { flaw, functions, relations } = language === "sql" ? sqlBody(body) : plpgsqlBody(body);
    node.own = worse(node.own, flaw);
    for (const call of functions) {
      const found = this.#functions.called(call);
      named.push(...found);
      if (found.length > 0 || call.isBuiltin) continue;
      node.own = worse(node.own, {
        kind: "unknown",
        because: `calls ${fullName(call)}, which is not there`,
      });
    }
    for (const { schema, name } of relations) named.push(...this.#relations.find(schema, name));
    for (const to of new Set(named)) this.#graph.lead(node, to);
  }

  finish(): KnownDatabase {
    const all = [...this.#byRef.values()];
    this.#graph.spread(all.filter((node) => node.flaw !== undefined));
    const texts = this.#texted.map((one) => ({ ...one, text: new SearchedText(one.body) }));
    let known = this.#hidden();
    // A body may lead to what is hidden, which makes others do so.
    for (;;) {
      const reached = texts.filter(({ node, text, named }) => {
        const [first] = node.flaw === undefined ? hiddenIn(text, [node, ...named], known) : [];
        if (first === undefined || !node.inherit(first)) return false;
        this.#graph.lead(node, first);
        return true;
      });
      if (reached.length === 0) break;
      this.#graph.spread(reached.map(({ node }) => node));
      known = this.#hidden();
    }
    for (const node of this.#graph.leadingTo(all.filter((one) => this.#isCalledInPlanning(one)))) {
      node.countsWhenPlanned = true;
    }
    const relations = new NodesByName();
    for (const node of this.#relations.all()) {
      if (node.flaw !== undefined || known.behind.has(node)) relations.add(node);
    }
    return { functions: this.#functions, relations, ...known };
  }

  #hidden(): { hidden: HiddenObject[]; behind: Map<CatalogNode, HiddenObject[]> } {
    const behind = this.#values.behind();
    const hidden = hiddenObjects(this.#hideable);
    // A type that a text names may be that of some value in it.
    for (const [type, objects] of behind) {
      if (type.kind !== "type") continue;
      for (const { node, isReachedBy } of objects) {
        hidden.push({ node, isReachedBy: (text) => text.hasName(type.name) && isReachedBy(text) });
      }
    }
    return { hidden, behind };
  }

  /** Planning opens tables, and calls functions that are not VOLATILE. */
  #isCalledInPlanning(node: CatalogNode): boolean {
    if (node.flaw === undefined) return false;
    return node.kind === "function"
      ? !this.#notCalledInPlanning.has(node)
      : node.own !== undefined && isOfTable(node.own);
  }
}

function isOfTable({ kind }: Flaw): boolean {
  return kind === "unlogged" || kind === "foreign";
}

/** Of a table that inherits from the one that leads to it. */
function isOfChild(ref: Ref): boolean {
  return ref.startsWith("i");
}

function flawOfRule({ effect }: FunctionRule): Flaw | undefined {
  return effect === "read"
    ? undefined
    : { kind: "writes", because: "is said to write by the option `functions`" };
}
