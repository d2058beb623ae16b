"""Rows of `encryption_keys`: key-encryption keys, each wrapped by the root key.

Owns which one of an owner's is current, and that none is deleted while a record needs it (a foreign
key sees to that). Must not know how a key is wrapped. Owners are projects, by ref, and two words.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

# For records that belong to no project; and for what the API seals but cannot open.
PLATFORM, INBOX = "platform", "inbox"
# Twice as long as answers are kept for repeated requests: the inbox key wraps them, and they are in
# no row with a foreign key.
INBOX_KEPT_H = 48

_ROOT_LOCK = 0x726F6F746B6579


@dataclass(frozen=True)
class KeyRow:
    id: str
    owner: str
    root_id: str
    wrapped: bytes
    public_key: bytes | None
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True)
class PublicKey:
    id: str
    public_key: bytes | None
    created_at: datetime


def lock_root(conn: Connection[Any], *, alone: bool = False) -> None:
    """For whoever wraps by the root key: none of its versions goes until the transaction ends.
    Alone, for whoever removes one, once nobody is wrapping."""
    shared = "" if alone else "_shared"
    conn.execute(f"SELECT pg_advisory_xact_lock{shared}(%s)", [_ROOT_LOCK])


def find_public(conn: Connection[Any], owner: str) -> PublicKey | None:
    """The owner's current key, as far as the API may see it."""
    with conn.cursor(row_factory=class_row(PublicKey)) as cursor:
        return cursor.execute(
            "SELECT id, public_key, created_at FROM encryption_keys"
            " WHERE owner = %s AND retired_at IS NULL",
            [owner],
        ).fetchone()


def hold_current(conn: Connection[Any], owners: Collection[str]) -> dict[str, KeyRow]:
    """Those of the owners that have one. They are not destroyed before the transaction ends, but
    may be retired."""
    with conn.cursor(row_factory=class_row(KeyRow)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM encryption_keys WHERE owner = ANY (%s) AND retired_at IS NULL"
            " FOR KEY SHARE",
            [list(owners)],
        )
        return {row.owner: row for row in found}


def find(conn: Connection[Any], key_ids: Collection[str]) -> dict[str, KeyRow]:
    """Those that exist."""
    with conn.cursor(row_factory=class_row(KeyRow)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM encryption_keys WHERE id = ANY (%s)", [list(key_ids)]
        )
        return {row.id: row for row in found}


def insert(
    conn: Connection[Any],
    *,
    id: str,
    owner: str,
    root_id: str,
    wrapped: bytes,
    public_key: bytes | None,
) -> None:
    """Unless the owner has a current one already."""
    conn.execute(
        "INSERT INTO encryption_keys (id, owner, root_id, wrapped, public_key)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [id, owner, root_id, wrapped, public_key],
    )


def retire(conn: Connection[Any], *owners: str) -> list[str]:
    """Retire the owners' current keys: they still open, but seal no more. Returns their ids."""
    retired = conn.execute(
        "UPDATE encryption_keys SET retired_at = now()"
        " WHERE owner = ANY (%s) AND retired_at IS NULL RETURNING id",
        [list(owners)],
    )
    return [id for (id,) in retired]


def delete_of(conn: Connection[Any], owner: str) -> None:
    """What they wrapped can never be opened again. Raises ForeignKeyViolation while it is there."""
    conn.execute("DELETE FROM encryption_keys WHERE owner = %s", [owner])


def delete_retired(conn: Connection[Any]) -> int:
    """Delete those that nothing needs any more; returns how many."""
    return conn.execute(
        "DELETE FROM encryption_keys k WHERE retired_at IS NOT NULL"
        " AND (owner <> %(inbox)s OR retired_at < now() - %(kept_h)s * interval '1 hour')"
        " AND NOT EXISTS (SELECT FROM project_secrets s WHERE s.kek_id = k.id)"
        " AND NOT EXISTS (SELECT FROM webhook_secrets s WHERE s.kek_id = k.id)",
        {"inbox": INBOX, "kept_h": INBOX_KEPT_H},
    ).rowcount


def take_not_under(
    conn: Connection[Any], *, root_id: str, limit: int, passing: Collection[str] = ()
) -> list[KeyRow]:
    """Some that another root key wraps, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(KeyRow)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM encryption_keys WHERE root_id <> %s AND id <> ALL(%s)"
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [root_id, list(passing), limit],
        ).fetchall()


def rewrap(conn: Connection[Any], key_id: str, root_id: str, wrapped: bytes) -> None:
    conn.execute(
        "UPDATE encryption_keys SET root_id = %s, wrapped = %s WHERE id = %s",
        [root_id, wrapped, key_id],
    )


def root_ids(conn: Connection[Any]) -> set[str]:
    return {row[0] for row in conn.execute("SELECT DISTINCT root_id FROM encryption_keys")}


def count(conn: Connection[Any], root_id: str) -> tuple[int, int]:
    """How many keys there are, and how many of them another root key wraps."""
    row = conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE root_id <> %s) FROM encryption_keys", [root_id]
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def count_records(conn: Connection[Any], owner: str | None = None) -> tuple[int, int]:
    """How many records have a key here, all or an owner's, and how many of them should have a newer
    one."""
    row = conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE k.retired_at IS NOT NULL OR k.owner <> r.owner)"
        " FROM (SELECT kek_id, project_ref AS owner FROM project_secrets"
        "       UNION ALL SELECT kek_id, %(platform)s FROM webhook_secrets) r"
        " JOIN encryption_keys k ON k.id = r.kek_id"
        " WHERE %(owner)s::text IS NULL OR r.owner = %(owner)s",
        {"platform": PLATFORM, "owner": owner},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


_COLUMNS = "id, owner, root_id, wrapped, public_key, created_at, retired_at"
