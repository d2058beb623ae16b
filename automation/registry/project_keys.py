"""Rows of `project_keys`: which generation of a project's keys is in use, and what is accepted.

Owns their SQL. Must not know a key, nor what rotates it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.project_keys import KeyStatus, RotatedKind

# `jwk` is a public key from elsewhere: nothing here signs with it, and nothing rotates it.
Kind = RotatedKind | Literal["jwk"]


@dataclass(frozen=True)
class KeyRow:
    id: UUID
    kind: Kind
    generation: int
    status: KeyStatus
    public_jwk: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    accepted_until: datetime | None
    last_used_at: datetime | None = field(compare=False)
    watched: bool
    """Whether anybody has looked since it was made."""


def insert_first(
    conn: Connection[Any],
    ref: str,
    kinds: Sequence[RotatedKind],
    *,
    fingerprint: bytes | None = None,
) -> None:
    """The first generation of each, in use; `fingerprint` is of a JWT secret from elsewhere."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO project_keys (project_ref, kind, generation, status, fingerprint)"
            " VALUES (%s, %s, 1, 'in_use', %s)",
            [(ref, kind, fingerprint if kind == "api" else None) for kind in kinds],
        )


def insert_jwks(conn: Connection[Any], ref: str, jwks: Sequence[Mapping[str, Any]]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO project_keys (project_ref, kind, generation, status, public_jwk)"
            " VALUES (%s, 'jwk', %s, 'previously_used', %s)",
            [(ref, number, Jsonb(dict(jwk))) for number, jwk in enumerate(jwks, start=1)],
        )


def insert_standby(conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind]) -> None:
    """The next generation of each kind that has none on standby yet."""
    conn.execute(
        "INSERT INTO project_keys (project_ref, kind, generation, status)"
        " SELECT %(ref)s, kind, 1 + coalesce((SELECT max(generation) FROM project_keys k"
        "   WHERE k.project_ref = %(ref)s AND k.kind = wanted.kind), 0), 'standby'"
        " FROM unnest(%(kinds)s::text[]) AS wanted (kind)"
        " WHERE NOT EXISTS (SELECT FROM project_keys k WHERE k.project_ref = %(ref)s"
        "   AND k.kind = wanted.kind AND k.status = 'standby')",
        {"ref": ref, "kinds": list(kinds)},
    )


def delete_standby(conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind]) -> None:
    conn.execute(
        "DELETE FROM project_keys WHERE project_ref = %s AND kind = ANY (%s)"
        " AND status = 'standby'",
        [ref, list(kinds)],
    )


def delete(conn: Connection[Any], key_id: UUID) -> None:
    conn.execute("DELETE FROM project_keys WHERE id = %s", [key_id])


def rotate(
    conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind], *, overlap_s: float
) -> None:
    """Put what was on standby in use; what was in use is accepted for `overlap_s`."""
    conn.execute(
        "UPDATE project_keys SET updated_at = now(),"
        " accepted_until = CASE status WHEN 'in_use' THEN now() + interval '1 second' * %s END,"
        " status = CASE status WHEN 'in_use' THEN 'previously_used' ELSE 'in_use' END"
        " WHERE project_ref = %s AND kind = ANY (%s) AND status IN ('in_use', 'standby')",
        [overlap_s, ref, list(kinds)],
    )


def revoke(conn: Connection[Any], ref: str, kinds: Sequence[RotatedKind]) -> None:
    conn.execute(
        "UPDATE project_keys SET updated_at = now(), status = 'revoked', accepted_until = NULL"
        " WHERE project_ref = %s AND kind = ANY (%s) AND status = 'previously_used'",
        [ref, list(kinds)],
    )


def revoke_jwk(conn: Connection[Any], key_id: UUID) -> None:
    conn.execute(
        "UPDATE project_keys SET updated_at = now(), status = 'revoked' WHERE id = %s", [key_id]
    )


def list_due(conn: Connection[Any]) -> dict[str, list[RotatedKind]]:
    """By ref, the kinds whose older key's overlap is over."""
    rows = conn.execute(
        "SELECT project_ref, array_agg(kind ORDER BY kind) FROM project_keys"
        " WHERE status = 'previously_used' AND accepted_until < now() GROUP BY 1 ORDER BY 1"
    )
    return dict(rows.fetchall())


def list_open(conn: Connection[Any], kind: RotatedKind) -> dict[tuple[str, int], datetime]:
    """By ref and generation, when each accepted key of any project was made."""
    rows = conn.execute(
        "SELECT project_ref, generation, created_at FROM project_keys"
        " WHERE kind = %s AND status IN ('in_use', 'previously_used')",
        [kind],
    )
    return {(ref, generation): made_at for ref, generation, made_at in rows}


def set_used(
    conn: Connection[Any], kind: RotatedKind, used: Mapping[tuple[str, int], datetime]
) -> None:
    """By ref and generation."""
    conn.cursor().executemany(
        "UPDATE project_keys SET last_used_at = greatest(last_used_at, %s)"
        " WHERE project_ref = %s AND kind = %s AND generation = %s",
        [(at, ref, kind, generation) for (ref, generation), at in sorted(used.items())],
    )


def generation_in_use(conn: Connection[Any], ref: str, kind: RotatedKind) -> int:
    row = conn.execute(
        "SELECT generation FROM project_keys"
        " WHERE project_ref = %s AND kind = %s AND status = 'in_use'",
        [ref, kind],
    ).fetchone()
    return 1 if row is None else int(row[0])


def find_fingerprint(conn: Connection[Any], fingerprint: bytes) -> str | None:
    """The live project that accepts a JWT secret of that fingerprint."""
    row = conn.execute(
        "SELECT k.project_ref FROM project_keys k JOIN projects p ON p.ref = k.project_ref"
        " WHERE k.fingerprint = %s AND k.status <> 'revoked'"
        "   AND p.state NOT IN ('FAILED', 'REMOVED')",
        [fingerprint],
    ).fetchone()
    return None if row is None else str(row[0])


def list_of(conn: Connection[Any], ref: str) -> list[KeyRow]:
    """Every generation of every kind, in this order."""
    with conn.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(f"{_SELECT} WHERE project_ref = %s {_ORDER}", [ref]).fetchall()


def public_jwks(rows: Sequence[KeyRow]) -> list[dict[str, str]]:
    """Keys from elsewhere whose tokens are accepted."""
    return [row.public_jwk for row in rows if row.public_jwk and row.status != "revoked"]


def delete_all(conn: Connection[Any], ref: str) -> None:
    conn.execute("DELETE FROM project_keys WHERE project_ref = %s", [ref])


_SELECT = (
    "SELECT id, kind, generation, status, public_jwk, created_at, updated_at, accepted_until,"
    " last_used_at, watched FROM project_keys"
)
_ORDER = "ORDER BY kind, generation"
