"""Rotation: a newer key becomes current, and what the older one wrapped follows.

Owns that of the root key and of the platform's own (a project's begins in project_key.py), that
everything is wrapped by what is current, and that what nothing needs any more is destroyed. The
rows themselves are the only record of a rotation: when a worker is killed in the middle, the next
one that looks continues, and readers find old and new all the time. Only wraps change; no
ciphertext is touched. Must not know SQL, or how a key is kept.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import psycopg

from automation.context import Context
from automation.encryption.envelope import RecordName, Sealed, SecretUnreadable
from automation.encryption.keyring import Keyring
from automation.failpoints import failpoint
from automation.registry import (
    encryption_keys,
    project_secrets,
    reconciler_runs,
    webhook_secrets,
)
from automation.registry.encryption_keys import KeyRow
from automation.registry.project_secrets import SecretRow
from automation.registry.sealed_records import SealedRow
from automation.registry.webhook_secrets import WebhookSecretRow
from automation.webhooks import secret_name
from contracts.encryption import Encryption

BATCH_ROWS = 500

Connection: TypeAlias = psycopg.Connection[Any]
# By the id of the row that does not open.
Unreadable: TypeAlias = dict[Any, SecretUnreadable]

log = logging.getLogger(__name__)


def status(conn: Connection, keyring: Keyring) -> Encryption:
    """Raises PlatformError when the root key is away."""
    root_key = keyring.roots.health()
    keys, keys_left = encryption_keys.count(conn, root_key)
    secrets, secrets_left = encryption_keys.count_records(conn)
    return Encryption(
        root_key=root_key,
        keys=keys,
        keys_left=keys_left,
        secrets=secrets,
        secrets_left=secrets_left,
    )


def rotate_root(conn: Connection, keyring: Keyring) -> list[str]:
    """Make a newer root key; returns the id of the old one. Raises Conflict where that is done
    elsewhere."""
    encryption_keys.lock_root(conn, alone=True)
    retired = keyring.roots.health()
    keyring.roots.rotate()
    reconciler_runs.want(conn, "keys")
    return [retired]


def rotate_platform(conn: Connection, keyring: Keyring) -> list[str]:
    """Make a newer key for what belongs to no project, and one for the API to seal with; returns
    the ids of the old ones."""
    retired = encryption_keys.retire(conn, encryption_keys.PLATFORM, encryption_keys.INBOX)
    keyring.ensure_inbox(conn)
    reconciler_runs.want(conn, "keys")
    return retired


def follow(ctx: Context, keyring: Keyring) -> list[str]:
    """Wrap all by what is current, then destroy what nothing needs; returns what was done."""
    root_id = keyring.roots.health()

    def wrap_secrets(conn: Connection, rows: list[SecretRow]) -> Unreadable:
        names = [RecordName(row.project_ref, row.name, row.version) for row in rows]
        return _wrap_records(conn, keyring, rows, names, project_secrets.rewrap)

    def wrap_webhooks(conn: Connection, rows: list[WebhookSecretRow]) -> Unreadable:
        names = [secret_name(row.webhook_id) for row in rows]
        return _wrap_records(conn, keyring, rows, names, webhook_secrets.rewrap)

    def wrap_keys(conn: Connection, rows: list[KeyRow]) -> Unreadable:
        unreadable: Unreadable = {}
        for row in rows:
            try:
                keyring.wrap_anew(conn, row)
            except SecretUnreadable as error:
                unreadable[row.id] = error
        return unreadable

    # Keys last: rewrapping the others may have made one under an older root key.
    counts = {
        "secrets wrapped anew": _each(ctx, project_secrets.take_outdated, wrap_secrets),
        "webhooks wrapped anew": _each(ctx, webhook_secrets.take_outdated, wrap_webhooks),
        "keys wrapped anew": _each(
            ctx, partial(encryption_keys.take_not_under, root_id=root_id), wrap_keys
        ),
    }
    with ctx.transaction() as conn:
        counts["retired keys destroyed"] = encryption_keys.delete_retired(conn)
    with ctx.transaction() as conn:
        # Whoever wraps by a version holds this lock too, until the row can be seen.
        encryption_keys.lock_root(conn, alone=True)
        gone = keyring.roots.forget(encryption_keys.root_ids(conn))
        counts["root keys destroyed"] = len(gone)
    return [f"{count} {what}" for what, count in counts.items() if count]


R = TypeVar("R")


def _each(
    ctx: Context, take: Callable[..., list[R]], wrap: Callable[[Connection, list[R]], Unreadable]
) -> int:
    """Returns how many were wrapped. What does not open is skipped, and stays as it is for someone
    to find out why; what another worker has in hand is left to it."""
    done, passing = 0, list[Any]()
    while True:  # each round takes some that no round has taken
        with ctx.transaction() as conn:
            encryption_keys.lock_root(conn)
            taken = take(conn, limit=BATCH_ROWS, passing=passing)
            unreadable = wrap(conn, taken)
        for error in unreadable.values():
            log.warning("not wrapped anew: %s", error.message)
        passing.extend(unreadable)
        done += len(taken) - len(unreadable)
        failpoint("follow:batch")
        if not taken:
            return done


def _wrap_records(
    conn: Connection,
    keyring: Keyring,
    rows: Sequence[SealedRow],
    names: Sequence[RecordName],
    put: Callable[[Connection, Mapping[UUID, Sealed]], None],
) -> Unreadable:
    records = [(name, row.sealed) for name, row in zip(names, rows, strict=True)]
    anew, unreadable = dict[UUID, Sealed](), dict[Any, SecretUnreadable]()
    for row, each in zip(rows, keyring.rewrap(conn, records), strict=True):
        if isinstance(each, Sealed):
            anew[row.id] = each
        else:
            unreadable[row.id] = each
    put(conn, anew)
    return unreadable
