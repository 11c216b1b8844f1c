import { isServerBoundRelation } from "../statements/server-bound-names.ts";
import { fullName, plpgsqlBody, sqlBody } from "./body-flaws.ts";
import type { CatalogRows, FunctionRow, Ref, RelationRow } from "./catalog-rows.ts";
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
 * Works out what each object of a database leads to. Most of that is parsing the bodies of
 * functions, one at a time.
 *
 * @param rules - what the user says of functions
 * @param pause - called between two bodies, so that others have their turn
 */
export async function buildDatabase(
  rows: CatalogRows,
  rules: readonly FunctionRule[],
  pause: () => Promise<void> | undefined,
): Promise<KnownDatabase> {
  const build = new Build(rows, rules);
  for (const one of build.texted) {
    build.read(one);
    await pause();
  }
  return build.finish();
}

class Build {
  readonly texted: Texted[] = [];
  readonly #graph = new Graph();
  readonly #functions = new NodesByName();
  readonly #relations = new NodesByName();
  readonly #byRef = new Map<Ref, CatalogNode>();
  readonly #hideable: Hideable[] = [];

  constructor(rows: CatalogRows, rules: readonly FunctionRule[]) {
    for (const row of rows.functions) this.#addFunction(row, rules);
    for (const row of rows.relations) this.#addRelation(row);
    for (const [oid, name] of rows.systemViews) this.#addSystemView(`r${oid}`, name);
    for (const [oid, schema, name] of rows.operators) {
      this.#addHideable(`o${oid}`, new CatalogNode("operator", schema, name));
    }
    for (const [oid, schema, name, calls] of rows.types) {
      this.#addHideable(`t${oid}`, new CatalogNode("type", schema, name, flawOfTree(calls, null)));
    }
    this.#connect(rows);
  }

  #addFunction(row: FunctionRow, rules: readonly FunctionRule[]): void {
    const [oid, schema, name, , , language, , isAttribute, , body] = row;
    const rule = ruleForFunction(rules, schema, name);
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
    if (body !== null) this.texted.push({ node, language, body });
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

  /** What the database itself says of who leads to what. */
  #connect({ functions, relations, operators, casts, types }: CatalogRows): void {
    for (const row of functions) this.#lead(this.#byRef.get(`f${row[0]}`), row[12]);
    for (const row of relations) this.#lead(this.#byRef.get(`r${row[0]}`), row[7]);
    for (const [oid, , , code] of operators) this.#lead(this.#byRef.get(`o${oid}`), [code]);
    for (const [oid, , , , refs] of types) this.#lead(this.#byRef.get(`t${oid}`), refs);
    for (const [source, target, context, code] of casts) {
      const node = new CatalogNode("cast", source, target);
      this.#hideable.push({ node, isImplicit: context === "i" });
      this.#lead(node, [code]);
    }
  }

  #lead(from: CatalogNode | undefined, refs: readonly Ref[] | null): void {
    for (const ref of refs ?? []) {
      const to = this.#byRef.get(ref);
      if (from !== undefined && to !== undefined) this.#graph.lead(from, to);
    }
  }

  /** Reads the body of a function. */
  read({ node, language, body }: Texted): void {
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
      const reached = this.texted.filter(({ node, body }) => {
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
