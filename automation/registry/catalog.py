"""What a project's database holds, read from its own catalog, as SQL text.

Owns the query behind generated types; its one row is `automation.database_types.catalog.Catalog`.
Must not know who runs the text: it runs as the project's own login, and shows what that may see.
"""

from collections.abc import Sequence

from psycopg import sql

_CATALOG = """
with shown as (
  select oid, nspname from pg_namespace
  where nspname = any(array[{schemas}]::text[]) and has_schema_privilege(oid, 'USAGE')
), relation as (
  select c.*, shown.nspname, exists(select from pg_trigger t where t.tgrelid = c.oid
    and not t.tgisinternal and t.tgtype & 64 <> 0 and t.tgtype & 20 <> 0) as has_instead
  from pg_class c join shown on shown.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f', 'v', 'm') and not pg_is_other_temp_schema(c.relnamespace)
    and (pg_has_role(c.relowner, 'USAGE') or has_any_column_privilege(
      c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
)
select json_build_object(
  'schemas', (select coalesce(json_agg(nspname), '[]') from shown),
  'relations', (select coalesce(json_agg(json_build_object(
    'oid', r.oid::int8, 'schema', r.nspname, 'name', r.relname,
    'is_view', r.relkind in ('v', 'm'),
    'takes_inserts', r.relkind <> 'm' and pg_relation_is_updatable(r.oid, true) & 8 = 8,
    'takes_updates', r.relkind <> 'm' and pg_relation_is_updatable(r.oid, true) & 4 = 4,
    'columns', (select coalesce(json_agg(json_build_object(
      'number', a.attnum, 'name', a.attname, 'type', a.atttypid::int8,
      'is_nullable', not (a.attnotnull or t.typtype = 'd' and t.typnotnull),
      'has_default', a.atthasdef or a.attidentity <> '',
      'is_writable', case
        when r.relkind = 'v' then pg_column_is_updatable(r.oid, a.attnum, true) or r.has_instead
        else a.attidentity <> 'a' and a.attgenerated = ''
      end)), '[]')
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped))), '[]')
    from relation r),
  'foreign_keys', (select coalesce(json_agg(json_build_object(
    'name', f.conname, 'relation', f.conrelid::int8, 'columns', f.conkey,
    'referenced', f.confrelid::int8, 'referenced_columns', f.confkey,
    'is_one_to_one', exists(select from pg_constraint u
      where u.conrelid = f.conrelid and u.contype in ('p', 'u')
        and u.conkey @> f.conkey and u.conkey <@ f.conkey))), '[]')
    from pg_constraint f join shown on shown.oid = f.connamespace
    where f.contype = 'f' and f.conparentid = 0),
  'views', (select coalesce(json_agg(json_build_object(
    'oid', c.oid::int8, 'tree', r.ev_action::text)), '[]')
    from pg_rewrite r join pg_class c on c.oid = r.ev_class
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and r.rulename = '_RETURN'
      and n.nspname not in ('pg_catalog', 'information_schema')),
  'functions', (select coalesce(json_agg(json_build_object(
    'oid', p.oid::int8, 'schema', shown.nspname, 'name', p.proname,
    'signature', pg_get_function_arguments(p.oid), 'result', pg_get_function_result(p.oid),
    'types', coalesce(p.proallargtypes, p.proargtypes::oid[])::int8[],
    'modes', p.proargmodes::text[], 'names', p.proargnames,
    'inputs', p.pronargs, 'defaults', p.pronargdefaults,
    'returns', p.prorettype::int8, 'is_set', p.proretset, 'rows', p.prorows)), '[]')
    from pg_proc p join shown on shown.oid = p.pronamespace
    where p.prokind = 'f'
      and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)),
  'types', (select json_agg(json_build_object(
    'oid', t.oid::int8, 'schema', n.nspname, 'name', t.typname, 'label', format_type(t.oid, null),
    'element', case when t.typcategory = 'A' then t.typelem else 0 end::int8,
    'base', t.typbasetype::int8,
    'relation', t.typrelid::int8,
    'labels', (select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]')
      from pg_enum e where e.enumtypid = t.oid),
    'attributes', (select coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', a.atttypid::int8) order by a.attnum), '[]')
      from pg_attribute a where c.relkind = 'c' and a.attrelid = c.oid and not a.attisdropped)))
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid)
) as catalog
"""


def of(schemas: Sequence[str]) -> str:
    names = sql.SQL(", ").join(map(sql.Literal, schemas))
    return sql.SQL(_CATALOG).format(schemas=names).as_string()
