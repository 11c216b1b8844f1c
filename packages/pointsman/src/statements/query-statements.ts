import { moreDemanding } from "./findings.ts";
import type { Judge, Judgement } from "./judgement.ts";
import { createsTemporary } from "./named-relations.ts";
import {
  asType,
  type DefElem,
  type Fields,
  fieldsOf,
  type Node,
  optionsOf,
  typeOf,
} from "./parse-tree.ts";
import type { QueryWalk } from "./query-walk.ts";

/** SELECT, VALUES, TABLE and WITH … SELECT. */
export const judgeSelect: Judge = (fields, walk) => {
  walk.visit({ SelectStmt: fields });
  const command = fields.valuesLists === undefined ? "SELECT" : "VALUES";
  return { command, ...walk.findings.judgeQuery() };
};

/** INSERT, UPDATE, DELETE, MERGE. */
export function changesData(type: string, command: string): Judge {
  return (fields, walk) => {
    walk.visit({ [type]: fields });
    return { command, effect: "write", verdict: "data-change" };
  };
}

/** CREATE TABLE AS, CREATE MATERIALIZED VIEW. */
export const judgeCreateTableAs: Judge = (fields, walk) => {
  walk.visit(fields.query);
  walk.target(fields.into?.rel);
  const command =
    fields.objtype === "OBJECT_MATVIEW" ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
  if (!createsTemporary(fields)) return { command, effect: "write", verdict: "schema-change" };
  // An EXECUTE may write, like any query that is not known not to.
  const executes = fields.query !== undefined && typeOf(fields.query) === "ExecuteStmt";
  const effect = executes ? "write" : moreDemanding("session", walk.findings.judgeQuery().effect);
  return { command, effect, verdict: "session-state", session: ["temporary"] };
};

/** COPY in all directions. */
export const judgeCopy: Judge = (fields, walk) => {
  const command = "COPY";
  const { relation, query, filename, is_program: program = false } = fields;
  if (fields.is_from === true) {
    walk.target(relation);
    walk.visit((fields as { whereClause?: Node }).whereClause);
    // What the client streams in cannot be streamed a second time, and a program has run.
    return { command, effect: "write", verdict: "data-change", once: program || !filename };
  }
  if (relation !== undefined) walk.visit({ RangeVar: relation });
  const judged = query === undefined ? undefined : judgeInner(query, walk);
  if (filename !== undefined || program) {
    walk.findings.meaninglessOnReader ??= "COPY to a file or a program of the server";
    return { command, effect: "write", verdict: "server-file", once: true };
  }
  return { command, ...(judged ?? walk.findings.judgeQuery()) };
};

/**
 * EXPLAIN. Without ANALYZE nothing is run and a reader plans a write as well as a read; but planning
 * may call functions that are not VOLATILE (to fold constants, to estimate), so those count.
 */
export const judgeExplain: Judge = (fields, walk) => {
  const command = "EXPLAIN";
  const { query } = fields;
  if (query === undefined) return { command, effect: "read", verdict: "plain-read" };
  const analyze = optionsOf(fields).some(asksForAnalyze);
  if (typeOf(query) === "ExecuteStmt") {
    walk.visit(query);
    return { command, effect: analyze ? "write" : "session", verdict: "session-state", once: true };
  }
  const judged = judgeInner(query, walk);
  if (analyze) return { ...judged, command };
  walk.findings.onlyPlanned();
  return { command, ...walk.findings.judgeQuery(), onlyPlanned: true };
};

/** Of an option that is said twice every mention counts: better one plan too many on the writer. */
function asksForAnalyze({ defname, arg }: DefElem): boolean {
  if (defname !== "analyze") return false;
  if (arg === undefined) return true;
  const word = asType<{ sval?: string }>(arg, "String")?.sval?.toLowerCase();
  if (word !== undefined) return word !== "false" && word !== "off";
  const integer = asType<{ ival?: number }>(arg, "Integer");
  return integer === undefined || (integer.ival ?? 0) !== 0;
}

/** A query inside another statement: what COPY and EXPLAIN take. */
function judgeInner(query: Node, walk: QueryWalk): Judgement {
  const type = typeOf(query);
  const fields = fieldsOf(query);
  switch (type) {
    case "SelectStmt":
      return judgeSelect(fields, walk);
    case "InsertStmt":
    case "UpdateStmt":
    case "DeleteStmt":
    case "MergeStmt":
      return changesData(type, "")(fields, walk);
    case "CreateTableAsStmt":
      return judgeCreateTableAs(fields, walk);
    case "RefreshMatViewStmt":
      walk.target(fields.relation);
      return { command: "", effect: "write", verdict: "maintenance" };
    default: {
      // DECLARE CURSOR, whose query is what is explained.
      walk.visit((fields as Fields).query);
      const judged = walk.findings.judgeQuery();
      if (judged.effect === "write") return { command: "", ...judged };
      return { command: "", effect: "session", verdict: "session-state" };
    }
  }
}
