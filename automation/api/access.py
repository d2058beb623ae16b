"""Who may ask: one `sbp_` bearer token on every route but /health. And what routes work with.

Owns the check of a request. Must not know how tokens are stored.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from automation.context import Context
from automation.registry import access_tokens
from contracts.errors import Unauthorized

_bearer = HTTPBearer(auto_error=False, description="An access token: `sbp_` and 40 hex digits.")


def context_of(request: Request) -> Context:
    ctx: Context = request.app.state.context
    return ctx


ContextOf = Annotated[Context, Depends(context_of)]


def require_token(
    ctx: ContextOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    if credentials is not None:
        with ctx.transaction() as conn:
            if access_tokens.is_valid(conn, credentials.credentials):
                return
    raise Unauthorized(
        "no access token" if credentials is None else "this access token is not known here",
        code="unauthorized",
        fix="send `Authorization: Bearer <token>`; `croft up` writes the token to secrets/token",
    )
