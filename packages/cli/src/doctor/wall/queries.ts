// They run in one transaction with an empty search path, so that all names come with their schema.

/** The role that was logged in as; SET ROLE leads back to it. */
export const roleQuery = `
  select r.oid::text as oid, r.rolname as role, current_database() as database,
    current_setting('server_version_num')::int / 10000 as version, r.rolsuper as superuser,
    array_remove(array[
      case when r.rolcreaterole then 'CREATEROLE' end,
      case when r.rolcreatedb then 'CREATEDB' end,
      case when r.rolreplication then 'REPLICATION' end], null) as attributes
  from pg_roles r where r.rolname = session_user`;

/** What it can become, by memberships of memberships, whether they are inherited or not. */
export const reachQuery = `
  select b.oid::text as oid, b.rolname as name,
    array_remove(array[
      case when b.rolsuper then 'SUPERUSER' end,
      case when b.rolcreaterole then 'CREATEROLE' end,
      case when b.rolcreatedb then 'CREATEDB' end,
      case when b.rolreplication then 'REPLICATION' end], null) as attributes,
    array(
      select distinct m.roleid::text from pg_auth_members m
      where m.member = $1::oid and pg_has_role(m.roleid, b.oid, 'MEMBER')
    ) as via
  from pg_roles b
  where b.oid <> $1::oid and pg_has_role($1::oid, b.oid, 'MEMBER')`;

export const membershipQuery = `
  select m.roleid::text as oid, r.rolname as role, g.rolname as grantor, m.admin_option as admin
  from pg_auth_members m
  join pg_roles r on r.oid = m.roleid
  left join pg_roles g on g.oid = m.grantor
  where m.member = $1::oid
  order by r.rolname, g.rolname`;

/** Temporary tables of a session are of no interest, nor is who says what new objects get. */
const ownership = `
  s.deptype = 'o' and s.refclassid = 'pg_authid'::regclass
    and s.dbid in (0, (select oid from pg_database where datname = current_database()))
    and s.classid <> 'pg_default_acl'::regclass
    and not (s.classid = 'pg_class'::regclass and exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = s.objid and n.nspname ~ '^pg_(toast_)?temp_'))`;

/** What roles own in the database, and of the whole server. */
export const ownedQuery = `
  select o.owner::text as owner, o.count::int as count, array(
      select i.type || ' ' || i.identity
      from (
        select s.classid, s.objid, s.objsubid from pg_shdepend s
        where s.refobjid = o.owner and ${ownership}
        order by s.dbid = 0, s.classid <> 'pg_class'::regclass, s.objid limit 3
      ) f, pg_identify_object(f.classid, f.objid, f.objsubid) i
    ) as names
  from (
    select s.refobjid as owner, count(*) as count from pg_shdepend s
    where s.refobjid = any ($1::oid[]) and ${ownership} group by 1
  ) o`;

const ofUsers = (namespace: string): string =>
  `${namespace}.nspname not in ('pg_catalog', 'information_schema') and ${namespace}.nspname !~ '^pg_(toast|temp)'`;

/** All that more than reads, and was granted to one of these; 0 is PUBLIC. */
export const grantsQuery = `
  select g.kind, g.schema, g.name, g.args, g.grantee::text as grantee, g.usable, g.id::text as id,
    pg_get_userbyid(g.grantor) as grantor, pg_get_userbyid(g.owner) as owner,
    array_agg(distinct g.privilege order by g.privilege) as privileges, bool_or(g.grantable) as grantable
  from (
    select case c.relkind when 'S' then 'sequence' else 'table' end as kind, n.nspname::text as schema,
      c.relname::text as name, null as args, c.oid as id, c.relowner as owner,
      a.grantee, a.grantor, a.privilege_type as privilege, a.is_grantable as grantable, true as usable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and ${ofUsers("n")}
    union all
    select 'table', n.nspname, c.relname, null, c.oid, c.relowner,
      a.grantee, a.grantor, a.privilege_type, a.is_grantable, true
    from pg_attribute t join pg_class c on c.oid = t.attrelid
      join pg_namespace n on n.oid = c.relnamespace, aclexplode(t.attacl) a
    where t.attnum > 0 and not t.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and ${ofUsers("n")}
    union all
    select 'schema', null, n.nspname, null, n.oid, n.nspowner,
      a.grantee, a.grantor, a.privilege_type, a.is_grantable, true
    from pg_namespace n, aclexplode(n.nspacl) a
    where a.privilege_type = 'CREATE' and n.nspname !~ '^pg_(toast|temp)'
    union all
    select 'database', null, d.datname, null, d.oid, d.datdba,
      a.grantee, a.grantor, a.privilege_type, a.is_grantable, true
    from pg_database d, aclexplode(d.datacl) a
    where a.privilege_type = 'CREATE' and d.datname = current_database()
    union all
    select 'large object', null, l.oid::text, null, l.oid, l.lomowner,
      a.grantee, a.grantor, a.privilege_type, a.is_grantable, true
    from pg_largeobject_metadata l, aclexplode(l.lomacl) a
    union all
    select 'default', n.nspname,
      case d.defaclobjtype when 'r' then 'TABLES' when 'S' then 'SEQUENCES' else 'SCHEMAS' end,
      null, d.oid, d.defaclrole, a.grantee, a.grantor, a.privilege_type, a.is_grantable, true
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
    where d.defaclobjtype in ('r', 'S') or (d.defaclobjtype = 'n' and a.privilege_type = 'CREATE')
    union all
    -- What belongs to an extension is trusted as that is, and a trigger's cannot be called.
    select 'routine', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), p.oid, p.proowner,
      a.grantee, a.grantor, a.privilege_type, a.is_grantable,
      exists (select from unnest($1::oid[]) r where r <> 0 and has_schema_privilege(r, n.oid, 'USAGE'))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where p.prosecdef and ${ofUsers("n")}
      and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
      and not exists (select from pg_depend e
        where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  ) g
  where g.grantee = any ($1::oid[]) and g.privilege <> 'SELECT'
    -- An owner has everything, which is told as that.
    and g.grantee <> g.owner
  group by 1, 2, 3, 4, 5, 6, 7, g.grantor, g.owner
  order by 1, 2, 3, 4, 5, 8`;

