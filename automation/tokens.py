"""Personal access tokens: each member makes, rotates and revokes their own.

Owns those rules: a token made with another one opens no more, lives no longer, and ends with it.
Must not know HTTP, nor how tokens are stored.
"""

import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from automation import audit, organizations
from automation.absence import no_token
from automation.actors import Actor
from automation.context import Context
from automation.registry import access_tokens as rows
from automation.registry.access_tokens import TokenRow
from contracts.errors import Conflict, Forbidden, InvalidInput, LimitReached
from contracts.refs import is_uuid
from contracts.tokens import TOKEN_PREFIX, AccessToken, AccessTokenCreate, AccessTokenCreated

TOKENS_MAX = 100


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_hex(20)


def list_tokens(ctx: Context, actor: Actor) -> list[AccessToken]:
    with ctx.transaction() as conn:
        found = rows.list_of(conn, _member(actor), bound_to=actor.bound_to)
    return [view(row) for row in found]


def create(ctx: Context, actor: Actor, wanted: AccessTokenCreate) -> AccessTokenCreated:
    member_id, token = _member(actor), new_token()
    expires_at = _expiry(actor, wanted.expires_at)
    with ctx.transaction() as conn:
        bound_to = actor.bound_to
        if wanted.organization_slug is not None:
            bound_to = organizations.require(conn, actor, wanted.organization_slug).id
        rows.revoke_expired(conn, member_id)
        if len(rows.list_of(conn, member_id, bound_to=None)) >= TOKENS_MAX:
            raise LimitReached(
                f"a member has at most {TOKENS_MAX} tokens",
                code="tokens_max",
                fix="revoke one that is not used: croft tokens list",
            )
        row = rows.insert(
            conn,
            member_id,
            name=wanted.name,
            token=token,
            scopes=sorted(set(wanted.scopes)),
            bound_to=bound_to,
            expires_at=expires_at,
            created_by=actor.name,
            parent_id=actor.token_id,
        )
        if row is None:
            raise Conflict(
                "you have a token of this name already",
                code="token_name_taken",
                fix="choose another name, or revoke that one: croft tokens list",
            )
        after = {"name": row.name, "scopes": row.scopes, "expires_at": str(row.expires_at)}
        _record(conn, actor, "tokens.create", row, bound_to, after=after)
    return AccessTokenCreated(**view(row).model_dump(), token=token)


def rotate(ctx: Context, actor: Actor, token_id: str) -> AccessTokenCreated:
    """The old secret stops working."""
    token = new_token()
    with ctx.transaction() as conn:
        row = _require(conn, actor, token_id)
        rows.replace(conn, row.id, token)
        _record(conn, actor, "tokens.rotate", row, actor.bound_to, before={"name": row.name})
        row = _require(conn, actor, token_id)
    return AccessTokenCreated(**view(row).model_dump(), token=token)


def revoke(ctx: Context, actor: Actor, token_id: str) -> AccessToken:
    with ctx.transaction() as conn:
        row = _require(conn, actor, token_id)
        rows.revoke(conn, row.id)
        _record(conn, actor, "tokens.revoke", row, actor.bound_to, before={"name": row.name})
    return view(row)


def view(row: TokenRow) -> AccessToken:
    return AccessToken(
        id=str(row.id),
        name=row.name,
        token_alias=row.alias,
        scopes=row.scopes,
        organization_slug=row.organization_slug,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _member(actor: Actor) -> UUID:
    assert actor.member_id is not None, "a part of the platform needs no token"
    return actor.member_id


def _expiry(actor: Actor, wanted: datetime | None) -> datetime | None:
    """What was asked for, but not after the asking token's end. A login's end does not count: it is
    renewed every minute."""
    if wanted is not None and wanted <= datetime.now(UTC):
        raise InvalidInput("that moment is past", code="expiry_past", fix="name a later one")
    if actor.token_id is None or actor.expires_at is None:
        return wanted
    if wanted is not None and wanted > actor.expires_at:
        raise Forbidden(
            f"the token that asks expires before, at {actor.expires_at.isoformat()}",
            code="expiry_beyond_own",
            fix="name an earlier moment, or log in: croft login",
        )
    return wanted or actor.expires_at


def _require(conn: Connection[Any], actor: Actor, token_id: str) -> TokenRow:
    row = None
    if is_uuid(token_id):
        row = rows.find(conn, _member(actor), UUID(token_id), bound_to=actor.bound_to)
    if row is None:
        raise no_token()
    if row.is_installed:
        raise Conflict(
            "this token stands in a file of the installation",
            code="token_installed",
            fix="write another one to that file, then: croft up",
        )
    return row


def _record(
    conn: Connection[Any],
    actor: Actor,
    action: str,
    row: TokenRow,
    organization_id: UUID | None,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        conn,
        actor,
        action=action,
        target=f"tokens/{row.id}",
        organization_id=organization_id,
        before=before,
        after=after,
    )
