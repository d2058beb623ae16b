"""Members of an organization: who may add, change and remove whom.

Owns those rules: nobody gives or takes a role above their own, and an organization never loses its
last owner. Must not know HTTP.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection

from automation import audit, organizations
from automation.actors import Actor
from automation.context import Context
from automation.registry import access_tokens
from automation.registry import members as rows
from automation.registry.members import MemberRow
from automation.registry.organizations import Organization
from automation.tokens import new_token
from contracts.errors import Conflict, NotFound
from contracts.organizations import Member, MemberAdd, MemberAdded, Role, is_member_name


def list_members(
    ctx: Context,
    actor: Actor,
    slug: str,
    *,
    after_name: str | None = None,
    limit: int | None = None,
) -> list[Member]:
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug)
        found = rows.list_of(conn, organization.id, after_name=after_name, limit=limit)
    return [_view(row) for row in found]


def add(ctx: Context, actor: Actor, slug: str, wanted: MemberAdd) -> MemberAdded:
    """Add a person or a service account by name, with a token for this organization only: whoever
    adds somebody sees that token, and must not get into their other organizations with it."""
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        actor.require(wanted.role, organization.id)
        if rows.find(conn, organization.id, wanted.name) is not None:
            raise Conflict(
                f"{wanted.name} belongs to organization {organization.slug} already",
                code="member_exists",
                fix="change the role instead: croft members update",
            )
        home = organization.id if wanted.service_account else None
        member_id = rows.ensure(conn, wanted.name, home=home)
        rows.add(conn, organization.id, member_id, wanted.role)
        token = _hand_token(conn, actor, organization, member_id)
        row = _require(conn, organization, wanted.name)
        audit.record_organization(
            conn, actor, organization, "members.add", part=_part(row), after={"role": wanted.role}
        )
        return MemberAdded(**_view(row).model_dump(), access_token=token)


def renew_token(ctx: Context, actor: Actor, slug: str, name: str) -> MemberAdded:
    """A new token for a service account; the ones it had stop working."""
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        row = _require(conn, organization, name)
        if not row.is_service_account:
            raise Conflict(
                f"{row.name} is a person, whose tokens are nobody else's to make",
                code="member_is_person",
                fix="let them do it: croft tokens rotate",
            )
        actor.require(row.role, organization.id)
        token = _hand_token(conn, actor, organization, row.id)
        audit.record_organization(
            conn, actor, organization, "members.token", part=_part(row), after={"role": row.role}
        )
        return MemberAdded(**_view(row).model_dump(), access_token=token)


def update(ctx: Context, actor: Actor, slug: str, name: str, role: Role) -> Member:
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        row = _require(conn, organization, name)
        actor.require(row.role, organization.id)
        actor.require(role, organization.id)
        if role != "owner":
            _require_an_owner_besides(conn, organization, row)
        rows.set_role(conn, organization.id, row.id, role)
        audit.record_organization(
            conn, actor, organization, "members.update", part=_part(row),
            before={"role": row.role}, after={"role": role},
        )  # fmt: skip
        return _view(_require(conn, organization, name))


def remove(ctx: Context, actor: Actor, slug: str, name: str) -> Member:
    """Anybody may leave; to remove somebody else takes an administrator."""
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        row = _require(conn, organization, name)
        if row.id != actor.member_id:
            actor.require("administrator", organization.id)
            actor.require(row.role, organization.id)
        _require_an_owner_besides(conn, organization, row)
        rows.remove(conn, organization.id, row.id)
        access_tokens.revoke_bound(conn, organization.id, row.id)
        audit.record_organization(
            conn, actor, organization, "members.remove", part=_part(row), before={"role": row.role}
        )
        return _view(row)


def _require(conn: Connection[Any], organization: Organization, name: str) -> MemberRow:
    row = rows.find(conn, organization.id, name) if is_member_name(name) else None
    if row is None:
        raise NotFound(
            f"no member {name!r} in organization {organization.slug}",
            code="member_not_found",
            fix=f"see: croft members list {organization.slug}",
        )
    return row


def _hand_token(
    conn: Connection[Any], actor: Actor, organization: Organization, member_id: UUID
) -> str:
    """A new token for the member in this organization, in place of the one before."""
    token = new_token()
    access_tokens.revoke_bound(conn, organization.id, member_id)
    access_tokens.insert(
        conn,
        member_id,
        name=f"organization {organization.id}",
        token=token,
        scopes=["all"],
        bound_to=organization.id,
        created_by=actor.name,
    )
    return token


def _require_an_owner_besides(
    conn: Connection[Any], organization: Organization, row: MemberRow
) -> None:
    """A service account does not count: nobody could act for it."""
    is_one = row.role == "owner" and not row.is_service_account
    if is_one and rows.count_owners(conn, organization.id) < 2:
        raise Conflict(
            f"organization {organization.slug} would be left without an owner",
            code="last_owner",
            fix="make somebody else an owner first",
        )


def _part(row: MemberRow) -> str:
    return f"members/{row.name}"


def _view(row: MemberRow) -> Member:
    return Member(
        user_id=str(row.id),
        user_name=row.name,
        role_name=row.role,
        is_service_account=row.is_service_account,
        is_shut_out=row.is_shut_out,
    )
