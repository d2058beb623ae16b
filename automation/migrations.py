"""A project's migrations as Supabase's tools keep them: rows of a table in its own database.

Owns how one is found and applied. Must not know HTTP, nor how the table looks.
"""

import re
from datetime import UTC, datetime
from typing import Any

from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from automation.registry import schema_migrations
from contracts.errors import NotFound
from contracts.project_config import Migration, MigrationDetail, MigrationWanted


def list_migrations(ctx: Context, actor: Actor, ref: str) -> list[Migration]:
    rows = _rows(ctx, actor, ref, schema_migrations.LIST)
    return [Migration.model_validate(row) for row in rows]


def get(ctx: Context, actor: Actor, ref: str, version: str) -> MigrationDetail:
    # Versions are moments, written in digits.
    if re.fullmatch(r"[0-9]{1,32}", version):
        for row in _rows(ctx, actor, ref, schema_migrations.find(version)):
            return MigrationDetail.model_validate(row)
    raise NotFound(
        f"project {ref} has no such migration",
        code="migration_not_found",
        fix=f"see: GET /v1/projects/{ref}/database/migrations",
    )


def apply(ctx: Context, actor: Actor, ref: str, wanted: MigrationWanted) -> None:
    """Under the time of now as its version, which sorts behind those there are."""
    version = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    text = schema_migrations.apply(version, wanted.name or "", wanted.query)
    key_service.query(ctx.settings.home, actor, ref, text, read_only=False)


def _rows(ctx: Context, actor: Actor, ref: str, text: str) -> list[dict[str, Any]]:
    """None where no tool has made the table yet."""
    home = ctx.settings.home
    (found,) = key_service.query(home, actor, ref, schema_migrations.EXISTS, read_only=True)
    return key_service.query(home, actor, ref, text, read_only=True) if found["found"] else []
