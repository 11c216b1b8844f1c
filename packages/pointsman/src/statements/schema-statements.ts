import type { Judge } from "./judgement.ts";
import { createsTemporary, namedRelations } from "./named-relations.ts";
import { asType, type Fields } from "./parse-tree.ts";

type Say<T> = T | ((fields: Fields) => T);

/**
 * A statement that changes the schema, rights or roles.
 *
 * @param once whether it refuses a transaction block, or commits by itself.
 */
export function changesSchema(command: Say<string>, once: Say<boolean> = false): Judge {
  return (fields, walk) => {
    for (const relation of namedRelations(fields)) walk.target(relation);
    return {
      command: told(command, fields),
      effect: "write",
      verdict: "schema-change",
      once: told(once, fields),
    };
  };
}

/** A CREATE of something that may be temporary. */
export function creates(command: Say<string>): Judge {
  const judge = changesSchema(command);
  return (fields, walk) => {
    const judgement = judge(fields, walk);
    if (!createsTemporary(fields)) return judgement;
    return { ...judgement, effect: "session", verdict: "session-state", session: ["temporary"] };
  };
}

/** A statement that works on the server or its storage. */
export function maintains(command: Say<string>, once: Say<boolean> = true): Judge {
  return (fields, walk) => {
    for (const relation of namedRelations(fields)) walk.target(relation);
    return {
      command: told(command, fields),
      effect: "write",
      verdict: "maintenance",
      once: told(once, fields),
    };
  };
}

/** `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`. */
export function detachesConcurrently(fields: Fields): boolean {
  return (fields.cmds ?? []).some((node) => {
    const command = asType<{ subtype?: string; def?: object }>(node, "AlterTableCmd");
    if (command?.subtype !== "AT_DetachPartition") return false;
    const partition = (command.def as { PartitionCmd?: { concurrent?: boolean } }).PartitionCmd;
    return partition?.concurrent === true;
  });
}

/** REINDEX of more than one table or index, or CONCURRENTLY, commits as it goes. */
export function reindexCommits(fields: Fields): boolean {
  const options = (fields as { params?: readonly object[] }).params ?? [];
  const one = fields.kind === "REINDEX_OBJECT_TABLE" || fields.kind === "REINDEX_OBJECT_INDEX";
  return !one || options.length > 0;
}

const spelledOtherwise: Record<string, string> = {
  OBJECT_FDW: "FOREIGN DATA WRAPPER",
  OBJECT_FOREIGN_SERVER: "SERVER",
  OBJECT_LARGEOBJECT: "LARGE OBJECT",
  OBJECT_MATVIEW: "MATERIALIZED VIEW",
  OBJECT_OPCLASS: "OPERATOR CLASS",
  OBJECT_OPFAMILY: "OPERATOR FAMILY",
  OBJECT_STATISTIC_EXT: "STATISTICS",
  OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION",
  OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
  OBJECT_TSPARSER: "TEXT SEARCH PARSER",
  OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE",
};

/** A kind of object as it is spelled in SQL. */
export function objectKind(kind: string | undefined): string {
  if (kind === undefined) return "OBJECT";
  return spelledOtherwise[kind] ?? kind.replace("OBJECT_", "").replaceAll("_", " ");
}

/** `ALTER TABLE`, `DROP VIEW`, …: a verb and the kind of object that one of the fields names. */
export function onObject(
  verb: string,
  field: "objtype" | "removeType" | "renameType" | "objectType" | "kind",
): (fields: Fields) => string {
  return (fields) => `${verb} ${objectKind(fields[field])}`;
}

function told<T extends string | boolean>(say: Say<T>, fields: Fields): T {
  return typeof say === "function" ? say(fields) : say;
}
