"""Who may ask: a bearer token on every route of /v1. And what routes work with.

Owns the check of a request: whose it is, and that its route is open to them. Must not know what a
token is (automation/authentication.py), nor what makes a route open (automation/authorization.py).
"""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from automation.actors import Actor
from automation.authentication import authenticated
from automation.authorization import require_allowed
from automation.context import Context
from automation.followers import Followers
from automation.key_service import client as key_service

_bearer = HTTPBearer(
    auto_error=False, description="An access token, `sbp_` and 40 hex digits, or that of a login."
)


def context_of(request: Request) -> Context:
    """The process's own, or the one whose transaction this request joins (api/idempotency.py)."""
    ctx: Context = getattr(request.state, "context", request.app.state.context)
    return ctx


ContextOf = Annotated[Context, Depends(context_of)]


def followers_of(request: Request) -> Followers:
    followers: Followers = request.app.state.followers
    return followers


FollowersOf = Annotated[Followers, Depends(followers_of)]


def authenticate(ctx: Context, request: Request) -> Actor:
    """Who sent the request, by its token. Raises Unauthorized, BackendDown."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    stranger = Actor(
        "stranger",
        address=request.client.host if request.client else "",
        request_id=request.state.request_id,
        bearer=bearer,
    )
    actor = authenticated(
        ctx,
        request.app.state.realm_keys,
        bearer,
        lambda login: key_service.first_login(ctx.settings.home, stranger),
    )
    return replace(actor, address=stranger.address, request_id=stranger.request_id)


def require_actor(
    request: Request,
    ctx: ContextOf,
    described: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """`described` is for openapi/management.json, which has to name the scheme."""
    return authenticate(ctx, request)


ActorOf = Annotated[Actor, Depends(require_actor)]


def authorize(request: Request, ctx: ContextOf, actor: ActorOf) -> None:
    """Before any route runs."""
    require_allowed(ctx, actor, request.scope["route"].name, request.method, request.path_params)
