"""Rows of `outbox`: workflows that were promised in a transaction and still have to be started.

Owns the promise and the order of promises. Must not know how a workflow is started. Inserting also
notifies channel `outbox`, so that no worker needs to poll often.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from contracts.projects import OperationKind

CHANNEL = "outbox"


@dataclass(frozen=True)
class OutboxRow:
    id: int
    kind: OperationKind
    project_ref: str
    operation_id: UUID


def insert(
    conn: Connection[Any],
    *,
    workflow_id: str,
    kind: OperationKind,
    project_ref: str,
    operation_id: UUID,
) -> None:
    conn.execute(
        "INSERT INTO outbox (workflow_id, kind, project_ref, operation_id) VALUES (%s, %s, %s, %s)",
        [workflow_id, kind, project_ref, operation_id],
    )
    conn.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def take_next(conn: Connection[Any], kinds: Iterable[OperationKind]) -> OutboxRow | None:
    """The oldest of these kinds, held until the transaction ends; one that somebody else holds is
    skipped."""
    with conn.cursor(row_factory=class_row(OutboxRow)) as cursor:
        return cursor.execute(
            "SELECT id, kind, project_ref, operation_id FROM outbox"
            " WHERE started_at IS NULL AND kind = ANY (%s)"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
            [list(kinds)],
        ).fetchone()


def mark_started(conn: Connection[Any], row_id: int) -> None:
    conn.execute("UPDATE outbox SET started_at = now() WHERE id = %s", [row_id])


def count_waiting(conn: Connection[Any], *, longer_than_s: float) -> int:
    """Promises that have waited this long, while none was taken up: no worker is at work."""
    row = conn.execute(
        "SELECT count(*) FROM outbox WHERE started_at IS NULL"
        " AND created_at < now() - interval '1 second' * %(s)s AND NOT EXISTS ("
        "   SELECT FROM outbox WHERE started_at > now() - interval '1 second' * %(s)s)",
        {"s": longer_than_s},
    ).fetchone()
    assert row is not None
    return int(row[0])
