"""Who may ask: one `sbp_` bearer token on every route but /health. And what routes work with.

Owns the check of a request. Must not know how tokens are stored.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from automation.actors import Actor
from automation.context import Context
from automation.registry import access_tokens
from contracts.errors import Unauthorized

_bearer = HTTPBearer(auto_error=False, description="An access token: `sbp_` and 40 hex digits.")


def context_of(request: Request) -> Context:
    ctx: Context = request.app.state.context
    return ctx


ContextOf = Annotated[Context, Depends(context_of)]


def require_actor(
    request: Request,
    ctx: ContextOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    if credentials is not None:
        with ctx.transaction() as conn:
            name = access_tokens.find_name(conn, credentials.credentials)
        if name is not None:
            address = request.client.host if request.client else ""
            return Actor(f"token:{name}", address, request.state.request_id)
    raise Unauthorized(
        "no access token" if credentials is None else "this access token is not known here",
        code="unauthorized",
        fix="send `Authorization: Bearer <token>`; `croft up` writes the token to secrets/token",
    )


ActorOf = Annotated[Actor, Depends(require_actor)]
