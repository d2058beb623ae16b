"""Rows of `idempotency_keys`: what was answered to requests that carried a key.

Owns who is answering one at the moment, by a lock that ends with the transaction, and that answers
are replayed for a day. Must not know HTTP, nor what an answer says.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from automation.encryption.envelope import RecordName, Sealed, bound_together

KEPT_H = 24
PURGED_AT_ONCE_MAX = 100


@dataclass(frozen=True)
class Answer:
    request_hash: bytes
    status: int
    headers: dict[str, str]
    body: bytes
    is_sealed: bool


def begin(conn: Connection[Any], actor: str, key: str) -> bool:
    """Whether nobody else is answering it; if so this transaction is, until it ends."""
    row = conn.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s || chr(10) || %s, 0))", [actor, key]
    ).fetchone()
    return row is not None and bool(row[0])


def find(conn: Connection[Any], actor: str, key: str) -> Answer | None:
    with conn.cursor(row_factory=class_row(Answer)) as cursor:
        return cursor.execute(
            "SELECT request_hash, status, headers, body, is_sealed FROM idempotency_keys"
            " WHERE actor = %s AND key = %s AND created_at > now() - %s * interval '1 hour'",
            [actor, key, KEPT_H],
        ).fetchone()


def put(conn: Connection[Any], actor: str, key: str, answer: Answer) -> None:
    """Also deletes some of those that are too old."""
    conn.execute(
        "DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY("
        "  SELECT ctid FROM idempotency_keys"
        "   WHERE created_at < now() - %(kept_h)s * interval '1 hour'"
        "   ORDER BY created_at LIMIT %(max)s FOR UPDATE SKIP LOCKED))",
        {"kept_h": KEPT_H, "max": PURGED_AT_ONCE_MAX},
    )
    conn.execute(
        "INSERT INTO idempotency_keys (actor, key, request_hash, status, headers, body, is_sealed)"
        " VALUES (%(actor)s, %(key)s, %(request_hash)s, %(status)s, %(headers)s, %(body)s,"
        "         %(is_sealed)s)"
        " ON CONFLICT (actor, key) DO UPDATE SET request_hash = excluded.request_hash,"
        "   status = excluded.status, headers = excluded.headers, body = excluded.body,"
        "   is_sealed = excluded.is_sealed, created_at = now()",
        {"actor": actor, "key": key, **vars(answer), "headers": Jsonb(answer.headers)},
    )


def record_of(owner: str, key: str) -> RecordName:
    """What a sealed answer is bound to."""
    return RecordName("answers", bound_together(owner, key).hex())


def packed(sealed: Sealed) -> bytes:
    return json.dumps(
        {
            name: base64.b64encode(part).decode() if isinstance(part, bytes) else part
            for name, part in vars(sealed).items()
        }
    ).encode()


def unpacked(body: bytes) -> Sealed:
    parts: dict[str, str] = json.loads(body)
    decoded = {
        name: base64.b64decode(parts[name]) for name in ("wrapped_dek", "nonce", "ciphertext")
    }
    return Sealed(kek_id=parts["kek_id"], **decoded)
