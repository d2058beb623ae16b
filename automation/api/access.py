"""Who may ask: a bearer token on every route of /v1. And what routes work with.

Owns the check of a request: whose it is, and whether its route is open to them. Must not know what
a token is (automation/authentication.py), nor which role a route needs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import Connection

from automation.absence import no_operation, no_organization, no_project
from automation.actors import Actor
from automation.authentication import authenticated
from automation.context import Context
from automation.permissions import CHECKED_INSIDE, needed_for
from automation.registry import organizations
from automation.scopes import opens
from contracts.errors import Forbidden, NotFound
from contracts.organizations import is_slug
from contracts.refs import is_ref, is_uuid

_bearer = HTTPBearer(
    auto_error=False, description="An access token, `sbp_` and 40 hex digits, or that of a login."
)


def context_of(request: Request) -> Context:
    """The process's, or the one whose transaction this request joins (api/idempotency.py)."""
    ctx: Context = getattr(request.state, "context", request.app.state.context)
    return ctx


ContextOf = Annotated[Context, Depends(context_of)]


def authenticate(ctx: Context, request: Request) -> Actor:
    """Whose the request's token is. Raises Unauthorized, BackendDown."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    actor = authenticated(ctx, request.app.state.realm_keys, bearer)
    address = request.client.host if request.client else ""
    return replace(actor, address=address, request_id=request.state.request_id)


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
