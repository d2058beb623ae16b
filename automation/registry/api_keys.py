"""Rows of `api_keys`: which publishable and secret keys a project has.

Owns their SQL. Must not know a key itself, which is kept sealed among the project's secrets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from contracts.api_keys import IssuedType


@dataclass(frozen=True)
class ApiKeyRow:
    id: UUID
    type: IssuedType
    name: str
    description: str | None
    prefix: str
    hash: str
    inserted_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    watched: bool
    """Whether anybody has looked since it was made."""


_COLUMNS = (
    "id, type, name, description, prefix, hash, inserted_at, updated_at, last_used_at, watched"
)


def insert(
    conn: Connection[Any],
    ref: str,
    *,
    type: IssuedType,
    name: str,
    description: str | None,
    prefix: str,
    hash: str,
) -> ApiKeyRow:
    """Raises psycopg.errors.UniqueViolation when the project has a key of that name."""
    return _one(
        conn,
        "INSERT INTO api_keys (project_ref, type, name, description, prefix, hash)"
        f" VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
        [ref, type, name, description, prefix, hash],
    )


def list_of(conn: Connection[Any], ref: str) -> list[ApiKeyRow]:
    """The oldest first."""
    with conn.cursor(row_factory=class_row(ApiKeyRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM api_keys WHERE project_ref = %s ORDER BY inserted_at, id",
            [ref],
        ).fetchall()


def update(conn: Connection[Any], row: ApiKeyRow) -> ApiKeyRow:
    """Its name and description. Raises psycopg.errors.UniqueViolation as `insert`."""
    return _one(
        conn,
        "UPDATE api_keys SET name = %s, description = %s, updated_at = now() WHERE id = %s"
        f" RETURNING {_COLUMNS}",
        [row.name, row.description, row.id],
    )


def set_used(conn: Connection[Any], ids: Sequence[str], at: datetime) -> None:
    conn.execute(
        "UPDATE api_keys SET last_used_at = %s WHERE id = ANY (%s::uuid[])", [at, list(ids)]
    )


def delete(conn: Connection[Any], id: UUID) -> None:
    conn.execute("DELETE FROM api_keys WHERE id = %s", [id])


def delete_all(conn: Connection[Any], ref: str) -> None:
    conn.execute("DELETE FROM api_keys WHERE project_ref = %s", [ref])


def _one(conn: Connection[Any], statement: str, values: list[Any]) -> ApiKeyRow:
    with conn.cursor(row_factory=class_row(ApiKeyRow)) as cursor:
        row = cursor.execute(statement, values).fetchone()
    assert row is not None
    return row
