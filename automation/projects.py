"""Projects: what may be asked of one, and what is promised in the same transaction.

Owns the rules of create and destroy, and the views. Must not know HTTP, Pulumi, or how the promised
workflow does its work (automation/workflows/create_project.py and destroy_project.py).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg

from automation import audit, keys, organizations
from automation.actors import Actor
from automation.context import Context
from automation.registry import operations, outbox
from automation.registry import projects as rows
from automation.registry.operations import OperationRow
from automation.registry.organizations import Organization
from automation.registry.projects import ProjectRow
from automation.secrets import load_root_key
from automation.status import project_status
from automation.workflows.names import OperationKind, workflow_id
from contracts.errors import Conflict, LimitReached, Locked, NotFound
from contracts.projects import ApiKey, Connection, DatabaseView, Project, ProjectCreate
from contracts.refs import ProjectNames, is_ref, new_ref


@dataclass(frozen=True)
class Started:
    """A change that is promised: the project as it stands now, and the operation to follow."""

    project: Project
    operation_id: str


def create(ctx: Context, actor: Actor, wanted: ProjectCreate) -> Started:
    """Admit a project and promise its creation: all of it in one transaction, or nothing."""
    ref = new_ref()
    with ctx.transaction() as conn:
        organization = organizations.require(
            conn, wanted.organization_slug or wanted.organization_id
        )
        rows.lock_admission(conn)
        port = _admit(ctx, conn, organization)
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
        row = _require(conn, ref)
        if wanted.db_pass is not None:
            root = load_root_key(ctx.settings.root_key_path)
            keys.store_secrets(conn, root, row, {"postgres_password": wanted.db_pass})
        operation = _promise(conn, ref, "create")
        _record(conn, actor, "projects.create", row, after=wanted, operation=operation)
        return Started(_view(ctx, conn, row), str(operation.id))


def destroy(ctx: Context, actor: Actor, ref: str) -> Started:
    """Promise that nothing of the project remains. Asked again while that runs, the answer is the
    running operation."""
    with ctx.transaction() as conn:
        row = _require(conn, ref, lock=True)
        if (active := operations.find_active(conn, ref)) is not None:
            if active.kind == "destroy":
                return Started(_view(ctx, conn, row), str(active.id))
            raise Locked(
                f"operation {active.id} ({active.kind}) holds project {ref}",
                code="project_locked",
                fix="wait until it has ended, then try again",
            )
        if row.state == "FAILED":
            # Its undo left nothing, and its name and port may be another project's by now.
            rows.set_state(conn, ref, "REMOVED")
            operation = operations.insert(conn, project_ref=ref, kind="destroy")
            operations.finish(conn, operation.id, "finished")
        else:
            rows.set_state(conn, ref, "DELETING")
            operation = _promise(conn, ref, "destroy")
        changed = rows.find(conn, ref)
        assert changed is not None
        _record(
            conn, actor, "projects.destroy", row, before={"name": row.name}, operation=operation
        )
        return Started(_view(ctx, conn, changed), str(operation.id))


def get(ctx: Context, ref: str) -> Project:
    with ctx.transaction() as conn:
        return _view(ctx, conn, _require(conn, ref))


def list_projects(ctx: Context) -> list[Project]:
    with ctx.transaction() as conn:
        return [_view(ctx, conn, row) for row in rows.list_present(conn)]


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


def _admit(ctx: Context, conn: psycopg.Connection[Any], organization: Organization) -> int:
    """The port that a new project of the organization gets. Raises LimitReached."""
    projects_max = organization.limits.get("projects_max")
    if projects_max is not None and rows.count_live(conn, organization.id) >= projects_max:
        raise LimitReached(
            f"organization {organization.slug} has its {projects_max} projects",
            code="limit_reached",
            fix="destroy a project, or raise projects_max in the organization's limits",
        )
    port = rows.free_rest_port(conn, ctx.settings.home.ports.projects)
    if port is None:
        raise LimitReached(
            "this machine has no port left for another project",
            code="ports_exhausted",
            fix="destroy a project",
        )
    return port


def _promise(conn: psycopg.Connection[Any], ref: str, kind: OperationKind) -> OperationRow:
    """The operation, and the outbox row that will become its workflow."""
    operation = operations.insert(conn, project_ref=ref, kind=kind)
    outbox.insert(
        conn,
        workflow_id=workflow_id(kind, ref, str(operation.id)),
        kind=kind,
        project_ref=ref,
        operation_id=operation.id,
    )
    return operation


def _record(
    conn: psycopg.Connection[Any],
    actor: Actor,
    action: str,
    row: ProjectRow,
    *,
    operation: OperationRow,
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        conn,
        actor,
        action=action,
        target=f"projects/{row.ref}",
        organization_id=row.organization_id,
        before=before,
        after=after,
        operation_id=operation.id,
    )


def _require(conn: psycopg.Connection[Any], ref: str, *, lock: bool = False) -> ProjectRow:
    """The project unless it is removed. What is no ref at all gets the same answer."""
    row = rows.find(conn, ref, lock=lock) if is_ref(ref) else None
    if row is None or row.state == "REMOVED":
        raise NotFound(
            f"no project {ref!r}", code="project_not_found", fix="see: croft projects list"
        )
    return row


def _usable_secrets(ctx: Context, ref: str) -> dict[str, str]:
    with ctx.transaction() as conn:
        row = _require(conn, ref)
        if row.state in ("CREATING", "ACTIVE"):
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
    )
