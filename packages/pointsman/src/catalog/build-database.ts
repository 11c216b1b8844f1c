import { isServerBoundRelation } from "../statements/server-bound-names.ts";
import { fullName, plpgsqlBody, sqlBody } from "./body-flaws.ts";
import type { CastRow, CatalogRows, FunctionRow, Ref, RelationRow } from "./catalog-rows.ts";
import { type Flaw, worse } from "./flaw.ts";
import { flawOfDeclaration, flawOfTree } from "./function-flaw.ts";
import { type FunctionRule, ruleForFunction } from "./function-rules.ts";
import { Graph } from "./graph.ts";
import { type Hideable, hiddenObjects } from "./hidden-objects.ts";
import { type KnownDatabase, reachedBySpelling } from "./known-database.ts";
import { CatalogNode } from "./node.ts";
import { NodesByName } from "./nodes-by-name.ts";

/** A function whose body is a text. */
interface Texted {
  readonly node: CatalogNode;
  readonly language: string;
  readonly body: string;
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

  constructor(rows: CatalogRows, rules: readonly FunctionRule[]) {
    this.#rows = rows;
    this.#rules = rules;
  }

  /** What is to be done, in this order. */
  *steps(): Iterable<() => void> {
    const { functions, relations, operators, casts, types, systemViews } = this.#rows;
    for (const row of functions) yield () => this.#addFunction(row);
    for (const row of relations) yield () => this.#addRelation(row);
    for (const [oid, name] of systemViews) yield () => this.#addSystemView(`r${oid}`, name);
    for (const [oid, schema, name] of operators) {
      yield () => this.#addHideable(`o${oid}`, new CatalogNode("operator", schema, name));
    }
    for (const [oid, schema, name, calls] of types) {
      const own = flawOfTree(calls, null);
      yield () => this.#addHideable(`t${oid}`, new CatalogNode("type", schema, name, own));
    }
    // What the database itself says of who leads to what.
    for (const [oid, , , , , , , , , , , , refs] of functions)
      yield () => this.#lead(`f${oid}`, refs);
    for (const [oid, , , , , , , refs] of relations) yield () => this.#lead(`r${oid}`, refs);
    for (const [oid, , , code] of operators) yield () => this.#lead(`o${oid}`, [code]);
    for (const [oid, , , , refs] of types) yield () => this.#lead(`t${oid}`, refs);
    for (const row of casts) yield () => this.#addCast(row);
    for (const one of this.#texted) yield () => this.#read(one);
  }

  #addFunction(row: FunctionRow): void {
    const [oid, schema, name, , , language, , isAttribute, , body] = row;
    const rule = ruleForFunction(this.#rules, schema, name);
    const node = new CatalogNode("function", schema, name);
    this.#functions.add(node);
    this.#byRef.set(`f${oid}`, node);
    if (isAttribute) this.#hideable.push({ node });
    if (rule !== undefined) {
      node.isSettled = true;
      node.own = flawOfRule(rule);
      return;
    }
    node.own = flawOfDeclaration(row);
    if (body !== null) this.#texted.push({ node, language, body });
  }

  #addRelation([oid, schema, name, kind, persistence, calls, mark]: RelationRow): void {
    let own = flawOfTree(calls, mark);
    if (kind === "S") own = worse(own, { kind: "server-bound", because: "is a sequence" });
    if (persistence === "u") own = worse(own, { kind: "unlogged", because: "is unlogged" });
    if (kind === "f") own = worse(own, { kind: "foreign", because: "is a foreign table" });
    const node = new CatalogNode("relation", schema, name, own);
    this.#relations.add(node);
    this.#byRef.set(`r${oid}`, node);
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

  #addCast([source, target, context, code]: CastRow): void {
    const node = new CatalogNode("cast", source, target);
    this.#hideable.push({ node, isImplicit: context === "i" });
    this.#leadFrom(node, [code]);
  }

  #lead(from: Ref, refs: readonly Ref[] | null): void {
    const node = this.#byRef.get(from);
    if (node !== undefined) this.#leadFrom(node, refs ?? []);
  }

  #leadFrom(node: CatalogNode, refs: readonly Ref[]): void {
    for (const ref of refs) {
      const to = this.#byRef.get(ref);
      if (to !== undefined) this.#graph.lead(node, to);
    }
  }

  /** Reads the body of a function. */
  #read({ node, language, body }: Texted): void {
    const { flaw, functions, relations } = language === "sql" ? sqlBody(body) : plpgsqlBody(body);
    node.own = worse(node.own, flaw);
    for (const call of functions) {
      const found = this.#functions.find(call.schema, call.name);
      for (const to of found) this.#graph.lead(node, to);
      if (found.length > 0 || call.isBuiltin) continue;
      node.own = worse(node.own, {
        kind: "unknown",
        because: `calls ${fullName(call)}, which is not there`,
      });
    }
    for (const { schema, name } of relations) {
      for (const to of this.#relations.find(schema, name)) this.#graph.lead(node, to);
    }
  }

  finish(): KnownDatabase {
    const own = [...this.#byRef.values()].filter((node) => node.flaw !== undefined);
    this.#graph.spread(own);
    let hidden = hiddenObjects(this.#hideable);
    // A body may spell what is hidden in it, which makes others so.
    for (;;) {
      const reached = this.#texted.filter(({ node, body }) => {
        const [first] = node.flaw === undefined ? reachedBySpelling(body, hidden) : [];
        return first !== undefined && node.inherit(first);
      });
      if (reached.length === 0) break;
      this.#graph.spread(reached.map(({ node }) => node));
      hidden = hiddenObjects(this.#hideable);
    }
    const relations = new NodesByName();
    for (const node of this.#relations.all()) if (node.flaw !== undefined) relations.add(node);
    return { functions: this.#functions, relations, hidden };
  }
}

function flawOfRule({ effect }: FunctionRule): Flaw | undefined {
  return effect === "read"
    ? undefined
    : { kind: "writes", because: "is said to write by the option `functions`" };
}
