"""/v1/projects/{ref}/database/{query,migrations}: SQL on a project's own database.

A worker runs it, as the project's own login and no other (automation/key_service).
"""

from typing import Any

from fastapi import APIRouter, status

from automation import migrations
from automation.api.access import ActorOf, ContextOf
from automation.key_service import client as key_service
from contracts.project_config import (
    Migration,
    MigrationDetail,
    MigrationWanted,
    Query,
    ReadOnlyQuery,
)

router = APIRouter(prefix="/projects/{ref}/database", tags=["projects"])


@router.post("/query", status_code=status.HTTP_201_CREATED)
def projects_query(ctx: ContextOf, actor: ActorOf, ref: str, asked: Query) -> list[dict[str, Any]]:
    """The rows of the last statement."""
    return key_service.query(ctx.settings.home, actor, ref, asked.query, read_only=asked.read_only)


@router.post("/query/read-only", status_code=status.HTTP_201_CREATED)
def projects_query_read_only(
    ctx: ContextOf, actor: ActorOf, ref: str, asked: ReadOnlyQuery
) -> list[dict[str, Any]]:
    return key_service.query(ctx.settings.home, actor, ref, asked.query, read_only=True)


@router.get("/migrations")
def projects_migrations(ctx: ContextOf, actor: ActorOf, ref: str) -> list[Migration]:
    """By version, the oldest first."""
    return migrations.list_migrations(ctx, actor, ref)


@router.post("/migrations")
def projects_migrations_apply(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: MigrationWanted
) -> None:
    """All of it and its entry, or nothing: unless its own text ends the transaction."""
    migrations.apply(ctx, actor, ref, wanted)


@router.get("/migrations/{version}")
def projects_migration(ctx: ContextOf, actor: ActorOf, ref: str, version: str) -> MigrationDetail:
    return migrations.get(ctx, actor, ref, version)
