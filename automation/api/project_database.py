"""/v1/projects/{ref}/database/{query,migrations} and .../types: SQL on a project's own database.

A worker runs it, as the project's own login and no other (automation/key_service).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, status

from automation import generated_types, migrations
from automation.api.access import ActorOf, ContextOf
from automation.key_service import client as key_service
from contracts.project_database import (
    GeneratedTypes,
    Migration,
    MigrationDetail,
    MigrationPatch,
    MigrationWanted,
    ReadOnlySqlQuery,
    SqlQuery,
)

# Comma-separated names, at least one.
SCHEMAS = r"^[^\u0000]*[^\u0000,\s][^\u0000]*$"

router = APIRouter(prefix="/projects/{ref}", tags=["projects"])


@router.post("/database/query", status_code=status.HTTP_201_CREATED)
def projects_query(
    ctx: ContextOf, actor: ActorOf, ref: str, asked: SqlQuery
) -> list[dict[str, Any]]:
    """The rows of the last statement."""
    return _run(ctx, actor, ref, asked, read_only=asked.read_only)


@router.post("/database/query/read-only", status_code=status.HTTP_201_CREATED)
def projects_query_read_only(
    ctx: ContextOf, actor: ActorOf, ref: str, asked: ReadOnlySqlQuery
) -> list[dict[str, Any]]:
    return _run(ctx, actor, ref, asked, read_only=True)


@router.get("/database/migrations")
def projects_migrations(ctx: ContextOf, actor: ActorOf, ref: str) -> list[Migration]:
    """By version, oldest first."""
    return migrations.list_migrations(ctx, actor, ref)


@router.post("/database/migrations")
def projects_migrations_apply(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: MigrationWanted
) -> None:
    """Run it and record it, in one transaction unless its own text ends that."""
    migrations.apply(ctx, actor, ref, wanted)


@router.put("/database/migrations")
def projects_migrations_record(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: MigrationWanted
) -> None:
    """Record it without running it, in place of one of the same name."""
    migrations.record(ctx, actor, ref, wanted)


@router.delete("/database/migrations")
def projects_migrations_take_back(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    gte: Annotated[str, Query(pattern=r"^[0-9]{1,32}$")],
) -> None:
    """Roll back each one from version `gte` on, newest first, and remove its entry."""
    migrations.take_back(ctx, actor, ref, gte)


@router.get("/database/migrations/{version}")
def projects_migration(ctx: ContextOf, actor: ActorOf, ref: str, version: str) -> MigrationDetail:
    return migrations.get(ctx, actor, ref, version)


@router.patch("/database/migrations/{version}")
def projects_migration_update(
    ctx: ContextOf, actor: ActorOf, ref: str, version: str, patch: MigrationPatch
) -> None:
    migrations.describe(ctx, actor, ref, version, patch)


@router.get("/types/typescript")
def projects_types_typescript(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    included_schemas: Annotated[str, Query(pattern=SCHEMAS, max_length=4000)] = "public",
) -> GeneratedTypes:
    """`Database` for `createClient<Database>`; schemas are separated by commas."""
    return GeneratedTypes(types=generated_types.generate(ctx, actor, ref, included_schemas))


def _run(
    ctx: ContextOf, actor: ActorOf, ref: str, asked: ReadOnlySqlQuery, *, read_only: bool
) -> list[dict[str, Any]]:
    home = ctx.settings.home
    return key_service.query(
        home, actor, ref, asked.query, read_only=read_only, parameters=asked.parameters
    )
