/**
 * The part of PostgreSQL's parse tree that this room reads, as the parser writes it to JSON: a node
 * is an object whose only key is its type; a field that has its type's zero value is left out.
 */

/** Any node: `{ SelectStmt: { … } }`. */
export interface Node {
  readonly [type: string]: unknown;
}

export interface RangeVar {
  readonly schemaname?: string;
  readonly relname?: string;
  /** `p` permanent, `u` unlogged, `t` temporary. */
  readonly relpersistence?: string;
  /** Tables that inherit from it, its partitions among them, are meant as well. */
  readonly inh?: boolean;
}

export interface Constant {
  readonly ival?: { readonly ival?: number };
  readonly fval?: { readonly fval?: string };
  readonly boolval?: { readonly boolval?: boolean };
  readonly sval?: { readonly sval?: string };
  readonly isnull?: boolean;
}

/** `name = value` in a list of options. */
export interface DefElem {
  readonly defname?: string;
  readonly arg?: Node;
}

/** The fields of statements that are looked at; which of them are there depends on the type. */
export interface Fields {
  readonly kind?: string;
  readonly name?: string;
  readonly args?: readonly Node[];
  readonly options?: readonly Node[] | number;
  readonly chain?: boolean;
  readonly is_local?: boolean;
  readonly query?: Node;
  readonly relation?: RangeVar;
  readonly relations?: readonly Node[];
  readonly rels?: readonly Node[];
  readonly view?: RangeVar;
  readonly sequence?: RangeVar;
  readonly table?: RangeVar;
  readonly typevar?: RangeVar;
  readonly base?: { readonly relation?: RangeVar };
  readonly into?: { readonly rel?: RangeVar };
  readonly intoClause?: { readonly rel?: RangeVar };
  readonly sourceRelation?: Node;
  readonly object?: Node;
  readonly objects?: readonly Node[];
  readonly objtype?: string;
  readonly objectType?: string;
  readonly removeType?: string;
  readonly renameType?: string;
  readonly concurrent?: boolean;
  readonly cmds?: readonly Node[];
  readonly target?: string;
  readonly is_from?: boolean;
  readonly is_program?: boolean;
  readonly is_vacuumcmd?: boolean;
  readonly is_grant?: boolean;
  readonly ismove?: boolean;
  readonly isall?: boolean;
  readonly filename?: string;
  readonly funcname?: readonly Node[];
  readonly defnames?: readonly Node[];
  readonly typeName?: readonly Node[];
  readonly domainname?: readonly Node[];
  readonly is_procedure?: boolean;
  readonly valuesLists?: readonly Node[];
  readonly withClause?: WithClause;
  readonly lockingClause?: readonly Node[];
  readonly larg?: Fields;
  readonly rarg?: Fields;
}

export interface WithClause {
  readonly ctes?: readonly { readonly CommonTableExpr: CommonTableExpr }[];
  readonly recursive?: boolean;
}

export interface CommonTableExpr {
  readonly ctename: string;
  readonly ctequery: Node;
}

export interface FuncCall {
  readonly funcname?: readonly Node[];
  readonly args?: readonly Node[];
  readonly func_variadic?: boolean;
  readonly agg_within_group?: boolean;
}

export interface ParseTree {
  readonly stmts?: readonly { readonly stmt?: Node }[];
}

/** The type of a node. */
export function typeOf(node: Node): string {
  for (const type in node) return type;
  return "";
}

/** The fields of a node, whatever its type. */
export function fieldsOf(node: Node): Fields {
  return node[typeOf(node)] as Fields;
}

/** The fields of a node if it is of that type. */
export function asType<T>(node: Node | undefined, type: string): T | undefined {
  return node?.[type] as T | undefined;
}

/** The strings of a list of String nodes, such as a qualified name. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  const found: string[] = [];
  for (const node of nodes ?? []) {
    const value = asType<{ sval?: string }>(node, "String");
    if (value !== undefined) found.push(value.sval ?? "");
  }
  return found;
}

/** The options of a statement that lists them. */
export function optionsOf(fields: Fields): DefElem[] {
  return typeof fields.options === "object" ? defElems(fields.options) : [];
}

export function defElems(nodes: readonly Node[] | undefined): DefElem[] {
  const found: DefElem[] = [];
  for (const node of nodes ?? []) {
    const option = asType<DefElem>(node, "DefElem");
    if (option !== undefined) found.push(option);
  }
  return found;
}
