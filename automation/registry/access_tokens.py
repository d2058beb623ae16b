"""Rows of `access_tokens`: sha256 hashes only. A token has 160 random bits: a fast hash suffices.

Must not know who asks or how a token is written down.
"""

import hashlib
import hmac
from typing import Any

from psycopg import Connection

# The name of the token that `croft up` writes to a file.
OPERATOR = "operator"


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def ensure(conn: Connection[Any], *, name: str, token: str) -> None:
    """Make `token` the valid one of this name; an earlier one of the name is valid no longer."""
    conn.execute(
        "INSERT INTO access_tokens (hash, name) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, revoked_at = NULL",
        [hash_token(token), name],
    )


def find_name(conn: Connection[Any], token: str) -> str | None:
    """The name of a valid token. Every hash is compared in constant time rather than asking an
    index for one."""
    wanted = hash_token(token)
    rows = conn.execute("SELECT hash, name FROM access_tokens WHERE revoked_at IS NULL").fetchall()
    found = [name for known, name in rows if hmac.compare_digest(bytes(known), wanted)]
    return found[0] if found else None
