"""Rows of `members` and `organization_members`: people, and what they may do where.

Must not know tokens, nor which role allows what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from contracts.organizations import Role
from contracts.tokens import Scope


@dataclass(frozen=True)
class MemberRow:
    id: UUID
    name: str
    role: Role
    is_service_account: bool
    is_shut_out: bool


@dataclass(frozen=True)
class Person:
    id: UUID
    name: str
    email: str | None


@dataclass(frozen=True)
class LoggedIn:
    """A person whom the realm `croft` knows, or knew."""

    id: UUID
    name: str
    subject: UUID
    is_shut_out: bool


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """Who asks, and what they may do where: by a login, or by a token that may narrow that."""

    member_id: UUID
    member_name: str
    is_service_account: bool = False
    is_operator: bool
    bound_to: UUID | None = None
    scopes: Sequence[Scope] = ("all",)
    roles: dict[str, Role]
    """By organization id; for a token bound to one organization, that one only."""


def find_login(conn: Connection[Any], subject: UUID) -> Bearer | None:
    with conn.cursor(row_factory=class_row(Bearer)) as cursor:
        return cursor.execute(
            "SELECT m.id AS member_id, m.name AS member_name, m.is_operator,"
            "       coalesce((SELECT jsonb_object_agg(om.organization_id, om.role)"
            "         FROM organization_members om WHERE om.member_id = m.id), '{}') AS roles"
            "  FROM members m WHERE m.subject = %s",
            [subject],
        ).fetchone()


def link(conn: Connection[Any], name: str, subject: UUID, email: str) -> bool:
    """Bind the person of this name, created if there is none, to `subject`; whether that was done.
    It is not for an operator's name, or that of somebody bound to another subject."""
    linked = conn.execute(
        "INSERT INTO members (name, subject, email) VALUES (%(name)s, %(subject)s, %(email)s)"
        " ON CONFLICT (lower(name)) WHERE organization_id IS NULL"
        " DO UPDATE SET subject = excluded.subject, email = excluded.email"
        " WHERE NOT members.is_operator"
        "   AND (members.subject IS NULL OR members.subject = excluded.subject)",
        {"name": name, "subject": subject, "email": email or None},
    )
    return linked.rowcount == 1


def link_operator(conn: Connection[Any], name: str, subject: UUID) -> bool:
    """Whether that changed anything."""
    linked = conn.execute(
        "UPDATE members SET subject = %(subject)s WHERE name = %(name)s AND is_operator"
        " AND subject IS DISTINCT FROM %(subject)s",
        {"subject": subject, "name": name},
    )
    return linked.rowcount == 1


def list_people_who_logged_in(conn: Connection[Any]) -> Sequence[LoggedIn]:
    with conn.cursor(row_factory=class_row(LoggedIn)) as cursor:
        return cursor.execute(
            "SELECT id, name, subject, shut_out_at IS NOT NULL AS is_shut_out FROM members"
            " WHERE subject IS NOT NULL ORDER BY id"
        ).fetchall()


def shut_out(conn: Connection[Any], member_id: UUID, is_shut_out: bool) -> None:
    conn.execute(
        "UPDATE members SET shut_out_at = CASE WHEN %s THEN now() END WHERE id = %s",
        [is_shut_out, member_id],
    )


def ensure(conn: Connection[Any], name: str, *, home: UUID | None) -> UUID:
    """The person of this name, ignoring case, or the service account of organization `home`;
    created if there is none."""
    asked = {"name": name, "home": home}
    conn.execute(
        "INSERT INTO members (name, organization_id) VALUES (%(name)s, %(home)s)"
        " ON CONFLICT DO NOTHING",
        asked,
    )
    row = conn.execute(
        "SELECT id FROM members WHERE lower(name) = lower(%(name)s)"
        " AND organization_id IS NOT DISTINCT FROM %(home)s",
        asked,
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def person(conn: Connection[Any], member_id: UUID) -> Person:
    with conn.cursor(row_factory=class_row(Person)) as cursor:
        row = cursor.execute(
            "SELECT id, name, email FROM members WHERE id = %s", [member_id]
        ).fetchone()
    assert row is not None, "members are never deleted"
    return row


def add(conn: Connection[Any], organization_id: UUID, member_id: UUID, role: Role) -> None:
    """Somebody who belongs to it already keeps their role."""
    conn.execute(
        "INSERT INTO organization_members (organization_id, member_id, role) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [organization_id, member_id, role],
    )


def find(conn: Connection[Any], organization_id: UUID, name_or_id: str) -> MemberRow | None:
    with conn.cursor(row_factory=class_row(MemberRow)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND (lower(m.name) = lower(%(key)s) OR m.id::text = %(key)s)",
            {"organization": organization_id, "key": name_or_id},
        ).fetchone()


def list_of(
    conn: Connection[Any], organization_id: UUID, *, after_name: str | None, limit: int | None
) -> Sequence[MemberRow]:
    """By name."""
    with conn.cursor(row_factory=class_row(MemberRow)) as cursor:
        return cursor.execute(
            f"{_SELECT} AND (%(after)s::text IS NULL OR lower(m.name) > lower(%(after)s))"
            " ORDER BY lower(m.name) LIMIT %(limit)s",
            {"organization": organization_id, "after": after_name, "limit": limit},
        ).fetchall()


def count_owners(conn: Connection[Any], organization_id: UUID) -> int:
    """People only."""
    row = conn.execute(
        "SELECT count(*) FROM organization_members om JOIN members m ON m.id = om.member_id"
        " WHERE om.organization_id = %s AND om.role = 'owner' AND m.organization_id IS NULL",
        [organization_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def set_role(conn: Connection[Any], organization_id: UUID, member_id: UUID, role: Role) -> None:
    conn.execute(
        "UPDATE organization_members SET role = %s WHERE organization_id = %s AND member_id = %s",
        [role, organization_id, member_id],
    )


def remove(conn: Connection[Any], organization_id: UUID, member_id: UUID | None = None) -> None:
    """One member, or all of them."""
    conn.execute(
        "DELETE FROM organization_members WHERE organization_id = %(organization)s"
        " AND (%(member)s::uuid IS NULL OR member_id = %(member)s)",
        {"organization": organization_id, "member": member_id},
    )


_SELECT = (
    "SELECT m.id, m.name, om.role, m.organization_id IS NOT NULL AS is_service_account,"
    " m.shut_out_at IS NOT NULL AS is_shut_out FROM organization_members om"
    " JOIN members m ON m.id = om.member_id WHERE om.organization_id = %(organization)s"
)
