"""Projects: what may be asked of one, and what is promised in the same transaction.

Owns the rules of create, and the views; what else may be done with one is in changes.py. Must not
know HTTP, Pulumi, or how the promised workflow does its work.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import psycopg

from automation import adopted_keys, keys, operations, organizations
from automation.actors import Actor
from automation.adopted_keys import Adopted
from automation.context import Context
from automation.encryption.sealing import seal_all_for_workers
from automation.key_service import client as key_service
from automation.registry import project_keys
from automation.registry import projects as rows
from automation.registry.projects import ListedProject
from automation.status import project_status
from contracts.errors import Conflict, LimitReached
from contracts.project_config import AllRegions, RecommendedRegions, Region, Regions
from contracts.project_keys import ROTATED_KINDS
from contracts.projects import (
    REGION,
    Condition,
    Connection,
    DatabaseView,
    Operation,
    Project,
    ProjectCreate,
)
from contracts.refs import ProjectNames, new_ref

CONNECTION_SECRETS = ("anon_key", "service_role_key", "postgres_login", "postgres_password")


@dataclass(frozen=True)
class Started:
    """A change that is promised: the project as it stands now, and the operation to follow."""

    project: Project
    operation_id: str


def create(ctx: Context, actor: Actor, wanted: ProjectCreate) -> Started:
    """Admit a project and promise its creation: all of it in one transaction, or nothing."""
    ref = new_ref()
    adopted = None if wanted.keys is None else adopted_keys.check(wanted.keys, now=int(time.time()))
    with ctx.transaction() as conn:
        # Its lock comes before the one of all creates, in every transaction that takes both.
        organization = organizations.require(
            conn, actor, wanted.organization_slug or wanted.organization_id, lock=True
        )
        actor.require("administrator", organization.id)
        organizations.admit_project(conn, organization)
        rows.lock_admission(conn)
        port = free_port(ctx, conn)
        if adopted is not None:
            _require_in_no_other_project(conn, adopted)
        try:
            rows.insert(
                conn,
                ref=ref,
                organization_id=organization.id,
                name=wanted.name,
                region=wanted.region,
                spec=_first_spec(adopted),
                rest_port=port,
            )
        except psycopg.errors.UniqueViolation as error:
            raise name_taken(error, organization.slug, wanted.name) from error
        row = operations.require_project(conn, ref)
        chosen = {} if wanted.db_pass is None else {"postgres_password": wanted.db_pass}
        fingerprint = None if adopted is None else adopted.fingerprint
        project_keys.insert_first(conn, ref, ROTATED_KINDS, fingerprint=fingerprint)
        if adopted is not None:
            chosen |= adopted.secrets
            project_keys.insert_jwks(conn, ref, adopted.public_jwks)
        keys.store_secrets(conn, seal_all_for_workers, row, chosen)
        operation = operations.promise(
            conn, actor, row, "create", input={"chosen": list(chosen)}, after=wanted
        )
        return Started(view(ctx, conn, row), str(operation.id))


def _require_in_no_other_project(conn: psycopg.Connection[Any], adopted: Adopted) -> None:
    """Tokens that come with an adopted key name no project of ours: the key alone says whose they
    are. Needs `lock_admission`."""
    if project_keys.find_fingerprint(conn, adopted.fingerprint) is not None:
        raise Conflict(
            "a project has this JWT secret already: its tokens would open both",
            code="jwt_secret_taken",
            fix="give each project a secret of its own, or purge the other one first",
        )


def _first_spec(adopted: Adopted | None) -> dict[str, Any]:
    if adopted is None or not adopted.token_issuers:
        return {}
    return {"rest": {"token_issuers": adopted.token_issuers}}


def get(ctx: Context, ref: str) -> Project:
    with ctx.transaction() as conn:
        return view(ctx, conn, operations.require_project(conn, ref))


def as_left_by(ctx: Context, operation: Operation) -> Project:
    """The project as it stands after an operation was asked for, removed or not."""
    with ctx.transaction() as conn:
        row = rows.find(conn, operation.project_ref)
        assert row is not None
        return view(ctx, conn, row)


def list_projects(
    ctx: Context,
    actor: Actor,
    *,
    organization: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[Project]:
    """Oldest first: all that the actor sees, or those of one organization. `after` is where a
    project stands in that order: its time and ref."""
    with ctx.transaction() as conn:
        among = actor.organizations
        if organization is not None:
            among = [organizations.require(conn, actor, organization).id]
        found = rows.list_present(conn, among, after=after, limit=limit)
        database = _database(ctx, conn)
        return [_view(ctx, row, database) for row in found]


def regions() -> Regions:
    """One machine, in Supabase's form, which puts regions into groups."""
    name = "This machine"
    group = Region(name=name, code=REGION, type="smartGroup")
    here = Region(name=name, code=REGION, type="specific", provider="local")
    return Regions(
        recommendations=RecommendedRegions(smartGroup=group, specific=[here]),
        all=AllRegions(smartGroup=[group], specific=[here]),
    )


