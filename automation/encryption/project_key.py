"""A project's key, as its owners see it.

Owns what is shown of it, and asking for a newer one. Must not open anything: a worker makes the
newer key, and wraps the secrets by it (rotation.py).
"""

from typing import Any

from psycopg import Connection

from automation import audit, operations
from automation.actors import Actor
from automation.context import Context
from automation.registry import encryption_keys, reconciler_runs
from contracts.encryption import EncryptionKey


def get(ctx: Context, ref: str) -> EncryptionKey:
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        return _view(conn, ref)


def rotate(ctx: Context, actor: Actor, ref: str) -> EncryptionKey:
    """The project's next secret is sealed with a new key, and workers rewrap the others by it."""
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref, lock=True)
        retired = encryption_keys.retire(conn, ref)
        reconciler_runs.want(conn, "keys")
        audit.record_project(
            conn, actor, row, "projects.rotate_encryption_key", before={"retired": retired}
        )
        return _view(conn, ref)


def _view(conn: Connection[Any], ref: str) -> EncryptionKey:
    key = encryption_keys.find_public(conn, ref)
    secrets, left = encryption_keys.count_records(conn, ref)
    created_at = None if key is None else key.created_at
    return EncryptionKey(created_at=created_at, secrets=secrets, secrets_left=left)
