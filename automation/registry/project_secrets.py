"""Rows of `project_secrets`: ciphertext only. The first write of a version wins.

Must not know keys or how a record is sealed (automation/encryption/envelope.py does).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from automation.encryption.envelope import RecordName, Sealed
from automation.registry import sealed_records
from automation.registry.sealed_records import SealedRow


@dataclass(frozen=True)
class Listed:
    """A secret as it is listed: what it is, never what it says."""

    name: str
    ciphertext: bytes
    created_at: datetime


@dataclass(frozen=True)
class SecretRow(SealedRow):
    project_ref: str
    name: str
    version: int


def insert_first(conn: Connection[Any], secrets: Mapping[RecordName, Sealed]) -> None:
    """Each unless the project has that version of the secret already."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO project_secrets"
            " (project_ref, name, version, kek_id, wrapped_dek, nonce, ciphertext) VALUES"
            " (%(owner)s, %(name)s, %(version)s,"
            "  %(kek_id)s, %(wrapped_dek)s, %(nonce)s, %(ciphertext)s)"
            " ON CONFLICT DO NOTHING",
            [{**vars(record), **vars(sealed)} for record, sealed in secrets.items()],
        )


def list_current(
    conn: Connection[Any],
    project_ref: str,
    *,
    names: Collection[str] | None = None,
    but_prefix: str | None = None,
) -> list[SecretRow]:
    """The newest version of each of the project's secrets: of all, of `names`, or of those that do
    not begin with `but_prefix`."""
    with conn.cursor(row_factory=class_row(SecretRow)) as cursor:
        return cursor.execute(
            f"SELECT DISTINCT ON (name) {_COLUMNS} FROM project_secrets s"
            " WHERE project_ref = %(ref)s AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s))"
            "  AND (%(but)s::text IS NULL OR NOT starts_with(name, %(but)s))"
            " ORDER BY name, version DESC",
            {
                "ref": project_ref,
                "names": None if names is None else list(names),
                "but": but_prefix,
            },
        ).fetchall()


def take_outdated(
    conn: Connection[Any], *, limit: int, passing: Collection[UUID]
) -> list[SecretRow]:
    """Some, of any project, whose key is not the project's current one; held."""
    return sealed_records.take_outdated(
        conn,
        SecretRow,
        f"SELECT {_COLUMNS} FROM project_secrets s",
        owner="s.project_ref",
        limit=limit,
        passing=passing,
    )


def list_with_prefix(conn: Connection[Any], project_ref: str, prefix: str) -> list[Listed]:
    """The newest version of each whose name begins with `prefix`, by name."""
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
    """Delete every version of the named ones; returns the names of those that existed."""
    gone = conn.execute(
        "DELETE FROM project_secrets WHERE project_ref = %s AND name = ANY(%s) RETURNING name",
        [project_ref, list(names)],
    )
    return {name for (name,) in gone}


def rewrap(conn: Connection[Any], anew: Mapping[UUID, Sealed]) -> None:
    sealed_records.rewrap(conn, "project_secrets", anew)


def delete_all(conn: Connection[Any], project_ref: str, *, keeping: Collection[str] = ()) -> None:
    """Once the project is gone nothing needs them any more, except those in `keeping`."""
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


_COLUMNS: LiteralString = f"{sealed_records.COLUMNS}, s.project_ref, s.name, s.version"
