"""Members of an organization: who may add, change and remove whom.

Owns those rules: nobody gives or takes a role above one's own, and an organization never loses its
last owner. Must not know HTTP.
"""

import secrets
from typing import Any

from psycopg import Connection

from automation import audit, organizations
from automation.actors import Actor
from automation.context import Context
from automation.registry import access_tokens
from automation.registry import members as rows
from automation.registry.members import MemberRow
from automation.registry.organizations import Organization
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
    """Add a person by name, with a token for this organization only: whoever adds somebody sees
    that token, and must not come by it into another organization of theirs."""
    token = "sbp_" + secrets.token_hex(20)
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        actor.require(wanted.role, organization.id)
        member_id = rows.ensure(conn, wanted.name)
        if not rows.add(conn, organization.id, member_id, wanted.role):
            raise Conflict(
                f"{wanted.name} belongs to organization {organization.slug} already",
                code="member_exists",
                fix="change the role instead: croft members update",
            )
        access_tokens.put(
            conn,
            member_id,
            name=f"organization {organization.id}",
            token=token,
            bound_to=organization.id,
        )
        row = _require(conn, organization, wanted.name)
        _record(conn, actor, "members.add", organization, row, after={"role": wanted.role})
        return MemberAdded(**_view(row).model_dump(), access_token=token)


def update(ctx: Context, actor: Actor, slug: str, name: str, role: Role) -> Member:
    with ctx.transaction() as conn:
        organization = organizations.require(conn, actor, slug, lock=True)
        row = _require(conn, organization, name)
        actor.require(row.role, organization.id)
        actor.require(role, organization.id)
        if row.role == "owner" and role != "owner":
            _require_another_owner(conn, organization)
        rows.set_role(conn, organization.id, row.id, role)
        _record(
            conn, actor, "members.update", organization, row,
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
        if row.role == "owner":
            _require_another_owner(conn, organization)
        rows.remove(conn, organization.id, row.id)
        access_tokens.revoke_bound(conn, organization.id, row.id)
        _record(conn, actor, "members.remove", organization, row, before={"role": row.role})
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


def _require_another_owner(conn: Connection[Any], organization: Organization) -> None:
    if rows.count_owners(conn, organization.id) < 2:
        raise Conflict(
            f"organization {organization.slug} would be left without an owner",
            code="last_owner",
            fix="make somebody else an owner first",
        )


def _record(
    conn: Connection[Any],
    actor: Actor,
    action: str,
    organization: Organization,
    row: MemberRow,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        conn,
        actor,
        action=action,
        target=f"organizations/{organization.slug}/members/{row.name}",
        organization_id=organization.id,
        before=before,
        after=after,
    )


def _view(row: MemberRow) -> Member:
    return Member(user_id=str(row.id), user_name=row.name, role_name=row.role)
