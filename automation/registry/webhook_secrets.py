"""Rows of `webhook_secrets`: what a webhook's deliveries are signed with.

Owns which of them sign: the current one, and earlier ones until their time is over. Must not know
how one is sealed, or what a signature is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from automation.encryption.envelope import Sealed
from automation.registry import sealed_records
from automation.registry.encryption_keys import PLATFORM
from automation.registry.sealed_records import SealedRow


@dataclass(frozen=True)
class WebhookSecretRow(SealedRow):
    webhook_id: UUID
    ends_at: datetime | None


def insert(conn: Connection[Any], webhook_id: UUID, sealed: Sealed) -> None:
    """The current one from now on; the one before must have an end."""
    conn.execute(
        "INSERT INTO webhook_secrets (webhook_id, kek_id, wrapped_dek, nonce, ciphertext)"
        " VALUES (%(id)s, %(kek_id)s, %(wrapped_dek)s, %(nonce)s, %(ciphertext)s)",
        {"id": webhook_id, **vars(sealed)},
    )


def list_signing(conn: Connection[Any], webhook_id: UUID) -> list[WebhookSecretRow]:
    """The current one first."""
    with conn.cursor(row_factory=class_row(WebhookSecretRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM webhook_secrets s"
            " WHERE webhook_id = %s AND (ends_at IS NULL OR ends_at > now())"
            " ORDER BY ends_at DESC NULLS FIRST, created_at DESC",
            [webhook_id],
        ).fetchall()


def end(conn: Connection[Any], webhook_id: UUID, ends_at: datetime) -> None:
    """None of them signs after that."""
    conn.execute(
        # least() ignores nulls.
        "UPDATE webhook_secrets SET ends_at = least(ends_at, %s) WHERE webhook_id = %s",
        [ends_at, webhook_id],
    )


def prune(conn: Connection[Any]) -> None:
    conn.execute("DELETE FROM webhook_secrets WHERE ends_at <= now()")


def take_outdated(
    conn: Connection[Any], *, limit: int, passing: Collection[UUID]
) -> list[WebhookSecretRow]:
    """Some, of any webhook, whose key is not the current one; held."""
    return sealed_records.take_outdated(
        conn,
        WebhookSecretRow,
        f"SELECT {_COLUMNS} FROM webhook_secrets s",
        owner=f"'{PLATFORM}'",
        limit=limit,
        passing=passing,
    )


def rewrap(conn: Connection[Any], anew: Mapping[UUID, Sealed]) -> None:
    sealed_records.rewrap(conn, "webhook_secrets", anew)


_COLUMNS: LiteralString = f"{sealed_records.COLUMNS}, s.webhook_id, s.ends_at"
