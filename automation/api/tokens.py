"""/v1/tokens: one's own personal access tokens; and /v1/profile: whose they are."""

from fastapi import APIRouter, status

from automation import profile, tokens
from automation.api.access import ActorOf, ContextOf
from automation.key_service import client as key_service
from contracts.tokens import AccessToken, AccessTokenCreate, AccessTokenCreated, Profile

router = APIRouter(tags=["tokens"])


@router.get("/profile")
def profile_get(ctx: ContextOf, actor: ActorOf) -> Profile:
    return profile.get(ctx, actor)


@router.get("/tokens")
def tokens_list(ctx: ContextOf, actor: ActorOf) -> list[AccessToken]:
    return tokens.list_tokens(ctx, actor)


@router.post("/tokens", status_code=status.HTTP_201_CREATED)
def tokens_create(ctx: ContextOf, actor: ActorOf, wanted: AccessTokenCreate) -> AccessTokenCreated:
    """The token is shown only once."""
    return key_service.change(ctx, actor, "tokens_create", AccessTokenCreated, body=wanted)


@router.post("/tokens/{token_id}/rotate")
def tokens_rotate(ctx: ContextOf, actor: ActorOf, token_id: str) -> AccessTokenCreated:
    """A new secret for the same token. The old one stops working."""
    path = {"token_id": token_id}
    return key_service.change(ctx, actor, "tokens_rotate", AccessTokenCreated, path)


@router.delete("/tokens/{token_id}")
def tokens_revoke(ctx: ContextOf, actor: ActorOf, token_id: str) -> AccessToken:
    """Tokens that were made with it are revoked too."""
    path = {"token_id": token_id}
    return key_service.change(ctx, actor, "tokens_revoke", AccessToken, path)
