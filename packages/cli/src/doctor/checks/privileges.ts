import { bad, type Finding, look, ok } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

interface Row {
  readonly name: string;
  readonly super: boolean;
  /** `null` where the server does not know the role. */
  readonly iam: boolean | null;
  readonly tables: number;
  readonly readable: number;
  readonly writable: number;
}

/** Whoever is a superuser is in every role, says pg_has_role. */
const text = `
  select current_user as name, r.rolsuper as super,
    (select pg_has_role(current_user, oid, 'member') and not r.rolsuper
       from pg_roles where rolname = 'rds_iam') as iam,
    t.tables, t.readable, t.writable
  from pg_roles r, (
    select count(*)::int as tables,
      count(*) filter (where has_table_privilege(c.oid, 'select'))::int as readable,
      count(*) filter (where has_table_privilege(c.oid, 'insert, update, delete'))::int as writable
    from (
      select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      limit 10000
    ) c
  ) t
  where r.rolname = current_user`;

/** Whether the user may do what its side is for. */
export async function checkPrivileges(visit: Visit): Promise<Finding> {
  const row = await ask<Row>(visit, text);
  const { side, auth } = visit.endpoint;
  // What may be written is another check's where nothing or little may.
  const purpose = visit.allowedWrites === undefined ? side : "reader";
  return judgePrivileges(row, purpose, auth?.name === "IAM");
}

export function judgePrivileges(row: Row, side: "writer" | "reader", byIam: boolean): Finding {
  const { name, iam, tables, readable, writable } = row;
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const role = row.super ? ", a superuser" : iam === true ? ", in rds_iam" : "";
  const may =
    tables === 0
      ? "there are no tables yet"
      : side === "writer"
        ? `may read ${readable} and write ${writable} of ${tables} tables`
        : `may read ${readable} of ${tables} tables`;
  const found = `${name}${role}: ${may}`;
  if (byIam && iam === false && !row.super) {
    return bad(`${found}; not in rds_iam`, `GRANT rds_iam TO ${quoted};`);
  }
  if (tables > 0 && readable === 0) {
    return look(found, `GRANT pg_read_all_data TO ${quoted}; or SELECT on what it needs.`);
  }
  if (side === "writer" && tables > 0 && writable === 0) {
    return look(found, `GRANT pg_write_all_data TO ${quoted}; or what it needs of each table.`);
  }
  return ok(found);
}
