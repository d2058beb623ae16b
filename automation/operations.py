"""Operations: how they are asked for and looked at.

Owns what is promised when a change is asked for, in one transaction. Must not know HTTP, nor how
the promised workflow does its work.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from automation import audit
from automation.absence import no_operation, no_project
from automation.actors import Actor
from automation.context import Context
from automation.lifecycle import PASSAGES, input_of
from automation.registry import operations as rows
from automation.registry import outbox, projects
from automation.registry.operations import OperationRow
from automation.registry.projects import ProjectRow
from automation.status import project_status
from automation.workflows.names import workflow_id
from contracts.errors import Conflict, Locked
from contracts.projects import Operation, OperationKind, OperationStatus
from contracts.refs import is_ref, is_uuid


def request_operation(
    ctx: Context, actor: Actor, ref: str, kind: OperationKind, *, input: Mapping[str, Any] = {}
) -> Operation:
    """Promise a change of a project: its state, the operation and the workflow in one transaction.

    `input` is what the workflow reads under the operation's id; it is kept in clear. For `update`
    and `preview` it is {"spec": the settings wanted, as `ProjectSpec.on` takes them}; without it
    the settings stay as they are. Raises NotFound, Conflict (the state forbids it) or Locked.
    """
    with ctx.transaction() as conn:
        row = hold_startable(conn, ref, kind)
        return view(promise(conn, actor, row, kind, input=input, before=row.spec, after=input))


def require_project(conn: psycopg.Connection[Any], ref: str, *, lock: bool = False) -> ProjectRow:
    """The project, unless it was removed. Anything that is not a ref gets the same answer."""
    row = projects.find(conn, ref, lock=lock) if is_ref(ref) else None
    if row is None or row.state == "REMOVED":
        raise no_project(ref)
    return row


def require_free(conn: psycopg.Connection[Any], project: ProjectRow) -> None:
    """Raises Locked while another operation holds the project, whose row the caller holds."""
    if (active := rows.find_active(conn, project.ref)) is not None:
        raise Locked(
            f"operation {active.id} ({active.kind}) holds project {project.ref}",
            code="project_locked",
            fix="wait until it has ended, then try again",
        )


def is_held(ctx: Context, ref: str) -> bool:
    """Whether an operation holds the project right now."""
    with ctx.transaction() as conn:
        return is_ref(ref) and rows.find_active(conn, ref) is not None


def hold_startable(conn: psycopg.Connection[Any], ref: str, kind: OperationKind) -> ProjectRow:
    """The project, its row held, if such an operation may start on it. Raises NotFound, Locked,
    Conflict."""
    row = require_project(conn, ref, lock=True)
    require_startable(conn, row, kind)
    return row


def require_startable(
    conn: psycopg.Connection[Any], project: ProjectRow, kind: OperationKind
) -> None:
    """Raises Locked or Conflict; the caller holds the project's row."""
    require_free(conn, project)
    require_state(project, kind)


def require_state(project: ProjectRow, kind: OperationKind) -> None:
    if project.state not in PASSAGES[kind].start:
        raise Conflict(
            f"project {project.ref} is {project_status(project.state)}: no {kind} is possible now",
            code="project_state",
            fix=f"see: croft projects get {project.ref}",
        )


def promise(
    conn: psycopg.Connection[Any],
    actor: Actor,
    project: ProjectRow,
    kind: OperationKind,
    *,
    input: Mapping[str, Any] = {},
    retry_of: UUID | None = None,
    before: Any = None,
    after: Any = None,
) -> OperationRow:
    """Write the operation, the state it leads through, its audit log entry, and the outbox row that
    becomes its workflow. The caller holds the project's row and knows that it may begin."""
    operation = rows.insert(
        conn,
        project_ref=project.ref,
        kind=kind,
        input=input_of(kind, project.spec, input),
        prior_state=project.state,
        retry_of=retry_of,
    )
    if (through := PASSAGES[kind].through) is not None and through != project.state:
        projects.set_state(conn, project.ref, through)
    outbox.insert(
        conn,
        workflow_id=workflow_id(kind, project.ref, str(operation.id)),
        kind=kind,
        project_ref=project.ref,
        operation_id=operation.id,
    )
    record(conn, actor, project, operation, before=before, after=after)
    return operation


def record(
    conn: psycopg.Connection[Any],
    actor: Actor,
    project: ProjectRow,
    operation: OperationRow,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """Write down who asked for the operation, in the transaction that promises it."""
    audit.record_project(
        conn,
        actor,
        project,
        f"projects.{operation.kind}",
        before=before,
        after=after,
        operation_id=operation.id,
    )


def get(ctx: Context, operation_id: str) -> Operation:
    with ctx.transaction() as conn:
        return view(require(conn, operation_id))


def list_operations(
    ctx: Context,
    actor: Actor,
    *,
    project_ref: str | None = None,
    status: OperationStatus | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int,
) -> list[Operation]:
    """Newest first, of the actor's organizations. `before` is where an operation stands in that
    order: its time and id."""
    with ctx.transaction() as conn:
        found = rows.list_newest(
            conn,
            actor.organizations,
            project_ref=project_ref,
            status=status,
            before=before,
            limit=limit,
        )
    return [view(row) for row in found]


def require(
    conn: psycopg.Connection[Any], operation_id: str, *, lock: bool = False
) -> OperationRow:
    row = rows.find(conn, operation_id, lock=lock) if is_uuid(operation_id) else None
    if row is None:
        raise no_operation()
    return row


def view(row: rows.OperationRow) -> Operation:
    return Operation(
        id=str(row.id),
        kind=row.kind,
        project_ref=row.project_ref,
        status=row.status,
        error=row.error,
        result=row.result,
        retry_of=None if row.retry_of is None else str(row.retry_of),
        created_at=row.created_at,
        cancel_requested_at=row.cancel_requested_at,
        finished_at=row.finished_at,
    )
