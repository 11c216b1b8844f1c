import { builtinNames } from "../statements/builtin-functions.ts";

const list = (names: readonly string[]): string =>
  `array[${names.map((name) => `'${name}'`).join(", ")}]::name[]`;

/** Builtins that are not harmless, those included that are VOLATILE and that nobody here knows. */
const notHarmless = `select p.oid, p.proname from pg_catalog.pg_proc p
 where p.oid < 16384 and p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
  and (p.proname = any (${list(builtinNames(({ knowledge }) => knowledge !== "harmless"))})
   or p.provolatile = 'v' and p.proname <> all (${list(builtinNames(({ knowledge }) => knowledge === "harmless"))}))`;

/**
 * What decides routing and only the database knows: one row, of JSON, whose columns are
 * {@link CatalogRows}. Objects of PostgreSQL's own are left out; what is known of those does not
 * depend on the database. Of what is stored as a tree (views, bodies of the SQL standard, defaults
 * of parameters, policies, checks of domains, virtual columns) the dependencies are all that is
 * named of users' objects, and a builtin is found in the tree by its number.
 */
export const catalogQuestion = `with recursive
named as materialized (
 select oid, nspname from pg_catalog.pg_namespace where nspname !~ '^pg_(toast|temp)'),
dangerous as materialized (${notHarmless}),
pattern as materialized (
 select ':(?:funcid|opfuncid|aggfnoid|winfnoid) (' || string_agg(oid::text, '|') || ') ' as calls from dangerous),
trees as (
 select 'r' as kind, r.ev_class as owner, 'pg_catalog.pg_rewrite'::regclass as class, r.oid as object, r.ev_action::text as tree
 from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
 where r.ev_type = '1' and c.oid >= 16384 and c.relkind = 'v'
 union all
 select 'f', p.oid, 'pg_catalog.pg_proc'::regclass, p.oid, concat(p.prosqlbody::text, p.proargdefaults::text)
 from pg_catalog.pg_proc p where p.oid >= 16384
 union all
 select 'r', p.polrelid, 'pg_catalog.pg_policy'::regclass, p.oid, p.polqual::text
 from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
 where c.relrowsecurity and p.polcmd in ('r', '*')
 union all
 select 't', c.contypid, 'pg_catalog.pg_constraint'::regclass, c.oid, c.conbin::text
 from pg_catalog.pg_constraint c where c.contypid >= 16384
 union all
 select 'r', d.adrelid, 'pg_catalog.pg_attrdef'::regclass, d.oid, d.adbin::text
 from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
 where a.attgenerated = 'v'),
called as (
 select t.kind, t.owner, array_agg(distinct d.proname) as calls
 from trees t, pattern, regexp_matches(t.tree, pattern.calls, 'g') m
 join dangerous d on d.oid = m[1]::oid group by 1, 2),
marked as (
 select kind, owner, bool_or(tree ~ ':commandType [2-6]') as writes, bool_or(tree ~ ':hasForUpdate true') as locks
 from trees where tree ~ ':(commandType [2-6]|hasForUpdate true)' group by 1, 2),
referred as materialized (
 select t.kind, t.owner, array_agg(distinct case d.refclassid
   when 'pg_catalog.pg_proc'::regclass then 'f' when 'pg_catalog.pg_class'::regclass then 'r'
   when 'pg_catalog.pg_operator'::regclass then 'o' else 't' end || d.refobjid) as refs
 from trees t join pg_catalog.pg_depend d on d.classid = t.class and d.objid = t.object
 where d.refobjid >= case when d.refclassid = 'pg_catalog.pg_class'::regclass then 12000 else 16384 end
  and d.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass)
  and not (t.kind = 'r' and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.owner)
 group by 1, 2),
parts (type, part, field) as materialized (
 select oid, typbasetype, null::name from pg_catalog.pg_type where oid >= 16384 and typbasetype >= 16384
 union all select oid, typelem, null from pg_catalog.pg_type where oid >= 16384 and typelem >= 16384
 union all select t.oid, a.atttypid, a.attname from pg_catalog.pg_type t join pg_catalog.pg_attribute a on a.attrelid = t.typrelid
 where t.oid >= 16384 and t.typtype = 'c' and a.attnum > 0 and a.atttypid >= 16384
 union all select rngtypid, rngsubtype, null from pg_catalog.pg_range where rngtypid >= 16384 and rngsubtype >= 16384
 union all select rngmultitypid, rngtypid, null from pg_catalog.pg_range where rngtypid >= 16384 and rngsubtype >= 16384),
checked (type, via) as (
 select c.contypid, null::oid from pg_catalog.pg_constraint c
 where c.contypid >= 16384 and (exists (select from called where kind = 't' and owner = c.contypid)
  or exists (select from referred r, unnest(r.refs) ref where r.kind = 't' and r.owner = c.contypid and ref !~ '^t'))
 union
 select p.type, p.part from checked c join parts p on p.part = c.type),
supported as materialized (
 select o.oid, array_agg(distinct 'f' || s.amproc::oid) as refs from pg_catalog.pg_operator o
 join pg_catalog.pg_amop m on m.amopopr = o.oid
 join pg_catalog.pg_amproc s on s.amprocfamily = m.amopfamily and s.amproc::oid >= 16384
 where o.oid >= 16384 group by 1),
valued (type) as (
 select castsource from pg_catalog.pg_cast where castfunc >= 16384
 union select casttarget from pg_catalog.pg_cast where castfunc >= 16384 and castcontext <> 'e'
 union select oprleft from pg_catalog.pg_operator where oid >= 16384
 union select oprright from pg_catalog.pg_operator where oid >= 16384),
carried (type, via, field) as materialized (
 select type, null::oid, null::name from valued where type >= 16384
 union
 select p.type, p.part, p.field from carried c join parts p on p.part = c.type),
parents (parent, child) as (
 select i.inhparent, i.inhrelid from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
 where c.relpersistence = 'u' or c.relkind = 'f'
 union
 select i.inhparent, i.inhrelid from parents p join pg_catalog.pg_inherits i on i.inhrelid = p.parent)
select
(select json_agg(json_build_array(p.oid::int8, n.nspname, p.proname, p.prokind, p.provolatile, l.lanname,
  (select e.extname from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
   where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' limit 1),
  array[p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int, case when p.provariadic = 0 then p.pronargs end],
  p.proconfig,
  case when l.lanname = 'sql' and p.prosqlbody is null then p.prosrc
   when l.lanname = 'plpgsql' and p.prokind = 'f' then pg_catalog.pg_get_functiondef(p.oid) end,
  c.calls, case when m.writes then 'writes' when m.locks then 'locks' end,
  nullif(array_cat(r.refs, array(select distinct 'u' || s.type
   from unnest(p.proargtypes::oid[] || p.prorettype || coalesce(p.proallargtypes, '{}')) s (type)
   where s.type in (select type from carried))), '{}')))
 from pg_catalog.pg_proc p join named n on n.oid = p.pronamespace join pg_catalog.pg_language l on l.oid = p.prolang
 left join called c on c.kind = 'f' and c.owner = p.oid left join marked m on m.kind = 'f' and m.owner = p.oid
 left join referred r on r.kind = 'f' and r.owner = p.oid
 where p.oid >= 16384 and p.prokind <> 'p'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype))::text,
(select json_agg(json_build_array(c.oid::int8, n.nspname, c.relname, c.relkind, c.relpersistence, k.calls, case when m.writes then 'writes' when m.locks then 'locks' end,
  nullif(array_cat(case when c.reltype in (select type from carried) then array_append(r.refs, 'u' || c.reltype) else r.refs end,
   array(select 'i' || p.child from parents p where p.parent = c.oid)), '{}')))
 from pg_catalog.pg_class c join named n on n.oid = c.relnamespace
 left join called k on k.kind = 'r' and k.owner = c.oid left join marked m on m.kind = 'r' and m.owner = c.oid
 left join referred r on r.kind = 'r' and r.owner = c.oid
 where c.oid >= 16384 and (c.reltype in (select type from carried) or c.relkind in ('v', 'f', 'S') or c.relpersistence = 'u' and c.relkind in ('r', 'p')
  or k.owner is not null or r.owner is not null or c.oid in (select parent from parents)))::text,
(select json_agg(json_build_array(o.oid::int8, n.nspname, o.oprname, array_append(s.refs, 'f' || o.oprcode::oid),
  array['u' || o.oprleft, 'u' || o.oprright], exists (select from pg_catalog.pg_amop m where m.amopopr = o.oid)))
 from pg_catalog.pg_operator o join named n on n.oid = o.oprnamespace left join supported s on s.oid = o.oid where o.oid >= 16384)::text,
(select json_agg(json_build_array(s.typname, t.typname, c.castcontext, 'f' || c.castfunc, 'u' || c.castsource, 'u' || c.casttarget))
 from pg_catalog.pg_cast c join pg_catalog.pg_type s on s.oid = c.castsource join pg_catalog.pg_type t on t.oid = c.casttarget
 where c.castfunc >= 16384)::text,
(select json_agg(json_build_array(t.oid::int8, n.nspname, t.typname, k.calls, nullif(array_cat(r.refs, array(select 't' || c.via from checked c where c.type = t.oid and c.via is not null)), '{}')))
 from pg_catalog.pg_type t join named n on n.oid = t.typnamespace
 left join called k on k.kind = 't' and k.owner = t.oid left join referred r on r.kind = 't' and r.owner = t.oid
 where t.oid in (select type from checked))::text,
(select json_agg(json_build_array(t.oid::int8, n.nspname, t.typname,
  (select json_agg(json_build_array(c.field, 'u' || c.via)) from carried c where c.type = t.oid and c.via is not null)))
 from pg_catalog.pg_type t join named n on n.oid = t.typnamespace where t.oid in (select type from carried))::text,
(select json_agg(json_build_array(c.oid::int8, c.relname)) from pg_catalog.pg_class c
 where c.oid between 12000 and 16383 and c.relkind = 'v' and c.relnamespace = 'pg_catalog'::regnamespace)::text`;

/**
 * Tells a change of what {@link catalogQuestion} answers: the number of rows and the transactions
 * that wrote them. A standby gives the same answer as the writer that it has caught up with.
 */
export const changeQuestion = `select pg_catalog.concat_ws(' ',
${[
  "pg_proc where oid >= 16384",
  "pg_rewrite where oid >= 16384",
  "pg_class where oid >= 16384 and (relkind in ('v', 'f', 'S') or relpersistence = 'u' or relrowsecurity or relkind = 'p')",
  "pg_operator where oid >= 16384",
  "pg_amop where oid >= 16384",
  "pg_amproc where oid >= 16384",
  "pg_attribute where atttypid >= 16384 and attrelid >= 16384 and attnum > 0",
  "pg_cast where oid >= 16384",
  "pg_policy",
  "pg_constraint where contypid >= 16384",
  "pg_type where oid >= 16384 and typtype = 'd'",
  "pg_attrdef",
  "pg_inherits",
  "pg_extension",
]
  .map(
    (rows) =>
      ` (select count(*) || ':' || coalesce(sum(xmin::text::int8), 0) from pg_catalog.${rows})`,
  )
  .join(",\n")})`;
