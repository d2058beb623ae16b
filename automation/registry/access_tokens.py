"""Rows of `access_tokens`: sha256 hashes only. A token has 160 random bits: a fast hash suffices.

Must not know who asks or who may. A token that was revoked or has expired is not there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from automation.registry.members import Bearer
from contracts.tokens import Scope

# The name of the member who runs the platform, and of the token that `croft up` writes to a file.
OPERATOR = "operator"
USE_NOTED_EVERY_S = 60


@dataclass(frozen=True, kw_only=True)
class Holder(Bearer):
    token_id: UUID
    expires_at: datetime | None
    use_is_due: bool


@dataclass(frozen=True)
class TokenRow:
    id: UUID
    name: str
    alias: str
    scopes: list[Scope]
    organization_slug: str | None
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    is_installed: bool


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def alias_of(token: str) -> str:
    """What is shown of a token to tell it from others: 32 of its 160 bits."""
    return f"{token[:8]}…{token[-4:]}"


def ensure_operator(conn: Connection[Any], token: str) -> None:
    """Make `token` the one that the operator's file holds; an earlier one is no longer valid."""
    row = conn.execute("SELECT id FROM members WHERE name = %s", [OPERATOR]).fetchone()
    assert row is not None, "every registry has an operator"
    asked = {
        "hash": hash_token(token),
        "member": row[0],
        "name": OPERATOR,
        "alias": alias_of(token),
    }
    conn.execute(
        "UPDATE access_tokens SET revoked_at = now() WHERE member_id = %(member)s"
        " AND name = %(name)s AND hash <> %(hash)s AND revoked_at IS NULL",
        asked,
    )
    conn.execute(
        "INSERT INTO access_tokens (hash, name, alias, member_id, is_installed)"
        " VALUES (%(hash)s, %(name)s, %(alias)s, %(member)s, true)"
        " ON CONFLICT (hash) DO UPDATE SET revoked_at = NULL, alias = excluded.alias",
        asked,
    )


def insert(
    conn: Connection[Any],
    member_id: UUID,
    *,
    name: str,
    token: str,
    scopes: Sequence[Scope],
    bound_to: UUID | None,
    expires_at: datetime | None = None,
    created_by: str,
    parent_id: UUID | None = None,
) -> TokenRow | None:
    """None when the member has a live token of this name."""
    row = conn.execute(
        "INSERT INTO access_tokens (hash, name, alias, member_id, scopes, organization_id,"
        "                           expires_at, created_by, parent_id)"
        " VALUES (%(hash)s, %(name)s, %(alias)s, %(member)s, %(scopes)s, %(bound_to)s,"
        "         %(expires_at)s, %(created_by)s, %(parent)s)"
        " ON CONFLICT (member_id, name) WHERE revoked_at IS NULL DO NOTHING RETURNING id",
        {
            "hash": hash_token(token),
            "name": name,
            "alias": alias_of(token),
            "member": member_id,
            "scopes": list(scopes),
            "bound_to": bound_to,
            "expires_at": expires_at,
            "created_by": created_by,
            "parent": parent_id,
        },
    ).fetchone()
    return None if row is None else find(conn, member_id, row[0], bound_to=None)


def list_of(conn: Connection[Any], member_id: UUID, *, bound_to: UUID | None) -> list[TokenRow]:
    """Oldest first; with `bound_to`, only those that are valid in that organization alone."""
    with conn.cursor(row_factory=class_row(TokenRow)) as cursor:
        return cursor.execute(
            f"{_SELECT} ORDER BY t.created_at, t.id", {"member": member_id, "bound_to": bound_to}
        ).fetchall()


def find(
    conn: Connection[Any], member_id: UUID, token_id: UUID, *, bound_to: UUID | None
) -> TokenRow | None:
    with conn.cursor(row_factory=class_row(TokenRow)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND t.id = %(token)s",
            {"member": member_id, "bound_to": bound_to, "token": token_id},
        ).fetchone()


