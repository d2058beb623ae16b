"""Rows of `operations` and `operation_events`: what the API shows of one workflow.

Owns the order of events and that `end` is the last one. Must not know workflows: the id of a run is
the outbox's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from automation.registry import webhooks
from automation.registry.projects import ProjectState
from contracts.projects import OperationKind, OperationStatus
from contracts.webhooks import EVENT_OF_KIND

# The channel that gets the id of each operation that ended.
ENDS = "operation_ends"


@dataclass(frozen=True)
class OperationRow:
    id: UUID
    project_ref: str
    kind: OperationKind
    status: OperationStatus
    error: dict[str, Any] | None
    last_seq: int
    created_at: datetime
    finished_at: datetime | None
    input: dict[str, Any]
    result: dict[str, Any] | None
    prior_state: ProjectState | None
    cancel_requested_at: datetime | None
    retry_of: UUID | None

    @property
    def is_over(self) -> bool:
        return self.finished_at is not None


@dataclass(frozen=True)
class EventRow:
    seq: int
    kind: str
    data: dict[str, Any]
    at: datetime


def insert(
    conn: Connection[Any],
    *,
    project_ref: str,
    kind: OperationKind,
    input: Mapping[str, Any] = {},
    prior_state: ProjectState | None = None,
    retry_of: UUID | None = None,
) -> OperationRow:
    """Raises psycopg.errors.UniqueViolation while another operation holds the project."""
    with conn.cursor(row_factory=class_row(OperationRow)) as cursor:
        row = cursor.execute(
            "INSERT INTO operations (project_ref, kind, input, prior_state, retry_of)"
            f" VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
            [project_ref, kind, Jsonb(dict(input)), prior_state, retry_of],
        ).fetchone()
    assert row is not None
    return row


def find(
    conn: Connection[Any], operation_id: str | UUID, *, lock: bool = False
) -> OperationRow | None:
    """With `lock` its row is held until the transaction ends."""
    with conn.cursor(row_factory=class_row(OperationRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM operations WHERE id = %s{' FOR UPDATE' if lock else ''}",
            [operation_id],
        ).fetchone()


def list_newest(
    conn: Connection[Any],
    organizations: Sequence[UUID] | None = None,
    *,
    project_ref: str | None,
    status: OperationStatus | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[OperationRow]:
    """Of some organizations' projects; those that came before `before`, by (created_at, id)."""
    wanted: dict[str, Any] = {"project_ref": project_ref, "status": status}
    filters = [f"{name} = %({name})s" for name, value in wanted.items() if value is not None]
    if organizations is not None:
        filters.append(
            "project_ref IN (SELECT ref FROM projects WHERE organization_id = ANY(%(among)s))"
        )
        wanted["among"] = organizations
    if before is not None:
        filters.append("(created_at, id) < (%(at)s, %(id)s::uuid)")
        wanted |= {"at": before[0], "id": before[1]}
    where = f"WHERE {' AND '.join(filters)}" if filters else ""
    with conn.cursor(row_factory=class_row(OperationRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM operations {where}"
            " ORDER BY created_at DESC, id DESC LIMIT %(limit)s",
            {**wanted, "limit": limit},
        ).fetchall()


def list_active_workflows(conn: Connection[Any]) -> dict[str, str]:
    """By workflow id, the operations that are not over and whose workflow was started."""
    rows = conn.execute(
        "SELECT b.workflow_id, o.id::text FROM operations o JOIN outbox b ON b.operation_id = o.id"
        " WHERE o.finished_at IS NULL AND b.started_at IS NOT NULL"
    )
    return {workflow_id: operation_id for workflow_id, operation_id in rows}


def find_newest_change(conn: Connection[Any], project_ref: str) -> OperationRow | None:
    """The last operation of the project that did more than look."""
    with conn.cursor(row_factory=class_row(OperationRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM operations WHERE project_ref = %s"
            " AND kind NOT IN ('preview', 'refresh') ORDER BY created_at DESC, id DESC LIMIT 1",
            [project_ref],
        ).fetchone()


def request_cancel(conn: Connection[Any], operation_id: UUID) -> None:
    """The workflow sees it before its next step; asked for again, the first time counts."""
    conn.execute(
        "UPDATE operations SET status = 'cancelling', cancel_requested_at ="
        " coalesce(cancel_requested_at, now()) WHERE id = %s AND finished_at IS NULL",
        [operation_id],
    )


def is_cancel_requested(conn: Connection[Any], operation_id: str | UUID) -> bool:
    row = conn.execute(
        "SELECT cancel_requested_at IS NOT NULL FROM operations WHERE id = %s", [operation_id]
    ).fetchone()
    return row is not None and bool(row[0])


def find_active(conn: Connection[Any], project_ref: str) -> OperationRow | None:
    """The operation that holds the project."""
    with conn.cursor(row_factory=class_row(OperationRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM operations WHERE project_ref = %s AND finished_at IS NULL",
            [project_ref],
        ).fetchone()


def start(conn: Connection[Any], operation_id: str | UUID) -> None:
    """From scheduling to running; a repeated call changes nothing."""
    conn.execute(
        "UPDATE operations SET status = 'running' WHERE id = %s AND status = 'scheduling'",
        [operation_id],
    )


def append_event(
    conn: Connection[Any], operation_id: str | UUID, kind: str, data: dict[str, Any]
) -> int | None:
    """The event's `seq`, or None when the operation is over and the event was dropped."""
    return append_events(conn, operation_id, [(kind, data)])


def append_events(
    conn: Connection[Any], operation_id: str | UUID, events: Sequence[tuple[str, dict[str, Any]]]
) -> int | None:
    """Append them in order; returns the last one's `seq`.

    Numbering by an update of the operation's row makes concurrent writers queue there, so a reader
    never sees 5 before 4.
    """
    row = conn.execute(
        "WITH numbered AS (UPDATE operations SET last_seq = last_seq + %(count)s"
        "   WHERE id = %(id)s AND finished_at IS NULL RETURNING id, last_seq - %(count)s AS prior),"
        " written AS (INSERT INTO operation_events (operation_id, seq, kind, data)"
        "   SELECT id, prior + place, kind, data FROM numbered,"
        "     unnest(%(kinds)s::text[], %(data)s::jsonb[]) WITH ORDINALITY AS e (kind, data, place)"
        "   RETURNING seq)"
        " SELECT max(seq) FROM written",
        {
            "id": operation_id,
            "count": len(events),
            "kinds": [kind for kind, _ in events],
            "data": [Jsonb(data) for _, data in events],
        },
    ).fetchone()
    return None if row is None else row[0]


def finish(
    conn: Connection[Any],
    operation_id: str | UUID,
    status: OperationStatus,
    error: dict[str, Any] | None = None,
    *,
    result: dict[str, Any] | None = None,
) -> bool:
    """Write the `end` event and the final status in one; whether this was the first to finish.

    `error` is {code, message, fix} and must hold no secret: it is shown and kept.
    """
    if append_event(conn, operation_id, "end", {"status": status, "error": error}) is None:
        return False
    conn.execute(
        "UPDATE operations SET status = %s, error = %s, result = %s, finished_at = now()"
        " WHERE id = %s",
        [
            status,
            *(None if value is None else Jsonb(value) for value in (error, result)),
            operation_id,
        ],
    )
    _tell(conn, operation_id)
    conn.execute("SELECT pg_notify(%s, %s)", [ENDS, str(operation_id)])
    return True


def _tell(conn: Connection[Any], operation_id: str | UUID) -> None:
    """Promise it to the webhooks, unless the operation only looked or was cancelled."""
    operation = find(conn, operation_id)
    assert operation is not None
    event = EVENT_OF_KIND.get(operation.kind)
    if event is not None and operation.status == "finished":
        webhooks.promise(conn, event, operation.id)
    elif event is not None and operation.status == "failed":
        webhooks.promise(conn, "project.failed", operation.id)


def find_summary(conn: Connection[Any], operation_id: UUID) -> dict[str, Any] | None:
    """The summary of the last update that the operation ran: {changes: {create: n, ...}}."""
    row = conn.execute(
        "SELECT data FROM operation_events WHERE operation_id = %s AND kind = 'summary'"
        " ORDER BY seq DESC LIMIT 1",
        [operation_id],
    ).fetchone()
    return None if row is None else dict(row[0])


def list_events(
    conn: Connection[Any], operation_id: str | UUID, *, after_seq: int = 0, limit: int = 500
) -> list[EventRow]:
    with conn.cursor(row_factory=class_row(EventRow)) as cursor:
        return cursor.execute(
            "SELECT seq, kind, data, at FROM operation_events"
            " WHERE operation_id = %s AND seq > %s ORDER BY seq LIMIT %s",
            [operation_id, after_seq, limit],
        ).fetchall()


_COLUMNS = (
    "id, project_ref, kind, status, error, last_seq, created_at, finished_at, input, result,"
    " prior_state, cancel_requested_at, retry_of"
)
