"""The key-encryption keys of an installation, opened: root key -> key of a project -> data key.

Owns which key a record is sealed with, and that keys are made when first needed. For workers only:
a process that has a keyring can open everything. Must not know SQL, or what secrets mean.

Each project has its own, which goes with it, so that what is left of a destroyed project, in
backups too, never opens again. A record that the API sealed is under the inbox key until a worker
has rewrapped it (automation/encryption/rotation.py).
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from psycopg import Connection

from automation.encryption.envelope import (
    KEY_BYTES,
    Kek,
    PrivateKek,
    RecordName,
    Sealed,
    SecretUnreadable,
    SymmetricKek,
    bound_together,
    public_half,
    rewrap,
    seal,
    unreadable,
    unseal,
)
from automation.encryption.root_keys import RootKeys, root_keys_of
from automation.registry import encryption_keys as rows
from automation.registry.encryption_keys import INBOX, PLATFORM, KeyRow
from contracts.home import Home
from contracts.refs import is_ref

FORM = "v1"
# A root key on another server is seldom asked; a destroyed key is never found here, since its row
# is looked up first.
CACHED_S = 300.0
CACHED_MAX = 4096


class Keyring:
    """Thread-safe. Every method that seals or opens does so in the caller's transaction."""

    def __init__(self, roots: RootKeys) -> None:
        self.roots = roots
        self._cached: dict[tuple[str, bytes], tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def seal(self, conn: Connection[Any], record: RecordName, text: str) -> Sealed:
        return self.seal_all(conn, {record: text})[record]

    def seal_all(
        self, conn: Connection[Any], texts: Mapping[RecordName, str]
    ) -> dict[RecordName, Sealed]:
        current = self._current(conn, {owner_of(record) for record in texts})
        keks = {owner: self._kek(row) for owner, row in current.items()}
        return {
            record: seal(keks[owner_of(record)], record, text) for record, text in texts.items()
        }

    def open(self, conn: Connection[Any], record: RecordName, sealed: Sealed) -> str:
        """Raises SecretUnreadable, BackendDown when the root key is away."""
        (text,) = self.open_all(conn, [(record, sealed)])
        return text

    def open_all(
        self, conn: Connection[Any], records: Sequence[tuple[RecordName, Sealed]]
    ) -> list[str]:
        """In their order. Raises as `open` does."""
        found = rows.find(conn, {sealed.kek_id for _, sealed in records})
        return [
            unseal(self._kek_of(found.get(sealed.kek_id), record), record, sealed)
            for record, sealed in records
        ]

    def rewrap(
        self, conn: Connection[Any], records: Sequence[tuple[RecordName, Sealed]]
    ) -> list[Sealed | SecretUnreadable]:
        """The same under their owners' current keys; for what does not open, the error."""
        old = rows.find(conn, {sealed.kek_id for _, sealed in records})
        new = self._current(conn, {owner_of(record) for record, _ in records})

        def anew(record: RecordName, sealed: Sealed) -> Sealed | SecretUnreadable:
            try:
                kek = self._kek_of(old.get(sealed.kek_id), record)
                return rewrap(kek, self._kek(new[owner_of(record)]), record, sealed)
            except SecretUnreadable as error:
                return error

        return [anew(record, sealed) for record, sealed in records]

    def ensure_inbox(self, conn: Connection[Any]) -> None:
        """The key that the API seals with, without being able to open."""
        self._current(conn, {INBOX})

    def wrap_anew(self, conn: Connection[Any], row: KeyRow) -> None:
        """Rewrap it by the newest root key. Raises SecretUnreadable."""
        root_id, wrapped = self.roots.wrap(self._unwrapped(row), _bound_to(row.id, row.owner))
        rows.rewrap(conn, row.id, root_id, wrapped)

    def _current(self, conn: Connection[Any], owners: Set[str]) -> dict[str, KeyRow]:
        """The current key of each, held."""
        found = rows.hold_current(conn, owners)
        if missing := owners - found.keys():
            for owner in sorted(missing):
                self._make(conn, owner)
            found |= rows.hold_current(conn, missing)
        return found

    def _make(self, conn: Connection[Any], owner: str) -> None:
        id, key = uuid4().hex, os.urandom(KEY_BYTES)
        rows.lock_root(conn)
        root_id, wrapped = self.roots.wrap(key, _bound_to(id, owner))
        public_key = public_half(key) if owner == INBOX else None
        rows.insert(
            conn, id=id, owner=owner, root_id=root_id, wrapped=wrapped, public_key=public_key
        )

    def _kek_of(self, row: KeyRow | None, record: RecordName) -> Kek:
        """The key, if it may have wrapped the record."""
        if row is None or row.owner not in (owner_of(record), INBOX):
            raise unreadable(record)
        return self._kek(row)

    def _kek(self, row: KeyRow) -> Kek:
        key = self._unwrapped(row)
        return PrivateKek(row.id, key) if row.owner == INBOX else SymmetricKek(row.id, key)

    def _unwrapped(self, row: KeyRow) -> bytes:
        now = time.monotonic()
        # The wrapped key is part of the name: a row that was changed is not opened from here.
        name = (f"{row.id} {row.owner} {row.root_id}", row.wrapped)
        with self._lock:
            until, key = self._cached.get(name, (0.0, b""))
        if until > now:
            return key
        try:
            key = self.roots.unwrap(row.root_id, row.wrapped, _bound_to(row.id, row.owner))
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(
                f"the key of {row.owner} does not open",
                fix="restore the root key that wrapped it, or the registry",
            ) from error
        with self._lock:
            if len(self._cached) >= CACHED_MAX:
                self._cached.clear()
            self._cached[name] = (now + CACHED_S, key)
        return key


def open_keyring(home: Home, environ: Mapping[str, str] = {}) -> Keyring:
    """Raises SetupFailed."""
    return Keyring(root_keys_of(home, environ))


def owner_of(record: RecordName) -> str:
    return record.owner if is_ref(record.owner) else PLATFORM


def _bound_to(id: str, owner: str) -> bytes:
    return bound_together("key", FORM, id, owner)