def replace(conn: Connection[Any], token_id: UUID, token: str) -> None:
    """A new secret for the same token; tokens made with the old one end with it."""
    revoke(conn, token_id)
    conn.execute(
        "UPDATE access_tokens SET hash = %s, alias = %s, revoked_at = NULL, last_used_at = NULL"
        " WHERE id = %s",
        [hash_token(token), alias_of(token), token_id],
    )


def revoke(conn: Connection[Any], token_id: UUID) -> None:
    """Revoke the token, and every one that was made with it."""
    conn.execute(
        "WITH RECURSIVE ended AS ("
        "   SELECT id FROM access_tokens WHERE id = %s"
        "   UNION SELECT t.id FROM access_tokens t JOIN ended ON t.parent_id = ended.id"
        ") UPDATE access_tokens t SET revoked_at = now() FROM ended"
        "   WHERE t.id = ended.id AND t.revoked_at IS NULL",
        [token_id],
    )


def revoke_expired(conn: Connection[Any], member_id: UUID) -> None:
    """Frees their names."""
    conn.execute(
        "UPDATE access_tokens SET revoked_at = now()"
        " WHERE member_id = %s AND revoked_at IS NULL AND expires_at <= now()",
        [member_id],
    )


def revoke_bound(
    conn: Connection[Any], organization_id: UUID, member_id: UUID | None = None
) -> None:
    """Revoke those valid in the organization only: one member's, or everybody's."""
    conn.execute(
        "UPDATE access_tokens SET revoked_at = now() WHERE organization_id = %(organization)s"
        " AND revoked_at IS NULL AND (%(member)s::uuid IS NULL OR member_id = %(member)s)",
        {"organization": organization_id, "member": member_id},
    )


def find_holder(conn: Connection[Any], token: str) -> Holder | None:
    """Found by an index over hashes: how long that takes reveals nothing about any token."""
    with conn.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(
            "SELECT t.id AS token_id, t.scopes, t.organization_id AS bound_to, t.expires_at,"
            "       coalesce(t.last_used_at < now() - %(every)s * interval '1 second', true)"
            "         AS use_is_due,"
            "       m.id AS member_id, m.name AS member_name,"
            "       m.organization_id IS NOT NULL AS is_service_account,"
            "       m.is_operator AND t.organization_id IS NULL AS is_operator,"
            "       coalesce(r.roles, '{}') AS roles"
            "  FROM access_tokens t JOIN members m ON m.id = t.member_id"
            "  LEFT JOIN LATERAL (SELECT jsonb_object_agg(om.organization_id, om.role) AS roles"
            "      FROM organization_members om WHERE om.member_id = m.id"
            "       AND (t.organization_id IS NULL OR t.organization_id = om.organization_id)"
            "  ) r ON true"
            f" WHERE t.hash = %(hash)s AND {_LIVE} AND {_LET_IN}",
            {"hash": hash_token(token), "every": USE_NOTED_EVERY_S},
        ).fetchone()


def note_use(conn: Connection[Any], token_id: UUID) -> None:
    """Of many requests at once, one records it and none waits."""
    conn.execute(
        "UPDATE access_tokens SET last_used_at = now() WHERE id ="
        " (SELECT id FROM access_tokens WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)",
        [token_id],
    )


_LIVE = "t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())"
# Whoever runs the machine stays in, even if the realm's first administrator is shut out.
_LET_IN = "(m.shut_out_at IS NULL OR t.is_installed)"
_SELECT = (
    "SELECT t.id, t.name, t.alias, t.scopes, o.slug AS organization_slug, t.created_by,"
    "       t.created_at, t.expires_at, t.last_used_at, t.is_installed"
    "  FROM access_tokens t LEFT JOIN organizations o ON o.id = t.organization_id"
    f" WHERE t.member_id = %(member)s AND {_LIVE}"
    "   AND (%(bound_to)s::uuid IS NULL OR t.organization_id = %(bound_to)s)"
)
