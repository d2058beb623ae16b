"""A project's migrations as Supabase's tools keep them: rows of a table in its own database.

Owns how one is found, applied and taken back. Must not know HTTP, nor what the table looks like.
"""

import re
from datetime import UTC, datetime
from typing import Any

from automation.actors import Actor
from automation.context import Context
from automation.key_service import client as key_service
from automation.registry import schema_migrations
from contracts.errors import Conflict, NotFound
from contracts.project_database import (
    Migration,
    MigrationDetail,
    MigrationPatch,
    MigrationWanted,
)


def list_migrations(ctx: Context, actor: Actor, ref: str) -> list[Migration]:
    rows = _rows(ctx, actor, ref, schema_migrations.LIST)
    return [Migration.model_validate(row) for row in rows]


def get(ctx: Context, actor: Actor, ref: str, version: str) -> MigrationDetail:
    # Versions are timestamps, written in digits.
    if re.fullmatch(r"[0-9]{1,32}", version):
        for row in _rows(ctx, actor, ref, schema_migrations.find(version)):
            return MigrationDetail.model_validate(row)
    raise NotFound(
        f"project {ref} has no such migration",
        code="migration_not_found",
        fix=f"see: GET /v1/projects/{ref}/database/migrations",
    )


def apply(ctx: Context, actor: Actor, ref: str, wanted: MigrationWanted) -> None:
    _run(
        ctx,
        actor,
        ref,
        schema_migrations.apply(
            _now(), wanted.query, name=wanted.name or "", rollback=wanted.rollback
        ),
    )


def record(ctx: Context, actor: Actor, ref: str, wanted: MigrationWanted) -> None:
    """Record it as applied, by whatever means; replaces one of the same name."""
    _run(
        ctx,
        actor,
        ref,
        schema_migrations.record(
            _now(), wanted.query, name=wanted.name or "", rollback=wanted.rollback
        ),
    )


def describe(ctx: Context, actor: Actor, ref: str, version: str, patch: MigrationPatch) -> None:
    get(ctx, actor, ref, version)
    _run(
        ctx,
        actor,
        ref,
        schema_migrations.describe(version, name=patch.name, rollback=patch.rollback),
    )


def take_back(ctx: Context, actor: Actor, ref: str, since: str) -> None:
    """Take back those from version `since` on, newest first: all of them, or none."""
    rows = _rows(ctx, actor, ref, schema_migrations.since(since))
    migrations = [MigrationDetail.model_validate(row) for row in rows]
    if without := [each.version for each in migrations if not each.rollback]:
        raise Conflict(
            f"nothing says how to take back migration {', '.join(without)}",
            code="migration_without_rollback",
            fix=f"say it first: PATCH /v1/projects/{ref}/database/migrations/{without[0]}",
        )
    if migrations:
        statements = [statement for each in migrations for statement in each.rollback or []]
        versions = [each.version for each in migrations]
        _run(ctx, actor, ref, schema_migrations.take_back(versions, statements))


def _now() -> int:
    """Now, as a version."""
    return int(datetime.now(UTC).strftime("%Y%m%d%H%M%S"))


def _run(ctx: Context, actor: Actor, ref: str, text: str) -> None:
    key_service.query(ctx.settings.home, actor, ref, text, read_only=False)


def _rows(ctx: Context, actor: Actor, ref: str, text: str) -> list[dict[str, Any]]:
    """Empty where no tool has made the table yet."""
    home = ctx.settings.home
    (found,) = key_service.query(home, actor, ref, schema_migrations.EXISTS, read_only=True)
    if not found["found"]:
        return []
    return [row["entry"] for row in key_service.query(home, actor, ref, text, read_only=True)]
