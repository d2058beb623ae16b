"""The table in a project's own database in which Supabase's tools keep its migrations, as SQL text.

Owns that table's shape. Must not know who runs the text: it runs as the project's own login.
"""

from collections.abc import Sequence

from psycopg import sql

_TABLE = "supabase_migrations.schema_migrations"
EXISTS = f"select to_regclass('{_TABLE}') is not null as found"
# Whatever columns it has: the tools of a few years ago made fewer.
_ROWS = f"select to_jsonb(m) as entry from {_TABLE} m"
LIST = f"{_ROWS} order by version"
# One at a time: of two, the second one finds the table, and the first one's entry.
_ENSURE = f"""
select pg_advisory_xact_lock(hashtext('{_TABLE}'));
create schema if not exists supabase_migrations;
create table if not exists {_TABLE} (version text not null primary key);
alter table {_TABLE} add column if not exists statements text[];
alter table {_TABLE} add column if not exists name text;
alter table {_TABLE} add column if not exists rollback text[];
"""
# After the existing ones, even where their timestamps are in the future.
_INSERT = f"""
insert into {_TABLE} (version, name, statements, rollback)
select greatest({{now}}, (
  select max(version::numeric) + 1 from {_TABLE} where version ~ '^[0-9]{{{{1,32}}}}$'
))::text, {{name}}, array[{{query}}], array_remove(array[{{rollback}}::text], null)
"""


def find(version: str) -> str:
    return _text(f"{_ROWS} where version = {{version}}", version=version)


def since(version: str) -> str:
    """The newest first: as they are taken back."""
    return _text(f"{_ROWS} where version >= {{version}} order by version desc", version=version)


def apply(now: int, query: str, *, name: str, rollback: str | None) -> str:
    """`query`, and its entry in the table."""
    insert = _text(_INSERT, now=now, name=name, query=query, rollback=rollback)
    # A line of its own for each: the query may end in a comment, and needs no semicolon.
    return f"{_ENSURE}\n{query}\n;\n{insert};"


def record(now: int, query: str, *, name: str, rollback: str | None) -> str:
    """The entry alone, in place of those that have its name."""
    values: dict[str, str | int | None] = {
        "now": now,
        "name": name,
        "query": query,
        "rollback": rollback,
    }
    update = _text(
        f"update {_TABLE} set statements = array[{{query}}],"
        " rollback = array_remove(array[{rollback}::text], null)"
        " where name = {name} and name <> '' returning 1",
        **values,
    )
    insert = _text(_INSERT, **values)
    return f"{_ENSURE} with found as ({update}) {insert} where not exists(table found);"


def describe(version: str, *, name: str | None, rollback: str | None) -> str:
    update = _text(
        f"update {_TABLE} set name = coalesce({{name}}, name),"
        " rollback = coalesce(nullif(array[{rollback}::text], array[null]), rollback)"
        " where version = {version}",
        version=version,
        name=name,
        rollback=rollback,
    )
    return f"{_ENSURE} {update};"


def take_back(versions: Sequence[str], rollbacks: Sequence[str]) -> str:
    """Run their rollbacks, and delete their entries."""
    each = sql.SQL(", ").join(map(sql.Literal, versions)).as_string()
    return "\n;\n".join([*rollbacks, f"delete from {_TABLE} where version in ({each});"])


def _text(statement: str, **values: str | int | None) -> str:
    literals = {name: sql.Literal(value) for name, value in values.items()}
    return sql.SQL(statement).format(**literals).as_string()
