"""A project's keys as the Management API tells of them, and keys that a project brings along.

Owns these forms and the words for them, Supabase's where it has some. Must not know how a key is
made, checked or kept.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.api_keys import IssuedType
from contracts.numbers import WithCounts

# What rotates. api: JWT secret with the anon and service_role keys that it signed; database: the
# login of `db_url`; storage: the bucket's user.
RotatedKind = Literal["api", "database", "storage"]
ROTATED_KINDS: tuple[RotatedKind, ...] = get_args(RotatedKind)
Kinds = Annotated[list[RotatedKind], Field(min_length=1, max_length=len(ROTATED_KINDS))]
OVERLAP_DEFAULT_S = 24 * 3600
OVERLAP_MAX_S = 90 * 24 * 3600
KeyStatus = Literal["standby", "in_use", "previously_used", "revoked"]

# The gateway counts requests by the key that let them in, of one that was issued by its id. The
# platform's own, and those of whoever has no key, are nobody's use of the project.
PROBE, NO_KEY = "probe", "refused"


def counted_as(generation: int) -> str:
    """Of the anon and service_role keys of that generation."""
    return f"api-{generation}"


# Less than that PostgREST refuses: HS256 wants a key as long as its digest.
JWT_SECRET_LENGTH_MIN = 32
TOKEN_LENGTH_MAX = 4096
ISSUER_LENGTH_MAX = 400

Token = Annotated[str, Field(max_length=TOKEN_LENGTH_MAX)]
TokenIssuer = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=ISSUER_LENGTH_MAX)]


def _check_password(password: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        raise ValueError("a password holds no control characters")
    return password


Password = Annotated[
    str,
    Field(
        min_length=8,
        max_length=128,
        json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"},
    ),
    AfterValidator(_check_password),
]


# Of storage nothing is known: MinIO tells nothing of its users.
LastUse = datetime | Literal["never", "unknown"]


class ProjectKey(BaseModel):
    """Element of GET .../keys: one generation of one kind, or one that was issued besides. A key
    itself is never in it."""

    id: str
    kind: RotatedKind | IssuedType
    generation: int | None = None
    """Of what rotates."""
    name: str | None = None
    """Of what was issued."""
    status: KeyStatus
    created_at: datetime
    updated_at: datetime
    accepted_until: datetime | None
    """Of a key that was previously used: then it is revoked."""
    last_used_at: LastUse
    """To the minute, as far as the servers tell. Of `api` by its anon and service_role keys: tokens
    that the JWT secret signed for people are not seen."""


class KeysToRotate(WithCounts):
    """Body of POST .../keys/rotate."""

    model_config = ConfigDict(extra="forbid")

    kinds: Kinds = list(ROTATED_KINDS)
    overlap_s: int = Field(default=OVERLAP_DEFAULT_S, ge=0, le=OVERLAP_MAX_S, strict=True)
    """How long the keys of now are accepted besides the new ones."""


class KeysToRevoke(BaseModel):
    """Body of POST .../keys/revoke."""

    model_config = ConfigDict(extra="forbid")

    kinds: Kinds = list(ROTATED_KINDS)


class DatabasePassword(BaseModel):
    """Body of PATCH .../database/password."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    password: Password


class DatabasePasswordChanged(BaseModel):
    message: str = "The password is being changed, and the name of its login with it."


class AdoptedKeys(BaseModel):
    """Keys of elsewhere for a new project, so that apps change nothing but its URL. What is left
    out is made."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    jwt_secret: str = Field(min_length=JWT_SECRET_LENGTH_MIN, max_length=512)
    anon_key: Token | None = None
    service_role_key: Token | None = None
    signing_keys: list[dict[str, Any]] = Field(default=[], max_length=8)
    """JWKs, private or public, whose tokens are accepted."""
    token_issuers: list[TokenIssuer] = Field(default=[], max_length=8)
    """`iss` of the user tokens to be accepted; Supabase's own is told by its anon key."""
