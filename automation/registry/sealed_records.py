"""What the tables of sealed records share: their columns, and how they are rewrapped.

Must not know keys, how a record is sealed (automation/encryption/envelope.py does), nor what it
says.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from automation.encryption.envelope import Sealed

COLUMNS: LiteralString = "s.id, s.kek_id, s.wrapped_dek, s.nonce, s.ciphertext"


@dataclass(frozen=True)
class SealedRow:
    id: UUID
    kek_id: str
    wrapped_dek: bytes
    nonce: bytes
    ciphertext: bytes

    @property
    def sealed(self) -> Sealed:
        return Sealed(self.kek_id, self.wrapped_dek, self.nonce, self.ciphertext)


Row = TypeVar("Row", bound=SealedRow)


def take_outdated(
    conn: Connection[Any],
    row_type: type[Row],
    select: LiteralString,
    *,
    owner: LiteralString,
    limit: int,
    passing: Collection[UUID],
) -> list[Row]:
    """Some whose key is not the current one of their `owner`, an SQL expression; held. `select`
    ends with its FROM, where the records are `s`."""
    with conn.cursor(row_factory=class_row(row_type)) as cursor:
        return cursor.execute(
            f"{select} JOIN encryption_keys k ON k.id = s.kek_id"
            f" WHERE (k.retired_at IS NOT NULL OR k.owner <> {owner}) AND s.id <> ALL (%s)"
            " ORDER BY s.id LIMIT %s FOR UPDATE OF s SKIP LOCKED",
            [list(passing), limit],
        ).fetchall()


def rewrap(conn: Connection[Any], table: LiteralString, anew: Mapping[UUID, Sealed]) -> None:
    """The same records, by id, under other keys: their ciphertexts stay."""
    conn.execute(
        f"UPDATE {table} s SET kek_id = n.kek_id, wrapped_dek = n.wrapped_dek"
        " FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS n (id, kek_id, wrapped_dek)"
        " WHERE s.id = n.id",
        [
            list(anew),
            [sealed.kek_id for sealed in anew.values()],
            [sealed.wrapped_dek for sealed in anew.values()],
        ],
    )
