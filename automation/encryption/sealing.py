"""How the API's process seals what workers will open: it has a public key, and no other.

So it can take a password or a webhook's secret while no worker lives, in the transaction of the
request. The alternative, to hand the text to a worker's socket, would make every such request fail
without a worker, and could not be part of that transaction.
"""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from automation.encryption.envelope import PublicKek, RecordName, Sealed, seal
from automation.registry import encryption_keys
from contracts.errors import SetupFailed


def seal_for_workers(conn: Connection[Any], record: RecordName, text: str) -> Sealed:
    return seal_all_for_workers(conn, {record: text})[record]


def seal_all_for_workers(
    conn: Connection[Any], texts: Mapping[RecordName, str]
) -> dict[RecordName, Sealed]:
    key = encryption_keys.find_public(conn, encryption_keys.INBOX)
    if key is None or key.public_key is None:
        raise SetupFailed(
            "the registry has no key to seal by yet", code="inbox_key_missing", fix="croft up"
        )
    kek = PublicKek(key.id, key.public_key)
    return {record: seal(kek, record, text) for record, text in texts.items()}
