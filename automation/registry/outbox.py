"""Rows of `outbox`: workflows that were promised in a transaction and still have to be enqueued.

Owns the promise. Must not know the queue. Inserting also notifies channel `outbox`, so that the
sweeper need not poll fast.
"""

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
    workflow_id: str
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


def take_pending(conn: Connection[Any], *, limit: int) -> list[OutboxRow]:
    """Oldest first, held until the transaction ends; rows that another sweeper holds are passed."""
    with conn.cursor(row_factory=class_row(OutboxRow)) as cursor:
        return cursor.execute(
            "SELECT id, workflow_id, kind, project_ref, operation_id FROM outbox"
            " WHERE enqueued_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [limit],
        ).fetchall()


def mark_enqueued(conn: Connection[Any], row_id: int) -> None:
    conn.execute("UPDATE outbox SET enqueued_at = now() WHERE id = %s", [row_id])


def count_waiting(conn: Connection[Any], *, longer_than_s: float) -> int:
    """Promises that nobody has enqueued for so long: no sweeper runs."""
    row = conn.execute(
        "SELECT count(*) FROM outbox WHERE enqueued_at IS NULL"
        " AND created_at < now() - interval '1 second' * %s",
        [longer_than_s],
    ).fetchone()
    assert row is not None
    return int(row[0])
