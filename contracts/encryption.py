"""What the Management API says of the keys that secrets are wrapped by.

Owns the views: how far what is stored has followed its newest keys. Must not know a key.
"""

from datetime import datetime

from pydantic import BaseModel


class Encryption(BaseModel):
    """GET /v1/encryption. What is `left` can be read like the rest, and is being re-wrapped."""

    root_key: str
    """Where the root key is, or an id that says nothing of it; with its version."""
    keys: int
    keys_left: int
    """Wrapped by another root key than this one."""
    secrets: int
    secrets_left: int
    """Wrapped by a retired key, or by the one that the API seals with."""


class EncryptionKey(BaseModel):
    """GET /v1/projects/{ref}/encryption-key."""

    created_at: datetime | None
    """None until something is sealed or wrapped by it for the first time."""
    secrets: int
    secrets_left: int
    """Wrapped by an older one still, or by the one that the API seals with."""
