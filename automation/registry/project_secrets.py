"""Rows of `project_secrets`: ciphertext only. The first write of a name wins.

Must not know keys or how a record is sealed (automation/secrets.py does).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


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
