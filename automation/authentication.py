"""Whose a bearer token is: an access token's member, or whoever logged in with the realm `croft`.

Owns both ways, and how a first login finds its member, which only workers record. Must not know
HTTP.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from automation import audit
from automation.actors import Actor, actor_of, platform
from automation.context import Context
from automation.logins import Login, RealmKeys, check
from automation.registry import access_tokens, members
from contracts.errors import Forbidden, Unauthorized
from contracts.organizations import is_member_name
from contracts.tokens import TOKEN_PREFIX

# Records in the registry which member a login is.
FirstLogin: TypeAlias = Callable[[Login], None]


def authenticated(ctx: Context, keys: RealmKeys, token: str, first_login: FirstLogin) -> Actor:
    """Raises Unauthorized, BackendDown."""
    actor = _find_actor(ctx, keys, token, first_login) if token else None
    if actor is None:
        raise Unauthorized(
            "this token is not known here, or past its time" if token else "no access token",
            code="unauthorized",
            fix="log in with: croft login, or send `Authorization: Bearer <token>`",
        )
    return replace(actor, bearer=token)


def _find_actor(ctx: Context, keys: RealmKeys, token: str, first_login: FirstLogin) -> Actor | None:
    """None for somebody unknown here. Raises BackendDown."""
    if token.startswith(TOKEN_PREFIX):
        return _by_token(ctx, token)
    login = check(keys, token)
    return None if login is None else _by_login(ctx, login, first_login)


def _by_token(ctx: Context, token: str) -> Actor | None:
    with ctx.transaction() as conn:
        holder = access_tokens.find_holder(conn, token)
        if holder is None:
            return None
        # Not in a transaction that stays open: a worker may want the row before it ends.
        if holder.use_is_due and ctx.held is None:
            access_tokens.note_use(conn, holder.token_id)
    return actor_of(holder, token_id=holder.token_id, expires_at=holder.expires_at)


def _by_login(ctx: Context, login: Login, first_login: FirstLogin) -> Actor:
    if (bearer := _find_login(ctx, login)) is None:
        first_login(login)
        bearer = _find_login(ctx, login)
    assert bearer is not None
    return actor_of(bearer)


def _find_login(ctx: Context, login: Login) -> members.Bearer | None:
    with ctx.transaction() as conn:
        return members.find_login(conn, login.subject)


def link(ctx: Context, login: Login) -> None:
    """Bind the subject to the member with the person's verified email, or else their user name: one
    whom an organization has added already, or a new one. Never one who runs the platform, nor one
    bound to another login."""
    name = login.email or login.name
    with ctx.transaction() as conn:
        if not is_member_name(name) or not members.link(conn, name, login.subject, login.email):
            raise Forbidden(
                "this login cannot become a member: its name is taken or cannot be one",
                code="login_name_taken",
                fix="ask who administers the realm for another user name or email",
            )
        audit.record(
            conn,
            platform("logins"),
            action="members.login",
            target=f"members/{name}",
            organization_id=None,
            after={"subject": str(login.subject)},
        )
