"""What the Management API says of personal access tokens, and of who asks.

Owns the views that the API returns and the CLI reads. Must not know how a token is stored, nor
which route a scope opens (automation/scopes.py).
"""

from datetime import datetime
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.organizations import Role
from contracts.projects import SLUG, Name

# Supabase's: in this form, with 40 hex digits, the official CLI checks a token before it sends it.
TOKEN_PREFIX = "sbp_"
# `all` is whatever the member may do; `read` is to look at everything but secrets.
Scope = Literal[
    "all",
    "read",
    "organizations:read",
    "organizations:write",
    "projects:read",
    "projects:write",
    "secrets:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)


class AccessToken(BaseModel):
    """Element of GET /v1/tokens. The token itself is shown once, when it is made."""

    id: str
    name: str
    token_alias: str
    scopes: list[Scope]
    organization_slug: str | None
    """The one organization that it is good in; null is all of its member's."""
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class AccessTokenCreated(AccessToken):
    token: str


class AccessTokenCreate(BaseModel):
    """Body of POST /v1/tokens. Without an expiry it is valid until it is revoked."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: list[Scope] = Field(default=["all"], min_length=1)
    organization_slug: str | None = Field(default=None, pattern=SLUG)
    expires_at: AwareDatetime | None = None


class ProfileOrganization(BaseModel):
    slug: str
    role_name: Role


class Profile(BaseModel):
    """GET /v1/profile: who is asking. The first three are Supabase's."""

    gotrue_id: str
    primary_email: str
    username: str
    is_operator: bool
    scopes: list[Scope]
    organizations: list[ProfileOrganization]
