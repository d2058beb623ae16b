"""A project's migrations as Supabase's tools keep them: rows of a table in its own database.

Owns that table's form. Must not know HTTP, nor who runs the SQL.
"""

import re
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from contracts.errors import NotFound
from contracts.project_config import Migration, MigrationDetail, MigrationWanted

_TABLE = "supabase_migrations.schema_migrations"
_ENSURE = f"""
create schema if not exists supabase_migrations;
create table if not exists {_TABLE} (version text not null primary key);
alter table {_TABLE} add column if not exists statements text[];
alter table {_TABLE} add column if not exists name text;
"""


def list_migrations(ctx: Context, actor: Actor, ref: str) -> list[Migration]:
    rows = _rows(ctx, actor, ref, f"select version, name from {_TABLE} order by version")
    return [Migration.model_validate(row) for row in rows]


def get(ctx: Context, actor: Actor, ref: str, version: str) -> MigrationDetail:
    # Nothing but digits goes into the text.
    rows = (
        _rows(
            ctx,
            actor,
            ref,
            f"select version, name, statements from {_TABLE} where version = '{version}'",
        )
        if re.fullmatch(r"[0-9]{1,32}", version)
        else []
    )
    for row in rows:
        return MigrationDetail.model_validate(row)
    raise NotFound(
        f"project {ref} has no such migration",
        code="migration_not_found",
        fix=f"see: GET /v1/projects/{ref}/database/migrations",
    )


def apply(ctx: Context, actor: Actor, ref: str, wanted: MigrationWanted) -> None:
    """Under the time of now as its version, which sorts behind those there are."""
    version = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    entry = sql.SQL(
        "insert into supabase_migrations.schema_migrations (version, name, statements)"
        " values ({}, {}, array[{}])"
    ).format(*map(sql.Literal, (version, wanted.name or "", wanted.query)))
    # A line of its own for each: the query may end in a comment, and needs no semicolon.
    text = f"{_ENSURE}\n{wanted.query}\n;\n{entry.as_string()};"
    key_service.query(ctx.settings.home, actor, ref, text, read_only=False)


def _rows(ctx: Context, actor: Actor, ref: str, text: str) -> list[dict[str, Any]]:
    """None where no tool has made the table yet."""
    home = ctx.settings.home
    (found,) = key_service.query(
        home, actor, ref, f"select to_regclass('{_TABLE}') is not null as found", read_only=True
    )
    return key_service.query(home, actor, ref, text, read_only=True) if found["found"] else []
