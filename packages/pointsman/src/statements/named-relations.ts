import { asType, type Fields, type Node, type RangeVar, strings } from "./parse-tree.ts";
import { isTemporarySchema } from "./server-bound-names.ts";

/** Kinds of object whose name, in a DROP or COMMENT, is a relation's. */
const relationKinds = new Set([
  "OBJECT_TABLE",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_SEQUENCE",
  "OBJECT_INDEX",
  "OBJECT_FOREIGN_TABLE",
]);

/** Kinds of object that are named as `relation.object`. */
const partKinds = new Set([
  "OBJECT_COLUMN",
  "OBJECT_TRIGGER",
  "OBJECT_RULE",
  "OBJECT_POLICY",
  "OBJECT_TABCONSTRAINT",
]);

/** The relations that a statement on the schema or the storage names, as written. */
export function namedRelations(fields: Fields): RangeVar[] {
  const found: RangeVar[] = [];
  for (const one of [
    fields.relation,
    fields.view,
    fields.sequence,
    fields.table,
    fields.base?.relation,
    fields.into?.rel,
  ]) {
    if (one?.relname !== undefined) found.push(one);
  }
  for (const node of [...(fields.relations ?? []), ...(fields.rels ?? [])]) {
    const relation =
      asType<RangeVar>(node, "RangeVar") ??
      asType<{ relation?: RangeVar }>(node, "VacuumRelation")?.relation;
    if (relation !== undefined) found.push(relation);
  }
  const kind = fields.removeType ?? fields.objtype ?? "";
  const objects = fields.objects ?? (fields.object === undefined ? [] : [fields.object]);
  for (const node of objects) {
    const relation = asType<RangeVar>(node, "RangeVar") ?? qualified(node, kind);
    if (relation?.relname !== undefined) found.push(relation);
  }
  return found;
}

/** Whether a CREATE makes an object that lives and dies with its connection. */
export function createsTemporary(fields: Fields): boolean {
  const made = [fields.relation, fields.view, fields.sequence, fields.typevar, fields.into?.rel];
  if (made.some((one) => one?.relpersistence === "t" || isTemporarySchema(one?.schemaname))) {
    return true;
  }
  const names = [fields.funcname, fields.defnames, fields.typeName, fields.domainname];
  return names.some((name) => Array.isArray(name) && isTemporarySchema(strings(name).at(-2)));
}

function qualified(node: Node, kind: string): RangeVar | undefined {
  const name = strings(asType<{ items?: readonly Node[] }>(node, "List")?.items);
  if (partKinds.has(kind)) name.pop();
  else if (!relationKinds.has(kind)) return undefined;
  const relname = name.at(-1);
  const schemaname = name.at(-2);
  if (relname === undefined) return undefined;
  return schemaname === undefined ? { relname } : { schemaname, relname };
}
