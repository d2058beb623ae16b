"""Who may ask: an `sbp_` bearer token on every route but /health. And what routes work with.

Owns the check of a request: whose it is, and whether its route is open to them. Must not know how
tokens are stored, nor which role a route needs.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import Connection

from automation.absence import no_operation, no_organization, no_project
from automation.actors import Actor
from automation.context import Context
from automation.permissions import CHECKED_INSIDE, needed_for
from automation.registry import access_tokens, organizations
from automation.scopes import opens
from contracts.errors import Forbidden, NotFound, Unauthorized
from contracts.organizations import is_slug
from contracts.refs import is_ref, is_uuid

_bearer = HTTPBearer(auto_error=False, description="An access token: `sbp_` and 40 hex digits.")


def context_of(request: Request) -> Context:
    """The process's, or the one whose transaction this request joins (api/idempotency.py)."""
    ctx: Context = getattr(request.state, "context", request.app.state.context)
    return ctx


ContextOf = Annotated[Context, Depends(context_of)]


def authenticate(ctx: Context, request: Request) -> Actor:
    """Whose the request's token is. Raises Unauthorized."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        with ctx.transaction() as conn:
            holder = access_tokens.find_holder(conn, token)
            if holder is not None and holder.use_is_due:
                access_tokens.note_use(conn, holder.token_id)
        if holder is not None:
            kind = "service-account" if holder.is_service_account else "member"
            return Actor(
                name=f"{kind}:{holder.member_name}",
                address=request.client.host if request.client else "",
                request_id=request.state.request_id,
                member_id=holder.member_id,
                is_operator=holder.is_operator,
                roles={UUID(key): role for key, role in holder.roles.items()},
                bound_to=holder.bound_to,
                scopes=frozenset(holder.scopes),
                token_id=holder.token_id,
                expires_at=holder.expires_at,
            )
    raise Unauthorized(
        "this access token is not known here" if token else "no access token",
        code="unauthorized",
        fix="send `Authorization: Bearer <token>`; `croft up` writes the token to secrets/token",
    )


def require_actor(
    request: Request,
    ctx: ContextOf,
    described: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """`described` is for openapi/management.json, which has to name the scheme."""
    return authenticate(ctx, request)


ActorOf = Annotated[Actor, Depends(require_actor)]


def authorize(request: Request, ctx: ContextOf, actor: ActorOf) -> None:
    """Before any route runs: what is not the actor's does not exist, and of what is, the token's
    scopes (automation/scopes.py) and the actor's role (automation/permissions.py) must allow the
    route."""
    route: str = request.scope["route"].name
    named = {name: text for name, text in request.path_params.items() if name in _FINDERS}
    # An operator's is everything: whether it is there, the route itself finds out.
    organization_id = None if actor.is_operator else _organization_of(ctx, named)
    # Before the question what the route needs, which would tell what there is.
    if named and not actor.is_operator:
        if organization_id is None or actor.role_in(organization_id) is None:
            raise _absence(named)
    if not opens(actor.scopes, route, request.method):
        raise Forbidden(
            f"this token has the scopes {', '.join(sorted(actor.scopes))}, which do not allow this",
            code="scope_missing",
            fix="use a token with more scopes: croft tokens create --scope",
        )
    if actor.is_operator:
        return
    needed = needed_for(route)
    if needed == "anyone" or route in CHECKED_INSIDE:
        return
    if needed == "operator" or organization_id is None:
        raise Forbidden("this is for who runs the platform", fix="ask its operator")
    actor.require(needed, organization_id)


def _organization_of(ctx: Context, named: Mapping[str, str]) -> UUID | None:
    with ctx.transaction() as conn:
        for name, text in named.items():
            return _FINDERS[name](conn, text)
    return None


def _of_slug(conn: Connection[Any], slug: str) -> UUID | None:
    row = organizations.find(conn, slug) if is_slug(slug) else None
    return None if row is None else row.id


def _of_project(conn: Connection[Any], ref: str) -> UUID | None:
    return organizations.id_of_project(conn, ref) if is_ref(ref) else None


def _of_operation(conn: Connection[Any], operation_id: str) -> UUID | None:
    if not is_uuid(operation_id):
        return None
    return organizations.id_of_operation(conn, UUID(operation_id))


# What a path may name, and whose it is.
_FINDERS: Mapping[str, Callable[[Connection[Any], str], UUID | None]] = {
    "slug": _of_slug,
    "ref": _of_project,
    "operation_id": _of_operation,
}


def _absence(named: Mapping[str, str]) -> NotFound:
    match named:
        case {"slug": slug}:
            return no_organization(slug)
        case {"ref": ref}:
            return no_project(ref)
    return no_operation()
