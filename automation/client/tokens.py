"""Calls about the caller: their profile and their access tokens."""

from collections.abc import Sequence
from datetime import datetime

from automation.client.bodies import valid
from automation.transport import Transport, read, segment
from contracts.tokens import AccessToken, AccessTokenCreate, AccessTokenCreated, Profile


class TokenCalls:
    _at: Transport

    def profile(self) -> Profile:
        return read(Profile, self._at.ask("GET", "/v1/profile"))

    def tokens(self) -> list[AccessToken]:
        return read(list[AccessToken], self._at.ask("GET", "/v1/tokens"))

    def create_token(
        self,
        name: str,
        *,
        scopes: Sequence[str] = ("all",),
        organization_slug: str | None = None,
        expires_at: datetime | None = None,
    ) -> AccessTokenCreated:
        wanted = valid(
            AccessTokenCreate,
            name=name,
            scopes=list(scopes),
            organization_slug=organization_slug,
            expires_at=expires_at,
        )
        body = wanted.model_dump(mode="json")
        return read(AccessTokenCreated, self._at.ask("POST", "/v1/tokens", json=body))

    def rotate_token(self, token_id: str) -> AccessTokenCreated:
        path = f"/v1/tokens/{segment(token_id)}/rotate"
        return read(AccessTokenCreated, self._at.ask("POST", path))

    def revoke_token(self, token_id: str) -> AccessToken:
        return read(AccessToken, self._at.ask("DELETE", f"/v1/tokens/{segment(token_id)}"))
