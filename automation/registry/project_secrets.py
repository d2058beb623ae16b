"""Rows of `project_secrets`: ciphertext only. The first write of a name wins.

Must not know keys or how a record is sealed (automation/secrets.py does).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True)
class Listed:
    """A secret as it is listed: what it is, never what it says."""

    name: str
    ciphertext: bytes
    created_at: datetime


@dataclass(frozen=True)
class SecretRow:
    project_ref: str
    name: str
    version: int
    kek_id: str
    wrapped_dek: bytes
    nonce: bytes
    ciphertext: bytes


def insert_first(conn: Connection[Any], row: SecretRow) -> None:
    """Keep `row` unless the project has that version of the secret already."""
    conn.execute(
        "INSERT INTO project_secrets"
        " (project_ref, name, version, kek_id, wrapped_dek, nonce, ciphertext)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [
            row.project_ref,
            row.name,
            row.version,
            row.kek_id,
            row.wrapped_dek,
            row.nonce,
            row.ciphertext,
        ],
    )


def list_current(conn: Connection[Any], project_ref: str) -> list[SecretRow]:
    """The newest version of each of the project's secrets."""
    with conn.cursor(row_factory=class_row(SecretRow)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (name) project_ref, name, version, kek_id, wrapped_dek, nonce,"
            " ciphertext FROM project_secrets WHERE project_ref = %s ORDER BY name, version DESC",
            [project_ref],
        ).fetchall()


def list_all(conn: Connection[Any], project_ref: str) -> list[SecretRow]:
    """Every version of each of the project's secrets."""
    with conn.cursor(row_factory=class_row(SecretRow)) as cursor:
        return cursor.execute(
            "SELECT project_ref, name, version, kek_id, wrapped_dek, nonce, ciphertext"
            " FROM project_secrets WHERE project_ref = %s",
            [project_ref],
        ).fetchall()


def list_with_prefix(conn: Connection[Any], project_ref: str, prefix: str) -> list[Listed]:
    """The newest version of each of those whose names begin so, by name."""
    with conn.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(
            "SELECT DISTINCT ON (name) name, ciphertext, created_at FROM project_secrets"
            " WHERE project_ref = %s AND starts_with(name, %s) ORDER BY name, version DESC",
            [project_ref, prefix],
        ).fetchall()


def next_version(conn: Connection[Any], project_ref: str, name: str) -> int:
    row = conn.execute(
        "SELECT coalesce(max(version), 0) + 1 FROM project_secrets"
        " WHERE project_ref = %s AND name = %s",
        [project_ref, name],
    ).fetchone()
    assert row is not None
    return int(row[0])


def delete(conn: Connection[Any], project_ref: str, names: Sequence[str]) -> set[str]:
    """Every version of the named ones. The names of those that there were."""
    gone = conn.execute(
        "DELETE FROM project_secrets WHERE project_ref = %s AND name = ANY(%s) RETURNING name",
        [project_ref, list(names)],
    )
    return {name for (name,) in gone}


def replace(conn: Connection[Any], row: SecretRow) -> None:
    """The same secret and version, sealed anew."""
    conn.execute(
        "UPDATE project_secrets SET kek_id = %(kek_id)s, wrapped_dek = %(wrapped_dek)s,"
        " nonce = %(nonce)s, ciphertext = %(ciphertext)s"
        " WHERE project_ref = %(project_ref)s AND name = %(name)s AND version = %(version)s",
        vars(row),
    )


def delete_all(conn: Connection[Any], project_ref: str, *, keeping: Collection[str] = ()) -> None:
    """Once the project is gone nothing needs them any more, except those that are named."""
    conn.execute(
        "DELETE FROM project_secrets WHERE project_ref = %s AND name <> ALL (%s)",
        [project_ref, list(keeping)],
    )


def written_at(conn: Connection[Any], project_ref: str, name: str) -> datetime | None:
    """When the newest version of the secret was stored."""
    row = conn.execute(
        "SELECT max(created_at) FROM project_secrets WHERE project_ref = %s AND name = %s",
        [project_ref, name],
    ).fetchone()
    return None if row is None else row[0]
