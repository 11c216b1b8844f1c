import { type Builtin, builtinFunction } from "./builtin-functions.ts";
import { Findings } from "./findings.ts";
import {
  asType,
  type Constant,
  type Fields,
  type FuncCall,
  type Node,
  type RangeVar,
  strings,
  typeOf,
  type WithClause,
} from "./parse-tree.ts";
import { isServerBoundSetting } from "./server-bound-names.ts";

/** `current_setting` of a setting that may be one that tells a server's role. */
const ofSomeSetting: Builtin = { knowledge: "server-bound", effect: "read" };

/**
 * Walks through the tree of a query, or of any expression, and notes what it finds: relations,
 * functions, row locks, common table expressions that write.
 */
export class QueryWalk {
  readonly findings = new Findings();
  /** Names of the common table expressions in scope, outermost first. */
  readonly #ctes: string[] = [];

  /** Walks through a node, a list of nodes, or the fields of a node. */
  visit(value: unknown): void {
    if (Array.isArray(value)) {
      for (const element of value) this.visit(element);
    } else if (typeof value === "object" && value !== null) {
      for (const key in value) {
        // The most frequent field of all; looking at it is what costs.
        if (key === "location") continue;
        const child = (value as Node)[key];
        if (typeof child === "object") this.#visitField(key, child);
      }
    }
  }

  /** Notes a relation that the statement changes. */
  target(relation: RangeVar | undefined): void {
    if (relation?.relname !== undefined) {
      this.findings.write(relation.schemaname, relation.relname);
    }
  }

