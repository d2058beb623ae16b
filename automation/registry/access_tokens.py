"""Rows of `access_tokens`: sha256 hashes only. A token has 160 random bits: a fast hash suffices.

Must not know who asks or how a token is written down.
"""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from contracts.organizations import Role

# The name of the member who runs the platform, and of the token that `croft up` writes to a file.
OPERATOR = "operator"


@dataclass(frozen=True)
class Holder:
    """Whose a token is, and what its bearer may do where."""

    member_id: UUID
    member_name: str
    is_operator: bool
    bound_to: UUID | None
    roles: dict[str, Role]
    """By organization id; of a token bound to one organization, that one only."""


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def ensure(conn: Connection[Any], *, name: str, token: str) -> None:
    """Make `token` the operator's valid one of this name; an earlier one of the name is valid no
    longer."""
    row = conn.execute("SELECT id FROM members WHERE name = %s", [OPERATOR]).fetchone()
    assert row is not None, "every registry has an operator"
    put(conn, row[0], name=name, token=token, bound_to=None)


def put(
    conn: Connection[Any], member_id: UUID, *, name: str, token: str, bound_to: UUID | None
) -> None:
    """Make `token` the valid one of this name of the member's."""
    conn.execute(
        "INSERT INTO access_tokens (hash, name, member_id, organization_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (member_id, name) DO UPDATE SET hash = excluded.hash, revoked_at = NULL,"
        "   organization_id = excluded.organization_id",
        [hash_token(token), name, member_id, bound_to],
    )


def revoke_bound(
    conn: Connection[Any], organization_id: UUID, member_id: UUID | None = None
) -> None:
    """Those that are good in the organization only: one member's, or everybody's."""
    conn.execute(
        "UPDATE access_tokens SET revoked_at = now() WHERE organization_id = %(organization)s"
        " AND revoked_at IS NULL AND (%(member)s::uuid IS NULL OR member_id = %(member)s)",
        {"organization": organization_id, "member": member_id},
    )


def find_holder(conn: Connection[Any], token: str) -> Holder | None:
    """Found by an index over hashes: how long that takes tells nothing of any token."""
    with conn.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(
            "SELECT m.id AS member_id, m.name AS member_name,"
            "       m.is_operator AND t.organization_id IS NULL AS is_operator,"
            "       t.organization_id AS bound_to, coalesce(r.roles, '{}') AS roles"
            "  FROM access_tokens t JOIN members m ON m.id = t.member_id"
            "  LEFT JOIN LATERAL (SELECT jsonb_object_agg(om.organization_id, om.role) AS roles"
            "      FROM organization_members om WHERE om.member_id = m.id"
            "       AND (t.organization_id IS NULL OR t.organization_id = om.organization_id)"
            "  ) r ON true"
            " WHERE t.hash = %s AND t.revoked_at IS NULL"
            "   AND (t.expires_at IS NULL OR t.expires_at > now())",
            [hash_token(token)],
        ).fetchone()
