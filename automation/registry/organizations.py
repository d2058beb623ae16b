"""Rows of `organizations`. Must not know projects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True)
class Organization:
    id: UUID
    slug: str
    name: str
    plan: str
    limits: dict[str, Any]
    created_at: datetime


def list_all(conn: Connection[Any]) -> list[Organization]:
    """Oldest first: the first one is the default."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(f"{_SELECT} ORDER BY created_at, slug").fetchall()


def find(conn: Connection[Any], slug_or_id: str) -> Organization | None:
    """By slug, or by id: Supabase's tools name the field `organization_id` and send either."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(
            f"{_SELECT} WHERE slug = %(key)s OR id::text = %(key)s", {"key": slug_or_id}
        ).fetchone()


_SELECT = "SELECT id, slug, name, plan, limits, created_at FROM organizations"