  /** Node types begin with a capital, names of fields do not: one switch serves both. */
  #visitField(key: string, value: unknown): void {
    switch (key) {
      case "ColumnRef":
        this.#attributes((value as { fields?: readonly Node[] }).fields, 1);
        return;
      case "A_Const":
      case "ParamRef":
      case "String":
      case "TypeName":
      case "typeName":
      case "alias":
      case "SQLValueFunction":
        return;
      case "SelectStmt":
        this.#select(value as Fields);
        return;
      case "InsertStmt":
      case "UpdateStmt":
      case "DeleteStmt":
      case "MergeStmt":
        this.#dataChange(value as Fields);
        return;
      case "RangeVar":
        this.#relation(value as RangeVar);
        return;
      case "FuncCall":
        this.#call(value as FuncCall);
        return;
      case "RangeTableSample":
        this.#callByName((value as { method?: readonly Node[] }).method);
        break;
      case "A_Indirection":
        this.#attributes((value as { indirection?: readonly Node[] }).indirection, 0);
        break;
      case "A_Expr":
        this.#operator((value as { name?: readonly Node[] }).name);
        break;
      case "SubLink":
        this.#operator((value as { operName?: readonly Node[] }).operName);
        break;
      case "SortBy":
        this.#operator((value as { useOp?: readonly Node[] }).useOp);
        break;
    }
    this.visit(value);
  }

  #select(fields: Fields): void {
    const outer = this.#ctes.length;
    if (fields.withClause !== undefined) this.#with(fields.withClause);
    for (const key in fields) {
      const value = fields[key as keyof Fields];
      if (typeof value !== "object") continue;
      switch (key) {
        case "withClause":
          break;
        case "lockingClause":
          // Names the aliases that it locks, not relations.
          this.findings.rowLock = true;
          break;
        case "intoClause":
          this.findings.selectInto = true;
          this.#into(fields.intoClause?.rel);
          break;
        case "larg":
        case "rarg":
          this.#select(value as Fields);
          break;
        default:
          this.#visitField(key, value);
      }
    }
    this.#ctes.length = outer;
  }

  #into(relation: RangeVar | undefined): void {
    this.target(relation);
    if (relation?.relpersistence === "t") this.findings.session.add("temporary");
  }

  #dataChange(fields: Fields): void {
    const outer = this.#ctes.length;
    if (fields.withClause !== undefined) this.#with(fields.withClause);
    for (const key in fields) {
      if (key === "withClause") continue;
      // The table that is changed is never a common table expression, whatever its name.
      if (key === "relation") this.target(fields.relation);
      else this.#visitField(key, fields[key as keyof Fields]);
    }
    this.#ctes.length = outer;
  }

  /** Each sees those before it; with RECURSIVE, all see all. They stay in scope until cut off. */
  #with({ ctes = [], recursive = false }: WithClause): void {
    if (recursive) for (const { CommonTableExpr: cte } of ctes) this.#ctes.push(cte.ctename);
    for (const { CommonTableExpr: cte } of ctes) {
      if (typeOf(cte.ctequery) !== "SelectStmt") this.findings.writingCte = true;
      this.visit(cte.ctequery);
      if (!recursive) this.#ctes.push(cte.ctename);
    }
  }

  #relation({ schemaname, relname, inh }: RangeVar): void {
    if (relname === undefined) return;
    if (schemaname === undefined && this.#ctes.includes(relname)) return;
    this.findings.read(schemaname, relname, inh !== true);
  }

  #operator(name: readonly Node[] | undefined): void {
    if (name === undefined || name.length < 2) return;
    const [operator = "", schema] = strings(name).reverse();
    if (schema !== "pg_catalog") this.findings.callUnknown(schema, operator);
  }

  /**
   * Names behind a dot: PostgreSQL takes `x.f` for a call `f(x)` where `x` has no column `f`. Only a
   * builtin that is not harmless counts: any other name is most likely a column's.
   */
  #attributes(names: readonly Node[] | undefined, from: number): void {
    if (names === undefined || names.length <= from) return;
    for (const name of strings(names.slice(from))) {
      const builtin = name === "current_setting" ? ofSomeSetting : builtinFunction(undefined, name);
      if (builtin !== undefined && builtin.knowledge !== "harmless") {
        this.findings.callBuiltin(undefined, name, builtin);
      }
    }
  }

  #callByName(name: readonly Node[] | undefined): void {
    const [last = "", schema] = strings(name).reverse();
    this.findings.call(schema, last);
  }

  /** A function that is judged by its arguments is one that shapes have to know: `shape.ts`. */
  #call(call: FuncCall): void {
    const [name = "", schema] = strings(call.funcname).reverse();
    const count = argumentCount(call);
    const isBuiltin = builtinFunction(schema, name) !== undefined;
    if (isBuiltin && name === "current_setting" && !readsHarmlessSetting(call)) {
      this.findings.callBuiltin(schema, name, ofSomeSetting, count);
    } else if (isBuiltin && name === "set_config" && isTrue(call.args?.[2])) {
      const local = { knowledge: "server-bound", effect: "session" } as const;
      this.findings.callBuiltin(schema, name, local, count);
    } else this.findings.call(schema, name, count);
    for (const key in call) {
      if (key !== "funcname") this.#visitField(key, call[key as keyof FuncCall]);
    }
  }
}

/** Of a list of any length, and of what is aggregated WITHIN GROUP, the text does not tell. */
function argumentCount(call: FuncCall): number | undefined {
  if (call.func_variadic === true || call.agg_within_group === true) return undefined;
  return call.args?.length ?? 0;
}

function readsHarmlessSetting(call: FuncCall): boolean {
  const name = literal(call.args?.[0]);
  return name !== undefined && !isServerBoundSetting(name);
}

/** The value of `'…'` or `'…'::text`. */
function literal(node: Node | undefined): string | undefined {
  const cast = asType<{ arg?: Node; typeName?: { names?: readonly Node[] } }>(node, "TypeCast");
  if (cast !== undefined) {
    return strings(cast.typeName?.names).at(-1) === "text" ? literal(cast.arg) : undefined;
  }
  return asType<Constant>(node, "A_Const")?.sval?.sval;
}

function isTrue(node: Node | undefined): boolean {
  return asType<Constant>(node, "A_Const")?.boolval?.boolval === true;
}
