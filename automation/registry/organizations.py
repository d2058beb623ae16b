"""Rows of `organizations`. Must not know projects beyond whose they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Organization:
    id: UUID
    slug: str
    name: str
    plan: str
    limits: dict[str, int]
    created_at: datetime


def list_all(conn: Connection[Any], among: Sequence[UUID] | None = None) -> list[Organization]:
    """Oldest first: the first one is the default. `among` is what the reader may see."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND (%(among)s::uuid[] IS NULL OR id = ANY(%(among)s))"
            " ORDER BY created_at, slug",
            {"among": among},
        ).fetchall()


def find(conn: Connection[Any], slug_or_id: str) -> Organization | None:
    """By slug, or by id: Supabase's tools name the field `organization_id` and send either."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND (slug = %(key)s OR id::text = %(key)s)", {"key": slug_or_id}
        ).fetchone()


def lock(conn: Connection[Any], organization_id: UUID) -> Organization | None:
    """Its current row, held until the transaction ends: what is counted against a limit, or of
    owners, stays so. None when it was deleted meanwhile."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND id = %s FOR NO KEY UPDATE", [organization_id]
        ).fetchone()


def id_of_project(conn: Connection[Any], ref: str) -> UUID | None:
    row = conn.execute("SELECT organization_id FROM projects WHERE ref = %s", [ref]).fetchone()
    return None if row is None else UUID(str(row[0]))


def id_of_operation(conn: Connection[Any], operation_id: UUID) -> UUID | None:
    row = conn.execute(
        "SELECT p.organization_id FROM operations o JOIN projects p ON p.ref = o.project_ref"
        " WHERE o.id = %s",
        [operation_id],
    ).fetchone()
    return None if row is None else UUID(str(row[0]))


def insert(conn: Connection[Any], *, slug: str, name: str, plan: str) -> Organization | None:
    """None when a live organization has the slug."""
    with conn.cursor(row_factory=class_row(Organization)) as cursor:
        return cursor.execute(
            "INSERT INTO organizations (slug, name, plan) VALUES (%s, %s, %s)"
            f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
            [slug, name, plan],
        ).fetchone()


def set_limits(
    conn: Connection[Any], organization_id: UUID, plan: str, limits: Mapping[str, int]
) -> None:
    conn.execute(
        "UPDATE organizations SET plan = %s, limits = %s WHERE id = %s",
        [plan, Jsonb(dict(limits)), organization_id],
    )


def mark_deleted(conn: Connection[Any], organization_id: UUID) -> None:
    conn.execute("UPDATE organizations SET deleted_at = now() WHERE id = %s", [organization_id])


_COLUMNS = "id, slug, name, plan, limits, created_at"
_SELECT = f"SELECT {_COLUMNS} FROM organizations WHERE deleted_at IS NULL"