/** The default of a setting, of the role in the database, of the role, or of the database. */
export const settingQuery = `
  select s.setrole <> 0 and s.setdatabase <> 0 as "inDatabase",
    (regexp_match(c, '^default_transaction_read_only=(.*)$'))[1]::bool as value
  from pg_db_role_setting s, unnest(s.setconfig) c
  where c like 'default\\_transaction\\_read\\_only=%' and s.setrole in ($1::oid, 0)
    and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  order by s.setrole <> 0 desc, s.setdatabase <> 0 desc`;

const readable = `c.relkind in ('r', 'p', 'v', 'm', 'f') and ${ofUsers("n")}`;

export const schemasQuery = `
  select n.nspname as name, count(*)::int as tables,
    (count(*) filter (where has_table_privilege(session_user, c.oid, 'SELECT')))::int as readable,
    array_agg(distinct pg_get_userbyid(c.relowner)::text) as owners
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${readable} and has_schema_privilege(session_user, n.oid, 'USAGE')
  group by 1 order by 1`;

export const readableNamesQuery = `
  select n.nspname as schema, array_agg(c.relname::text order by c.relname) as names
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${readable} and n.nspname = any ($1::text[])
    and has_table_privilege(session_user, c.oid, 'SELECT')
  group by 1`;

/** What may be written at all. */
export const tablesQuery = `
  select c.oid::text as oid, n.nspname as schema, c.relname as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'f') and ${ofUsers("n")}
  order by 2, 3`;

/** Sequences that the columns of tables own, or take their defaults from. */
export const sequencesQuery = `
  select x.owner::text as "table", s.oid::text as oid, n.nspname as schema, s.relname as name,
    bool_or(x.needed) and not has_sequence_privilege(session_user, s.oid, 'USAGE') as missing
  from (
    select d.refobjid as owner, d.objid as sequence, false as needed from pg_depend d
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjsubid > 0 and d.deptype in ('a', 'i') and d.refobjid = any ($1::oid[])
    union all
    select f.adrelid, d.refobjid, true from pg_attrdef f
    join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
    where d.refclassid = 'pg_class'::regclass and f.adrelid = any ($1::oid[])
  ) x
  join pg_class s on s.oid = x.sequence and s.relkind = 'S'
  join pg_namespace n on n.oid = s.relnamespace
  group by x.owner, s.oid, n.nspname, s.relname order by 3, 4`;

/** What is missing to write tables, and what writing them leads to. */
export const allowedQuery = `
  -- What is written to a table goes on to its partitions and heirs.
  with recursive family as (
    select t as root, t as member from unnest($1::oid[]) t
    union select f.root, i.inhrelid from family f join pg_inherits i on i.inhparent = f.member
  ),
  reached as (
    select f.root, 1 as rank, t.tgname as name,
      format('trigger %I calls %s()', t.tgname, t.tgfoid::regproc) as what
    from pg_trigger t join family f on f.member = t.tgrelid
    where not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'D'
    union all
    select f.root, 2, k.conname, format('%s follows by %I', k.conrelid::regclass, k.conname)
    from pg_constraint k join family f on f.member = k.confrelid
    where k.contype = 'f' and k.conparentid = 0
      and (k.confdeltype in ('c', 'n', 'd') or k.confupdtype in ('c', 'n', 'd'))
      and k.conrelid not in (select member from family)
    union all
    select f.root, 3, r.rulename, format('rule %I rewrites', r.rulename)
    from pg_rewrite r join family f on f.member = r.ev_class
    where r.ev_type <> '1' and r.ev_enabled <> 'D'
    union all
    select c.oid, 4, c.relname, 'a view writes the tables behind it'
    from pg_class c where c.relkind = 'v' and c.oid = any ($1::oid[])
  ),
  told as (
    select root, array_agg(what order by rank, name) as reaches from reached group by root
  )
  select c.oid::text as oid, n.nspname as schema, c.relname as name,
    array_remove(array[
      case when not has_schema_privilege(session_user, n.oid, 'USAGE') then 'USAGE of its schema' end,
      case when not has_table_privilege(session_user, c.oid, 'SELECT') then 'SELECT' end,
      case when not has_table_privilege(session_user, c.oid, 'INSERT') then 'INSERT' end,
      case when not has_table_privilege(session_user, c.oid, 'UPDATE') then 'UPDATE' end,
      case when not has_table_privilege(session_user, c.oid, 'DELETE') then 'DELETE' end
    ], null) as missing,
    coalesce(told.reaches, '{}') as reaches
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join told on told.root = c.oid
  where c.oid = any ($1::oid[])
  order by 2, 3`;
