"""The table in a project's own database in which Supabase's tools keep its migrations, as SQL text.

Owns that table's form. Must not know who runs the text: it goes out as the project's own login.
"""

from psycopg import sql

_TABLE = "supabase_migrations.schema_migrations"
EXISTS = f"select to_regclass('{_TABLE}') is not null as found"
LIST = f"select version, name from {_TABLE} order by version"
_ENSURE = f"""
create schema if not exists supabase_migrations;
create table if not exists {_TABLE} (version text not null primary key);
alter table {_TABLE} add column if not exists statements text[];
alter table {_TABLE} add column if not exists name text;
"""


def find(version: str) -> str:
    return _text(f"select version, name, statements from {_TABLE} where version = {{}}", version)


def apply(version: str, name: str, query: str) -> str:
    """`query`, and its entry in the table."""
    insert = f"insert into {_TABLE} (version, name, statements) values ({{}}, {{}}, array[{{}}])"
    # A line of its own for each: the query may end in a comment, and needs no semicolon.
    return f"{_ENSURE}\n{query}\n;\n{_text(insert, version, name, query)};"


def _text(statement: str, *values: str) -> str:
    return sql.SQL(statement).format(*map(sql.Literal, values)).as_string()
