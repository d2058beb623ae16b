"""Rows of `webhooks` and `webhook_deliveries`: who is told, and what is still to be told.

Owns the outbox of deliveries: promised in the transaction that ends an operation, leased by one
worker at a time, bounded in attempts. Must not know HTTP, nor secrets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.webhooks import EventType


@dataclass(frozen=True)
class WebhookRow:
    id: UUID
    organization_id: UUID
    url: str
    events: list[EventType]
    may_be_private: bool
    created_at: datetime


@dataclass(frozen=True)
class DeliveryRow:
    id: UUID
    webhook_id: UUID
    event: EventType
    project_ref: str | None
    data: dict[str, Any]
    status: str
    attempts: int
    next_attempt_at: datetime | None
    last_answer: str | None
    created_at: datetime


def insert(conn: Connection[Any], row: WebhookRow) -> None:
    conn.execute(
        f"INSERT INTO webhooks ({_WEBHOOK}) VALUES (%s, %s, %s, %s, %s, %s)",
        list(vars(row).values()),
    )


def list_of(conn: Connection[Any], organization_id: UUID) -> list[WebhookRow]:
    with conn.cursor(row_factory=class_row(WebhookRow)) as cursor:
        return cursor.execute(
            f"SELECT {_WEBHOOK} FROM webhooks WHERE organization_id = %s ORDER BY created_at, id",
            [organization_id],
        ).fetchall()


def find(conn: Connection[Any], webhook_id: UUID) -> WebhookRow | None:
    with conn.cursor(row_factory=class_row(WebhookRow)) as cursor:
        return cursor.execute(
            f"SELECT {_WEBHOOK} FROM webhooks WHERE id = %s", [webhook_id]
        ).fetchone()


def delete(conn: Connection[Any], webhook_id: UUID) -> None:
    """With everything that was still on its way."""
    conn.execute("DELETE FROM webhooks WHERE id = %s", [webhook_id])


def promise(conn: Connection[Any], event: EventType, operation_id: UUID | str) -> None:
    """A delivery to every webhook that wants this event of the operation's project."""
    conn.execute(
        "INSERT INTO webhook_deliveries (webhook_id, event, project_ref, data)"
        " SELECT w.id, %(event)s, p.ref, jsonb_build_object('ref', p.ref, 'name', p.name,"
        "   'organization_slug', g.slug, 'operation_id', o.id, 'operation', o.kind,"
        "   'error_code', o.error ->> 'code')"
        " FROM operations o JOIN projects p ON p.ref = o.project_ref"
        " JOIN organizations g ON g.id = p.organization_id"
        " JOIN webhooks w ON w.organization_id = g.id"
        " WHERE o.id = %(id)s AND (w.events = '{}' OR %(event)s = ANY (w.events))",
        {"event": event, "id": operation_id},
    )


def promise_test(conn: Connection[Any], webhook_id: UUID, data: dict[str, Any]) -> DeliveryRow:
    with conn.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        row = cursor.execute(
            "INSERT INTO webhook_deliveries (webhook_id, event, data)"
            f" VALUES (%s, 'webhook.test', %s) RETURNING {_DELIVERY}",
            [webhook_id, Jsonb(data)],
        ).fetchone()
    assert row is not None
    return row


def list_deliveries(conn: Connection[Any], webhook_id: UUID, *, limit: int) -> list[DeliveryRow]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        return cursor.execute(
            f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE webhook_id = %s"
            " ORDER BY created_at DESC, id LIMIT %s",
            [webhook_id, limit],
        ).fetchall()


def take_due(conn: Connection[Any], *, limit: int, pauses_s: Sequence[float]) -> list[DeliveryRow]:
    """What is due, each counted as an attempt and put off until the next one: a worker that dies
    over it leaves it to another. Rows that another worker is taking are skipped."""
    with conn.cursor(row_factory=class_row(DeliveryRow)) as cursor:
        return cursor.execute(
            "WITH due AS (SELECT id FROM webhook_deliveries"
            "   WHERE status = 'pending' AND next_attempt_at <= now()"
            "   ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"
            " UPDATE webhook_deliveries d SET attempts = attempts + 1,"
            "   next_attempt_at = now() + interval '1 second'"
            # A tenth more or less, so that those that failed together are not retried together.
            "     * (%(pauses)s::float8[])[least(attempts + 1, %(count)s)] * (0.9 + random() / 5)"
            f" FROM due WHERE d.id = due.id RETURNING {_OF_D}",
            {"limit": limit, "pauses": list(pauses_s), "count": len(pauses_s)},
        ).fetchall()


def mark_delivered(conn: Connection[Any], delivery_id: UUID, answer: str) -> None:
    conn.execute(
        "UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL,"
        " last_answer = %s WHERE id = %s",
        [answer, delivery_id],
    )


def mark_attempt(
    conn: Connection[Any], delivery_id: UUID, answer: str, *, attempts_max: int
) -> None:
    """It was not taken: tried again later, unless that was the last attempt."""
    conn.execute(
        "UPDATE webhook_deliveries SET last_answer = %(answer)s,"
        " status = CASE WHEN attempts >= %(max)s THEN 'failed' ELSE 'pending' END,"
        " next_attempt_at = CASE WHEN attempts < %(max)s THEN next_attempt_at END"
        " WHERE id = %(id)s AND status = 'pending'",
        {"answer": answer, "max": attempts_max, "id": delivery_id},
    )


def prune(conn: Connection[Any], *, older_than_days: int) -> None:
    conn.execute(
        "DELETE FROM webhook_deliveries WHERE status <> 'pending'"
        " AND created_at < now() - interval '1 day' * %s",
        [older_than_days],
    )


_WEBHOOK = "id, organization_id, url, events, may_be_private, created_at"
_DELIVERY = (
    "id, webhook_id, event, project_ref, data, status, attempts, next_attempt_at, last_answer,"
    " created_at"
)
_OF_D = ", ".join(f"d.{name.strip()}" for name in _DELIVERY.split(","))