def connection(ctx: Context, actor: Actor, ref: str) -> Connection:
    get(ctx, ref)
    shown = key_service.reveal(ctx.settings.home, actor, ref, CONNECTION_SECRETS)
    return connection_of(ctx, ref, shown)


def connection_of(ctx: Context, ref: str, shown: Mapping[str, str]) -> Connection:
    """What an app is configured with, from CONNECTION_SECRETS in clear."""
    home = ctx.settings.home
    login = f"{shown['postgres_login']}:{quote(shown['postgres_password'], safe='')}"
    address = f"{ctx.settings.postgres_host}:{home.ports.postgres}"
    return Connection(
        ref=ref,
        api_url=home.project_url(ref),
        anon_key=shown["anon_key"],
        service_role_key=shown["service_role_key"],
        db_url=f"postgresql://{login}@{address}/{ProjectNames(ref).database}",
    )


def name_taken(
    error: psycopg.errors.UniqueViolation, organization_slug: str, name: str
) -> Exception:
    """The error for a live project of the same name; any other violation stays what it is."""
    if error.diag.constraint_name != rows.LIVE_NAME_INDEX:
        return error
    return Conflict(
        f"organization {organization_slug} has a project {name!r} already",
        code="project_name_taken",
        fix="choose another name, or destroy that project first",
    )


def free_port(ctx: Context, conn: psycopg.Connection[Any]) -> int:
    """For one more project; needs `lock_admission`. Raises LimitReached."""
    port = rows.free_rest_port(conn, ctx.settings.home.ports.projects)
    if port is None:
        raise LimitReached(
            "this machine has no port left for another project",
            code="ports_exhausted",
            fix="destroy a project",
        )
    return port


def view(ctx: Context, conn: psycopg.Connection[Any], row: ListedProject) -> Project:
    return _view(ctx, row, _database(ctx, conn))


def _database(ctx: Context, conn: psycopg.Connection[Any]) -> DatabaseView:
    """One server for all so far, and the registry is on it too."""
    version = conn.info.parameter_status("server_version") or ""
    return DatabaseView(
        host=ctx.settings.postgres_host, version=version, postgres_engine=version.partition(".")[0]
    )


def _view(ctx: Context, row: ListedProject, database: DatabaseView) -> Project:
    home = ctx.settings.home
    return Project(
        id=row.ref,
        ref=row.ref,
        organization_id=str(row.organization_id),
        organization_slug=row.organization_slug,
        name=row.name,
        region=row.region,
        created_at=row.created_at,
        status=project_status(row.state, row.conditions, healthy=row.healthy),
        database=database,
        api_url=home.project_url(row.ref),
        api_host_url=home.project_host_url(row.ref),
        conditions=[
            Condition.model_validate({"type": kind, **found})
            for kind, found in sorted(row.conditions.items())
        ],
        recoverable_until=row.recoverable_until if row.state == "DELETED" else None,
    )
