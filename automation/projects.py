"""Projects: what may be asked of one, and what is promised in the same transaction.

Owns the rules of create and destroy, and the views. Must not know HTTP, Pulumi, or how the promised
workflow does its work (automation/workflows/create_project.py and destroy_project.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import psycopg

from automation import keys, operations, organizations
from automation.actors import Actor
from automation.context import Context
from automation.registry import operations as rows_of_operations
from automation.registry import projects as rows
from automation.registry.projects import ProjectRow
from automation.secrets import load_root_key
from automation.status import project_status
from contracts.errors import Conflict, LimitReached
from contracts.projects import ApiKey, Condition, Connection, DatabaseView, Project, ProjectCreate
from contracts.refs import ProjectNames, new_ref

# While a project is paused its keys open nothing, but they are the ones it will have again.
HAVE_KEYS = frozenset(
    {"CREATING", "ACTIVE", "UPDATING", "PAUSING", "PAUSED", "RESTORING", "RESTARTING"}
)


@dataclass(frozen=True)
class Started:
    """A change that is promised: the project as it stands now, and the operation to follow."""

    project: Project
    operation_id: str


def create(ctx: Context, actor: Actor, wanted: ProjectCreate) -> Started:
    """Admit a project and promise its creation: all of it in one transaction, or nothing."""
    ref = new_ref()
    with ctx.transaction() as conn:
        # Its lock comes before the one of all creates, in every transaction that takes both.
        organization = organizations.require(
            conn, actor, wanted.organization_slug or wanted.organization_id, lock=True
        )
        actor.require("administrator", organization.id)
        organizations.admit_project(conn, organization)
        rows.lock_admission(conn)
        port = _free_port(ctx, conn)
        try:
            rows.insert(
                conn,
                ref=ref,
                organization_id=organization.id,
                name=wanted.name,
                region=wanted.region,
                spec={},
                rest_port=port,
            )
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != rows.LIVE_NAME_INDEX:
                raise
            raise Conflict(
                f"organization {organization.slug} has a project {wanted.name!r} already",
                code="project_name_taken",
                fix="choose another name, or destroy that project first",
            ) from error
        row = operations.require_project(conn, ref)
        if wanted.db_pass is not None:
            root = load_root_key(ctx.settings.root_key_path)
            keys.store_secrets(conn, root, row, {"postgres_password": wanted.db_pass})
        operation = operations.promise(conn, actor, row, "create", after=wanted)
        return Started(_view(ctx, conn, row), str(operation.id))


def destroy(ctx: Context, actor: Actor, ref: str) -> Started:
    """Promise that nothing of the project remains. Asked again while that runs, the answer is the
    running operation."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        active = rows_of_operations.find_active(conn, ref)
        if active is not None and active.kind == "destroy":
            return Started(_view(ctx, conn, row), str(active.id))
        operations.require_free(conn, row)
        if row.state == "FAILED":
            # Its undo left nothing, and its name and port may be another project's by now.
            rows.set_state(conn, ref, "REMOVED")
            operation = rows_of_operations.insert(conn, project_ref=ref, kind="destroy")
            rows_of_operations.finish(conn, operation.id, "finished")
            operations.record(conn, actor, row, operation, before={"name": row.name})
        else:
            operation = operations.promise(conn, actor, row, "destroy", before={"name": row.name})
        changed = rows.find(conn, ref)
        assert changed is not None
        return Started(_view(ctx, conn, changed), str(operation.id))


def get(ctx: Context, ref: str) -> Project:
    with ctx.transaction() as conn:
        return _view(ctx, conn, operations.require_project(conn, ref))


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
        return [_view(ctx, conn, row) for row in found]


def api_keys(ctx: Context, ref: str, *, reveal: bool) -> list[ApiKey]:
    """anon and service_role. Nothing is decrypted unless they are to be shown."""
    shown = _usable_secrets(ctx, ref) if reveal else {}
    if not reveal:
        get(ctx, ref)
    return [ApiKey(id=role, name=role, api_key=shown.get(f"{role}_key")) for role in keys.API_ROLES]


def connection(ctx: Context, ref: str) -> Connection:
    secrets = _usable_secrets(ctx, ref)
    names = ProjectNames(ref)
    settings = ctx.settings
    login = f"{names.postgres}:{quote(secrets['postgres_password'], safe='')}"
    address = f"{settings.postgres_host}:{settings.home.ports.postgres}"
    return Connection(
        ref=ref,
        api_url=settings.home.project_url(ref),
        anon_key=secrets["anon_key"],
        service_role_key=secrets["service_role_key"],
        db_url=f"postgresql://{login}@{address}/{names.database}",
    )


def _free_port(ctx: Context, conn: psycopg.Connection[Any]) -> int:
    """Raises LimitReached."""
    port = rows.free_rest_port(conn, ctx.settings.home.ports.projects)
    if port is None:
        raise LimitReached(
            "this machine has no port left for another project",
            code="ports_exhausted",
            fix="destroy a project",
        )
    return port


def _usable_secrets(ctx: Context, ref: str) -> dict[str, str]:
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref)
        if row.state in HAVE_KEYS:
            secrets = keys.read_secrets(conn, load_root_key(ctx.settings.root_key_path), row)
            if "service_role_key" in secrets:
                return secrets
    raise Conflict(
        f"project {ref} is {project_status(row.state)}: it has no keys to give",
        code="project_not_ready",
        fix="look at its status with: croft projects get " + ref,
    )


def _view(ctx: Context, conn: psycopg.Connection[Any], row: ProjectRow) -> Project:
    home = ctx.settings.home
    # One server for all so far, and the registry is on it too.
    version = conn.info.parameter_status("server_version") or ""
    return Project(
        id=row.ref,
        ref=row.ref,
        organization_id=str(row.organization_id),
        organization_slug=row.organization_slug,
        name=row.name,
        region=row.region,
        created_at=row.created_at,
        status=project_status(row.state, healthy=row.observed.get("healthy")),
        database=DatabaseView(
            host=ctx.settings.postgres_host,
            version=version,
            postgres_engine=version.partition(".")[0],
        ),
        api_url=home.project_url(row.ref),
        api_host_url=home.project_host_url(row.ref),
        conditions=[
            Condition.model_validate({"type": kind, **found})
            for kind, found in sorted(row.conditions.items())
        ],
        recoverable_until=row.recoverable_until,
    )
