"""API keys as the Management API shows them: anon and service_role, and those that are issued
besides, publishable or secret. Supabase's shapes.

Owns the views and the forms. Must not know where a key is kept.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

IssuedType = Literal["publishable", "secret"]
KeyName = Annotated[str, Field(min_length=4, max_length=64, pattern=r"^[a-z_][a-z0-9_]+$")]
Description = Annotated[str, Field(max_length=500, json_schema_extra={"pattern": r"^[^\u0000]*$"})]


# Under these Supabase's libraries look for one key; with an S for all, an object by name.
VARIABLES: Mapping[IssuedType, str] = {
    "publishable": "SUPABASE_PUBLISHABLE_KEY",
    "secret": "SUPABASE_SECRET_KEY",
}


def probe_key(jwt_secret: str) -> str:
    """By which the platform asks a project whether it answers, so that its questions are nobody's
    use of a key. It lets in as anon, is given to nobody, and is another one with each JWT secret.
    """
    digest = hmac.digest(jwt_secret.encode(), b"basecroft probe key", hashlib.sha256)
    return f"sb_probe_{digest.hex()}"


class JwtTemplate(BaseModel):
    """The role that a secret key acts as; there is only one."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["service_role"]


class ApiKey(BaseModel):
    """Element of GET /v1/projects/{ref}/api-keys; `api_key` is null unless `reveal=true`."""

    id: str
    name: str
    type: Literal["legacy", "publishable", "secret"] = "legacy"
    api_key: str | None = None
    prefix: str | None = None
    """What it begins with."""
    hash: str | None = None
    """SHA-256 of it, in hex."""
    description: str | None = None
    secret_jwt_template: JwtTemplate | None = None
    inserted_at: datetime | None = None
    updated_at: datetime | None = None


class ApiKeyCreate(BaseModel):
    """Body of POST .../api-keys."""

    model_config = ConfigDict(extra="forbid")

    type: IssuedType
    name: KeyName
    description: Description | None = None
    secret_jwt_template: JwtTemplate | None = None


class ApiKeyPatch(BaseModel):
    """Body of PATCH .../api-keys/{id}."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName | None = None
    description: Description | None = None
    secret_jwt_template: JwtTemplate | None = None


class LegacyKeys(BaseModel):
    """GET .../api-keys/legacy: whether the anon and service_role keys are accepted."""

    enabled: bool
